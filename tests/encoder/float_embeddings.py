#!/usr/bin/env python3
"""Embeds sentence pairs with the float model, for a program to compare its own with.

    pip install numpy safetensors tokenizers
    python3 float_embeddings.py MODEL PAIRS OUTPUT

MODEL is the folder of a sentence encoder of BERT's architecture (config.json, model.safetensors,
tokenizer.json), PAIRS a text of two sentences a line with a tab between them, OUTPUT a safetensors
file that receives, for the sentences in their order:

    length     [sentences]          tokens of each, [CLS] and [SEP] included
    id         [all tokens]         one sentence after another
    embedding  [sentences, hidden]  mean over tokens, of length 1

The model runs in float64, a sentence at a time.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

erf = np.vectorize(math.erf, otypes=[np.float64])


class Encoder:
    def __init__(self, folder):
        config = json.loads((folder / "config.json").read_text())
        self.layers = config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        self.eps = config["layer_norm_eps"]
        stored = load_file(folder / "model.safetensors")
        self.tensors = {name: tensor.astype(np.float64) for name, tensor in stored.items()
                        if tensor.dtype.kind == "f"}

    def linear(self, x, name):
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def norm(self, x, name):
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + self.eps)
        return centred / deviation * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def attention(self, x, name):
        q, k, v = (self.linear(x, f"{name}.self.{part}").reshape(len(x), self.heads, -1)
                   for part in ("query", "key", "value"))
        scores = np.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return np.einsum("hqk,khd->qhd", weights, v).reshape(x.shape)

    def embed(self, ids):
        part = "embeddings."
        x = (self.tensors[part + "word_embeddings.weight"][ids]
             + self.tensors[part + "position_embeddings.weight"][:len(ids)]
             + self.tensors[part + "token_type_embeddings.weight"][0])
        x = self.norm(x, part + "LayerNorm")
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}"
            attended = self.linear(self.attention(x, f"{name}.attention"),
                                   f"{name}.attention.output.dense")
            x = self.norm(x + attended, f"{name}.attention.output.LayerNorm")
            inner = self.linear(x, f"{name}.intermediate.dense")
            inner *= 0.5 * (1 + erf(inner / math.sqrt(2)))
            x = self.norm(x + self.linear(inner, f"{name}.output.dense"),
                          f"{name}.output.LayerNorm")
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    folder, pairs, output = map(Path, sys.argv[1:])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    lines = pairs.read_text(encoding="utf-8").splitlines()
    sentences = [sentence for line in lines for sentence in line.split("\t")]
    encoder = Encoder(folder)
    ids = [tokenizer.encode(sentence).ids for sentence in sentences]
    save_file({"length": np.array([len(i) for i in ids], np.int32),
               "id": np.concatenate(ids).astype(np.int32),
               "embedding": np.array([encoder.embed(i) for i in ids], np.float32)}, output)


if __name__ == "__main__":
    main()
