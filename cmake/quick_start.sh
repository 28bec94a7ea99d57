#!/usr/bin/env bash
# Builds the library and runs the quick start: one layer of a real transformer, on the GPU or on the
# emulated device. Installs what is missing (Debian, Ubuntu).

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

choose_device
require_build
if [[ $device == cuda ]]; then preset=cuda; else preset=emulated-release; fi
configure_and_build "$preset" --target qlinear_quick_start
require_run

say "quick start"
"build/$preset/tests/quick_start/qlinear_quick_start"
