#!/usr/bin/env bash
# Builds and runs the whole test suite on the GPU or, under AddressSanitizer and UBSan, on the
# emulated device. Installs what is missing (Debian, Ubuntu).

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

choose_device
if [[ $device == cuda ]]; then
  preset=cuda packages=(python3-numpy)
else
  preset=emulated packages=(libbenchmark-dev python3-matplotlib)  # It tests the benchmark, too.
fi
require_build "${packages[@]}"
configure_and_build "$preset"
require_run

say "tests"
ctest --preset "$preset" --parallel "$(nproc)"
