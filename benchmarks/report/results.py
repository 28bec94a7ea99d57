"""Reads the JSON of qlinear_bench and of torch_peers.py, which share one format."""

import dataclasses
import json
import re

ROW = re.compile(r"^(?P<layer>[^/]+)/m:(?P<m>\d+)/(?P<case>[^/]+)")
DECODER_ROW = re.compile(r"^decoder_layer/(?P<model>[^/]+)/m:(?P<m>\d+)/(?P<variant>[^/]+)")
MICROSECONDS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}

QUANTIZE, GEMM, LINEAR = "qlinear_quantize", "qlinear_gemm", "qlinear_linear"
CONSTANT_WEIGHTS = "qlinear_constant_weights"  # LINEAR, with that promise.

# Name of each peer, and the part of the library that does the same work.
PEERS = {
    "cutlass_int8_linear": ("CUTLASS int8 (vLLM's)", LINEAR),
    "cublaslt_int8_linear": ("cuBLASLt int8 + passes", LINEAR),
    "cublaslt_fp8_linear": ("cuBLASLt FP8 + quantize", LINEAR),
    "cublaslt_bf16": ("cuBLASLt bf16", LINEAR),
    "qlinear_portable": ("portable dp4a", LINEAR),
    "cutlass_int8_gemm": ("CUTLASS int8, GEMM alone", GEMM),
    "cublaslt_int8_gemm": ("cuBLASLt int8 to int32, GEMM alone", GEMM),
    "cublaslt_fp8_gemm": ("cuBLASLt FP8, GEMM alone", GEMM),
    "torch_int_mm": ("PyTorch _int_mm, GEMM alone", GEMM),
    "triton_int8": ("Triton int8, GEMM alone", GEMM),
    "two_read_quantize": ("two-read quantize (vLLM's)", QUANTIZE),
}

# Variants of a decoder layer; those that leave steps out tell what a part costs.
FUSED = "fused"
DECODERS = {
    FUSED: "fused",
    "gated": "gate in the epilogue",
    "separate": "separate kernels",
    "cutlass_int8": "CUTLASS int8 (vLLM's)",
    "cublaslt_fp8": "cuBLASLt FP8",
    "cublaslt_bf16": "cuBLASLt bf16",
    "norms": "without gates",
    "linears": "linears alone",
    "multiplies": "products alone",
    "cublaslt_fp8_gemms": "cuBLASLt FP8, products alone",
}
PARTS = ["norms", "linears", "multiplies", "cublaslt_fp8_gemms"]


@dataclasses.dataclass(frozen=True)
class Row:
    """One measured cell."""

    us: float
    floor_us: float = 0.0
    n: int = 0
    k: int = 0
    sm_mhz: float = 0.0
    kernel: str = ""

    @property
    def share(self):
        return self.floor_us / self.us


@dataclasses.dataclass
class Results:
    """Every row of the files, by (layer, m, case); of decoder layers by (model, m, variant)."""

    context: dict
    rows: dict
    host_ns: dict
    failures: list
    decoder_rows: dict = dataclasses.field(default_factory=dict)

    def layers(self):
        """Names in the order of measurement."""
        return list(dict.fromkeys(layer for layer, _, _ in self.rows))

    def token_counts(self, layer, timed=LINEAR):
        return sorted(m for name, m, what in self.rows if (name, what) == (layer, timed))

    def compared_token_counts(self, layer):
        """The M at which a peer was measured as well."""
        counts = {m for name, m, what in self.rows if name == layer and what in PEERS}
        return sorted(counts & set(self.token_counts(layer))) or self.token_counts(layer)

    def peers(self):
        """The peers that occur, in the order of PEERS."""
        present = {timed for _, _, timed in self.rows}
        return [peer for peer in PEERS if peer in present]

    def ratio(self, layer, m, peer):
        """The peer's time over ours for the same work; None where either is missing."""
        theirs = self.rows.get((layer, m, peer))
        ours = self.rows.get((layer, m, PEERS[peer][1]))
        return theirs.us / ours.us if theirs and ours else None

    def models(self):
        """Names of the decoder layers, in the order of measurement."""
        return list(dict.fromkeys(model for model, _, _ in self.decoder_rows))

    def decoder_token_counts(self, model):
        return sorted({m for name, m, _ in self.decoder_rows if name == model})

    def decoder_variants(self):
        """The variants that occur, in the order of DECODERS."""
        present = {variant for _, _, variant in self.decoder_rows}
        return [variant for variant in DECODERS if variant in present]

    def decoder_ratio(self, model, m, variant):
        """The variant's time over that of the fused layer; None where either is missing."""
        theirs = self.decoder_rows.get((model, m, variant))
        ours = self.decoder_rows.get((model, m, FUSED))
        return theirs.us / ours.us if theirs and ours else None


def read(paths):
    """Merges the files; the context is that of the first."""
    results = Results({}, {}, {}, [])
    for path in paths:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        results.context = results.context or document["context"]
        if document["context"].get("gpu") != results.context.get("gpu"):
            raise ValueError(f"{path} was measured on another GPU than {paths[0]}")
        for entry in document["benchmarks"]:
            _add(results, entry)
    return results


def _add(results, entry):
    if entry.get("run_type") == "aggregate":
        return
    if entry.get("error_occurred"):
        results.failures.append(f"{entry['name']}: {entry['error_message']}")
        return
    us = entry["real_time"] * MICROSECONDS[entry["time_unit"]]
    match = ROW.match(entry["name"])
    if match:
        key = (match["layer"], int(match["m"]), match["case"])
        results.rows[key] = Row(
            us,
            entry.get("floor_us", 0.0),
            int(entry.get("n", 0)),
            int(entry.get("k", 0)),
            entry.get("sm_mhz", 0.0),
            entry.get("label", ""),
        )
        return
    match = DECODER_ROW.match(entry["name"])
    if match:
        key = (match["model"], int(match["m"]), match["variant"])
        results.decoder_rows[key] = Row(us, entry.get("floor_us", 0.0),
                                        sm_mhz=entry.get("sm_mhz", 0.0))
    elif entry["name"].startswith("host/"):
        results.host_ns[entry["name"].split("/")[1]] = us * 1e3
