#!/usr/bin/env bash
# Builds and runs the whole test suite on the GPU or, under AddressSanitizer and UBSan, on the
# emulated device. Installs what is missing (Debian, Ubuntu).

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

require_tools
install_packages ninja-build libfmt-dev libgtest-dev nlohmann-json3-dev python3-numpy
choose_device
if [[ $device == cuda ]]; then preset=cuda; else preset=emulated; fi
configure_and_build "$preset"

say "tests"
ctest --preset "$preset" --parallel "$(nproc)"
