#!/usr/bin/env bash
# choices_test.sh SOURCE SCRATCH: drives cmake/setup.sh with stubs of nvidia-smi and CUDA toolkits.

set -uo pipefail
source_dir=$1
scratch=$2/machines
failures=0
rm -rf "$scratch"
mkdir -p "$scratch/none" "$scratch/gpu"

# A machine whose nvidia-smi finds nothing, and one with a GPU that the variables describe.
printf '#!/bin/sh\nexit 9\n' >"$scratch/none/nvidia-smi"
cat >"$scratch/gpu/nvidia-smi" <<'STUB'
#!/bin/sh
case "$*" in
  -L) echo "GPU 0: Stub" ;;
  *=compute_cap*) echo "${STUB_CAPABILITY:-9.0}" ;;
  *=name*) echo Stub ;;
  *) echo "| NVIDIA-SMI 1  Driver Version: 1  CUDA Version: ${STUB_CUDA:-13.0} |" ;;
esac
STUB
chmod +x "$scratch"/*/nvidia-smi

# toolkit <version>: a directory with the headers of a toolkit.
toolkit() {
  mkdir -p "$scratch/cuda$1/include"
  echo "#define CUDART_VERSION  $1" >"$scratch/cuda$1/include/cuda_runtime_api.h"
  echo "$scratch/cuda$1"
}

# expect <status> <machine> <text> <script>: the script is run with setup.sh's functions.
expect() {
  local status=$1 machine=$2 text=$3 script=$4 output actual
  output=$(PATH=$scratch/$machine:$PATH bash -c ". '$source_dir/cmake/setup.sh'; $script" 2>&1)
  actual=$?
  if [[ $actual != "$status" || $output != *"$text"* ]]; then
    printf 'FAILED: %s on %s gave status %s and\n%s\nwithout: %s\n' \
      "$script" "$machine" "$actual" "$output" "$text"
    failures=$((failures + 1))
  fi
}

unset QLINEAR_DEVICE CUDAToolkit_ROOT CUDA_PATH CUDAARCHS
expect 0 none "device: emulated on the CPU (there is no GPU here)" choose_device
expect 0 gpu "device: Stub" choose_device
expect 0 gpu "-DQLINEAR_CUDA_ARCHITECTURES=native" 'choose_device; echo "${device_options[@]}"'
STUB_CUDA=12.8 expect 0 gpu "serves CUDA 12.8; CUDA 13 needs driver 580" choose_device
STUB_CAPABILITY=7.0 expect 0 gpu "older than compute capability 7.5" choose_device
QLINEAR_DEVICE=emulated expect 0 gpu "emulated on the CPU (QLINEAR_DEVICE says so)" choose_device
QLINEAR_DEVICE=gpu expect 1 gpu "error: QLINEAR_DEVICE is 'gpu'; it takes cuda or emulated" choose_device
QLINEAR_DEVICE=cuda expect 0 none "every architecture, to build only (there is no GPU here)" choose_device
CUDAARCHS=90a QLINEAR_DEVICE=cuda expect 0 none "cuda, for 90a, to build only" choose_device
QLINEAR_DEVICE=cuda expect 0 none "nothing was run" 'choose_device; require_run; echo ran; exit 1'
QLINEAR_DEVICE=cuda expect 7 gpu "ran" 'choose_device; require_run; echo ran; exit 7'

CUDAToolkit_ROOT=$(toolkit 12040) expect 0 none "12.4 in $scratch/cuda12040 is too old" 'find_toolkit .'
CUDAToolkit_ROOT=$(toolkit 12040) CUDA_PATH=$(toolkit 13020) expect 0 none \
  "chose $scratch/cuda13020" 'find_toolkit .; echo "chose $toolkit"'
# One without nvcc serves the emulated device alone.
CUDA_PATH=$(toolkit 13020) expect 0 none "chose no" \
  'toolkit_directories() { echo "$CUDA_PATH"; }; find_toolkit bin/nvcc; echo "chose ${toolkit:-no}"'

((failures == 0)) && echo "every choice is as it should be"
exit "$failures"
