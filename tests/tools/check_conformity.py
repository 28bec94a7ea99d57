#!/usr/bin/env python3
"""Reads a W8A8 checkpoint with the Python packages safetensors and compressed-tensors, decompresses it
there, and compares every weight with q * scale by equality.

    check_conformity.py CHECKPOINT [--original MODEL] [--load]

With --original, tensors that are neither quantized nor what the float model has are listed (norms that
SmoothQuant divided), and how far each weight is from the model's. With --load the package transformers
loads the checkpoint and runs it in both its ways; with --original it compares the logits.
"""

import argparse
import json
import pathlib
import sys

import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationConfig
from compressed_tensors.utils.match import is_match
from safetensors import safe_open


def read_tensors(folder):
    index = folder / "model.safetensors.index.json"
    if index.exists():
        files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    else:
        files = [path.name for path in folder.glob("*.safetensors")]
    tensors = {}
    for name in files:
        with safe_open(folder / name, framework="pt") as file:
            tensors |= {key: file.get_tensor(key) for key in file.keys()}
    return tensors


def require(condition, message):
    if not condition:
        sys.exit(f"does not conform: {message}")


def scheme_of(config, name):
    """That of the one group whose targets match a layer, or None for a layer that is ignored."""
    linear = torch.nn.Linear(1, 1)
    if is_match(name, linear, config.ignore):
        return None
    schemes = [s for s in config.config_groups.values() if is_match(name, linear, s.targets)]
    require(len(schemes) == 1, f"{len(schemes)} groups match {name}")
    return schemes[0]


def check_layers(tensors, config):
    layers = 0
    for key, weight in tensors.items():
        name, _, kind = key.rpartition(".")
        if kind != "weight" or weight.dim() != 2:
            continue
        scheme = scheme_of(config, name)
        if weight.dtype != torch.int8:
            embedding = "embed" in name or name.endswith("wte")
            require(scheme is None or embedding, f"{name} is not quantized and not ignored")
            continue
        require(scheme is not None, f"{name} is quantized and ignored")
        scale = tensors[f"{name}.weight_scale"]
        require(list(scale.shape) == [weight.shape[0], 1], f"scale of {name} is {list(scale.shape)}")
        compressor = BaseCompressor.get_value_from_registry(config.format)
        state = compressor.decompress({"weight": weight, "weight_scale": scale}, scheme)
        require(torch.equal(state["weight"], weight.to(scale.dtype) * scale),
                f"{name} decompresses to something else than q * scale")
        layers += 1
    require(layers > 0, "no layer is quantized")
    return layers


def check_original(tensors, original):
    changed = []
    for key, source in original.items():
        tensor = tensors[key]
        if tensor.dtype == torch.int8:
            scale = tensors[key + "_scale"].double()
            distance = (tensor.double() * scale - source.double()).abs() / scale
            print(f"  {key}: largest distance {distance.max():.3f} scales, "
                  f"{(distance > 0.5001).double().mean():.2%} beyond a half")
        elif not torch.equal(tensor.view(torch.uint8), source.view(torch.uint8)):
            changed.append(key)
    print("stored otherwise than in the original:", ", ".join(changed) or "nothing")


def logits_of(folder, **options):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, **options)
    with torch.no_grad():
        return model(torch.arange(8)[None]).logits.double()


def cosine(a, b):
    return torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)


def load(folder, original):
    from transformers.utils.quantization_config import CompressedTensorsConfig

    for dequantize in (True, False):
        logits = logits_of(folder, quantization_config=CompressedTensorsConfig(dequantize=dequantize))
        require(bool(torch.isfinite(logits).all()), "logits are not finite")
        print(f"transformers, dequantize={dequantize}: logits {list(logits.shape)}", end="")
        print(f", cosine with the original {cosine(logits, logits_of(original)):.6f}" if original else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--original", type=pathlib.Path)
    parser.add_argument("--load", action="store_true")
    args = parser.parse_args()
    tensors = read_tensors(args.checkpoint)
    settings = json.loads((args.checkpoint / "config.json").read_text())["quantization_config"]
    config = QuantizationConfig.model_validate(settings)
    layers = check_layers(tensors, config)
    print(f"{layers} layers decompress to q * scale, bit for bit")
    if args.original:
        check_original(tensors, read_tensors(args.original))
    if args.load:
        load(args.checkpoint, args.original)


if __name__ == "__main__":
    main()
