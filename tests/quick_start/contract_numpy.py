#!/usr/bin/env python3
"""Computes the quick start's numbers a second time, with NumPy only, and compares.

    contract_numpy.py LAYER.safetensors QUICK_START

Shares no code with the library. Compared are every bit of every output, and the signal-to-noise
and cosine. The layer has no zero, tiny or non-finite row, so those lines of the contract are left
out here (and asserted to be unneeded).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
except ImportError:
    sys.exit("contract_numpy.py needs NumPy: install the package python3-numpy")

Q_MAX = 127

# The sums of the f64 product are rounded in another order here, which moves its last bits.
TOLERANCE_DB = 1e-9
TOLERANCE_COSINE = 1e-12


def read_f16_tensors(path):
    """name -> float64 array of a .safetensors file that holds f16 only."""
    content = Path(path).read_bytes()
    data = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:data])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F16", name
        begin, end = (data + offset for offset in entry["data_offsets"])
        tensor = np.frombuffer(content[begin:end], "<f2").reshape(entry["shape"])
        tensors[name] = tensor.astype(np.float64)
    return tensors


class Bf16:
    """NumPy has no bf16: its values live in float32 here, its bits in uint16."""

    compute = np.float32

    @staticmethod
    def bits(values):
        """Round to nearest even by integers; `values` are finite float32."""
        word = values.astype(np.float32).view(np.uint32)
        return ((word + 0x7FFF + ((word >> 16) & 1)) >> 16).astype(np.uint16)

    @staticmethod
    def values(bits):
        return (bits.astype(np.uint32) << 16).view(np.float32)


class Ieee:
    """A type that NumPy has."""

    def __init__(self, stored, compute):
        self.stored, self.compute = stored, compute
        self.word = np.dtype(f"u{np.dtype(stored).itemsize}")

    def bits(self, values):
        return values.astype(self.stored).view(self.word)

    def values(self, bits):
        return bits.view(self.stored).astype(self.compute)


ACTIVATIONS = {
    "f16": Ieee(np.float16, np.float32),
    "bf16": Bf16,
    "f32": Ieee(np.float32, np.float32),
    "f64": Ieee(np.float64, np.float64),
}


def two_sum(a, b):
    """a + b as a rounded sum and its error, both exact (Knuth)."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def two_product(a, b):
    """a * b as a rounded product and its error, both exact (Veltkamp, Dekker)."""

    def split(value):
        scaled = value * 134217729.0  # 2^27 + 1
        high = scaled - (scaled - value)
        return high, value - high

    product = a * b
    (a_high, a_low), (b_high, b_low) = split(a), split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def add_to_odd(a, b):
    """a + b in float64, rounded to odd: a later rounding to nearest is then the only one."""
    total, error = two_sum(a, b)
    even = (total.view(np.int64) & 1) == 0
    away = np.where(error > 0, np.inf, -np.inf)
    return np.where((error != 0) & even, np.nextafter(total, away), total)


def fma_f32(a, b, c):
    product = a.astype(np.float64) * b.astype(np.float64)  # 48 bits: exact
    return add_to_odd(product, c.astype(np.float64)).astype(np.float32)


def fma_f64(a, b, c):
    """Boldo and Melquiond, Emulation of a FMA and correctly rounded sums, 2008."""
    product_high, product_low = two_product(a, b)
    sum_high, sum_low = two_sum(c, product_low)
    total_high, total_low = two_sum(product_high, sum_high)
    return total_high + add_to_odd(sum_low, total_low)


def quantize_weight(weight, maximum):
    """Integers and scales of each output channel, computed in float64."""
    scale = np.abs(weight).max(axis=1) / maximum
    return np.rint(weight / scale[:, None]), scale


def quantize_activation(x):
    """Integers and scales of each row, each operation rounded in the type of `x`."""
    amax = np.abs(x).max(axis=1)
    assert np.isfinite(amax).all() and (amax > 2.0**-100).all()
    q_max = x.dtype.type(Q_MAX)
    q = np.clip(np.rint(x * (q_max / amax)[:, None]), -Q_MAX, Q_MAX)
    return q, amax / q_max


def linear(x, q_weight, weight_scale, bias):
    """The contract from the activation to y, all of it in the type of `x`."""
    compute = x.dtype.type
    q, act_scale = quantize_activation(x)
    # A float64 product, which is exact: every partial sum is an integer below 2^53.
    accumulator = q.astype(np.float64) @ q_weight.T
    assert np.abs(accumulator).max() < 2**31
    scale = act_scale[:, None] * weight_scale.astype(compute)[None, :]
    fma = fma_f32 if compute is np.float32 else fma_f64
    bias = np.broadcast_to(bias, scale.shape)
    return fma(scale, accumulator.astype(compute), bias)


def signal_to_noise_db(expected, actual):
    return 10 * np.log10((expected**2).sum() / ((actual - expected) ** 2).sum())


def cosine(expected, actual):
    return (expected * actual).sum() / np.sqrt((expected**2).sum() * (actual**2).sum())


def compute_pair(layer, activation, weight):
    """Bits of the output, its signal-to-noise and its cosine."""
    element = ACTIVATIONS[activation]
    exact_weight, maximum = layer["weight"], 127
    if weight == "u8":
        exact_weight, maximum = exact_weight - exact_weight.min(axis=1, keepdims=True), 255
    q_weight, weight_scale = quantize_weight(exact_weight, maximum)
    x = element.values(element.bits(layer["activation"]))
    bias = element.values(element.bits(layer["bias"]))
    bits = element.bits(linear(x, q_weight, weight_scale, bias))
    exact = layer["activation"] @ exact_weight.T + layer["bias"]
    actual = element.values(bits).astype(np.float64)
    return bits, signal_to_noise_db(exact, actual), cosine(exact, actual)


def compare_pair(layer, reported, folder):
    """Prints one line; returns whether the two computations agree."""
    activation, weight = reported["activation"], reported["weight"]
    bits, snr_db, cos = compute_pair(layer, activation, weight)
    output = np.fromfile(folder / f"{activation}_{weight}.bin", bits.dtype).reshape(bits.shape)
    differing = int((output != bits).sum())
    agree = (
        differing == 0
        and abs(snr_db - reported["snr_db"]) <= TOLERANCE_DB
        and abs(cos - reported["cosine"]) <= TOLERANCE_COSINE
    )
    print(
        f"{activation:4} {weight}: {differing} of {bits.size} outputs differ, "
        f"signal-to-noise {reported['snr_db']!r} and here {float(snr_db)!r} dB, "
        f"cosine {reported['cosine']!r} and here {float(cos)!r}: {'ok' if agree else 'FAILED'}"
    )
    return agree


def run_quick_start(executable, layer_path, folder):
    """Its report on every pair; the raw outputs lie in `folder`."""
    command = [executable, "--json", "--dump", folder, layer_path]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if not run.stdout:
        sys.exit(f"{executable} exited with {run.returncode}")
    pairs = json.loads(run.stdout)["pairs"]
    found = {(pair["activation"], pair["weight"]) for pair in pairs}
    expected = {(activation, weight) for activation in ACTIVATIONS for weight in ("s8", "u8")}
    if found != expected:
        sys.exit(f"the quick start ran {sorted(found)} instead of {sorted(expected)}")
    return pairs


def main():
    layer_path, executable = sys.argv[1:]
    layer = read_f16_tensors(layer_path)
    with tempfile.TemporaryDirectory() as folder:
        pairs = run_quick_start(executable, layer_path, folder)
        agree = [compare_pair(layer, pair, Path(folder)) for pair in pairs]
    if not all(agree):
        sys.exit("the quick start and NumPy disagree")
    if not all(pair["bits_equal"] for pair in pairs):
        sys.exit("the plans and NumPy agree, but the CPU reference has other bits")


if __name__ == "__main__":
    main()
