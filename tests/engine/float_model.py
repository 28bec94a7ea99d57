#!/usr/bin/env python3
"""Perplexity of a Llama model in floats, in NumPy: what the engine's is compared with.

    qlinear_generate MODEL --tokens --perplexity TEXT | float_model.py MODEL

MODEL is a folder as convert_gguf.py writes it. The standard input holds the numbers of the tokens.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file


def rms_norm(x, weight, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def rotated(x, positions, theta):
    """Turns the pairs of x [tokens, heads, size], which are half a head apart."""
    half = x.shape[-1] // 2
    angles = np.outer(positions, theta ** (-np.arange(half) / half))[:, None]
    a, b = x[..., :half], x[..., half:]
    c, s = np.cos(angles), np.sin(angles)
    return np.concatenate([a * c - b * s, b * c + a * s], -1).astype(np.float32)


class FloatModel:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = {k: v.astype(np.float32) for k, v in load_file(folder / "model.safetensors").items()}

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T

    def norm(self, x, name):
        return rms_norm(x, self.weights[name + ".weight"], self.config["rms_norm_eps"])

    def attention(self, x, layer):
        tokens, size = len(x), self.config["head_dim"]
        groups = self.config["num_attention_heads"] // self.config["num_key_value_heads"]
        q, k, v = (self.linear(x, f"{layer}.{n}_proj").reshape(tokens, -1, size) for n in "qkv")
        q, k = (rotated(t, np.arange(tokens), self.config["rope_theta"]) for t in (q, k))
        k, v = (t.repeat(groups, axis=1) for t in (k, v))
        scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(np.float32(size))
        scores += np.triu(np.full((tokens, tokens), -np.inf, np.float32), 1)
        mixed = np.einsum("hij,jhd->ihd", softmax(scores), v)
        return self.linear(mixed.reshape(tokens, -1), f"{layer}.o_proj")

    def feed_forward(self, x, layer):
        gate = self.linear(x, f"{layer}.gate_proj")
        return self.linear(gate / (1 + np.exp(-gate)) * self.linear(x, f"{layer}.up_proj"), f"{layer}.down_proj")

    def logits(self, tokens):
        x = self.weights["model.embed_tokens.weight"][tokens]
        for i in range(self.config["num_hidden_layers"]):
            layer = f"model.layers.{i}"
            x = x + self.attention(self.norm(x, f"{layer}.input_layernorm"), f"{layer}.self_attn")
            x = x + self.feed_forward(self.norm(x, f"{layer}.post_attention_layernorm"), f"{layer}.mlp")
        tied = self.config["tie_word_embeddings"]
        return self.linear(self.norm(x, "model.norm"), "model.embed_tokens" if tied else "lm_head")


def perplexity(model, tokens):
    probabilities = softmax(model.logits(tokens)[:-1].astype(np.float64))
    return np.exp(-np.log(probabilities[np.arange(len(tokens) - 1), tokens[1:]]).mean())


def main():
    tokens = [int(token) for token in sys.stdin.read().split()]
    value = perplexity(FloatModel(pathlib.Path(sys.argv[1])), tokens)
    print(f"perplexity: {value:.3f} over {len(tokens)} tokens, by the float model in NumPy")


if __name__ == "__main__":
    main()
