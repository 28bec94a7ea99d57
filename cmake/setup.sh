# Sourced by quick_start.sh, test.sh and .ci/run: installs what is missing, and picks the GPU where
# there is one and the emulated device where there is none.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# install_packages <package>...: installs with apt those that are missing.
install_packages() {
  command -v dpkg-query >/dev/null ||
    fail "this is no Debian or Ubuntu; install the equivalents of: $*, then see 'Build' in README.md"
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "these packages are missing, and there is no sudo to install them: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
  "${apt[@]}" update
  "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt could not install: ${missing[*]}"
}

# Says clearly what this script does not install.
require_tools() {
  command -v c++ >/dev/null || fail "no C++ compiler; install g++ 12 or later (apt-get install g++)"
  command -v cmake >/dev/null || fail "no CMake; version 3.25 or later is needed"
  local version
  version=$(cmake --version | sed -n '1s/.* //p')
  printf '3.25\n%s\n' "$version" | sort --version-sort --check=quiet ||
    fail "CMake is $version; 3.25 or later is needed (pip install cmake has one)"
}

find_nvcc() {
  command -v nvcc || { [[ -x /usr/local/cuda/bin/nvcc ]] && echo /usr/local/cuda/bin/nvcc; }
}

# The architectures of this machine's GPUs, as CMake writes them; 9.0 has its own instruction set.
gpu_architectures() {
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader |
    sort --unique | sed -e 's/\.//' -e 's/^90$/90a/' -e 's/$/-real/' | paste --serial --delimiters=';'
}

# Sets `device` (cuda or emulated) and `device_options` for CMake. QLINEAR_DEVICE overrides.
choose_device() {
  device=${QLINEAR_DEVICE:-}
  device_options=()
  if [[ -z $device ]]; then
    device=emulated
    if nvidia-smi -L 2>/dev/null | grep -q GPU && find_nvcc >/dev/null; then device=cuda; fi
  fi
  if [[ $device == cuda ]]; then
    say "device: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)"
    device_options=("-DQLINEAR_CUDA_ARCHITECTURES=$(gpu_architectures)")
  else
    say "device: emulated on the CPU (there is no GPU here, or no nvcc, or QLINEAR_DEVICE says so)"
  fi
}

# configure_and_build <preset> [<option of cmake --build>...]
configure_and_build() {
  local preset=$1
  shift
  say "configuring and building build/$preset"
  cmake --preset "$preset" "${device_options[@]}"
  cmake --build --preset "$preset" --parallel "$(nproc)" "$@"
}
