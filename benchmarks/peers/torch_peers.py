#!/usr/bin/env python3
"""Times PyTorch's _int_mm and a Triton int8 GEMM with fused scales, as peers of qlinear_bench.

    torch_peers.py --output torch.json [--shapes 8b_o,70b_down] [--m 1,16,64]

Same layers, tokens and method as qlinear_bench: Gaussian data, weights rotated over three times the
L2 cache, medians of CUDA graph replays of many calls. Both read an activation that is already
quantized, so they compare with qlinear_gemm. Each is checked before it is timed: the int32 sums, or
the bits of the dequantized output, against sums in float64, which are exact. The JSON goes to
report.py beside that of qlinear_bench. Needs PyTorch with CUDA, and Triton.
"""

import argparse
import datetime
import json
import math
import statistics

import torch
import triton
import triton.language as tl

LAYERS = {
    "8b_qkv": (6144, 4096),
    "8b_o": (4096, 4096),
    "8b_gate_up": (28672, 4096),
    "8b_down": (4096, 14336),
    "70b_qkv": (10240, 8192),
    "70b_o": (8192, 8192),
    "70b_gate_up": (57344, 8192),
    "70b_down": (8192, 28672),
}
TOKENS = [1, 2, 4, 8, 16, 17, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]
CACHE_SIZES = 3
GRAPH_SECONDS = 1e-3
ROW_SECONDS = 20e-3
# kPowerBoundTokens of the cost model, and how long clocks settle before their rows are measured.
MANY_TOKENS = 256
SETTLE_SECONDS = 80e-3
CHECKED_ROWS = 16


def configurations():
    """Tiles for few and for many tokens; the autotuner takes the fastest."""
    sizes = [
        (16, 64, 256), (16, 128, 128), (32, 64, 256), (32, 128, 128), (64, 64, 128),
        (64, 128, 128), (128, 128, 128), (128, 256, 64), (128, 256, 128),
    ]
    return [
        triton.Config({"BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k, "GROUP_M": 8},
                      num_warps=8 if m * n >= 128 * 128 else 4, num_stages=stages)
        for m, n, k in sizes
        for stages in (3, 4)
        if (m + n) * k * stages <= 220 * 1024
    ]


def quick_bench(call, quantiles):
    """Enough to rank tiles; flushes the L2 cache between calls."""
    return triton.testing.do_bench(call, warmup=2, rep=8, quantiles=quantiles)


@triton.autotune(configs=configurations(), key=["m", "n", "k"], do_bench=quick_bench)
@triton.jit
def scaled_int8_kernel(a, b, a_scale, b_scale, output, m, n, k, BLOCK_M: tl.constexpr,
                       BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP_M: tl.constexpr):
    """output[m,n] = bf16((a_scale[m] * b_scale[n]) * (a[m,k] . b[n,k])); tiles in groups of rows."""
    tile = tl.program_id(0)
    tiles_m = tl.cdiv(m, BLOCK_M)
    tiles_n = tl.cdiv(n, BLOCK_N)
    group = tile // (GROUP_M * tiles_n)
    rows_of_group = min(tiles_m - group * GROUP_M, GROUP_M)
    tile_m = group * GROUP_M + (tile % (GROUP_M * tiles_n)) % rows_of_group
    tile_n = (tile % (GROUP_M * tiles_n)) // rows_of_group

    rows = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)
    depth = tl.arange(0, BLOCK_K)
    a_tile = a + (rows % m)[:, None].to(tl.int64) * k + depth[None, :]
    b_tile = b + (columns % n)[None, :].to(tl.int64) * k + depth[:, None]
    sums = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    for start in range(0, k, BLOCK_K):
        a_block = tl.load(a_tile, mask=depth[None, :] < k - start, other=0)
        b_block = tl.load(b_tile, mask=depth[:, None] < k - start, other=0)
        sums = tl.dot(a_block, b_block, sums, out_dtype=tl.int32)
        a_tile += BLOCK_K
        b_tile += BLOCK_K

    scale = tl.load(a_scale + rows % m)[:, None] * tl.load(b_scale + columns % n)[None, :]
    inside = (rows < m)[:, None] & (columns < n)[None, :]
    target = output + rows[:, None].to(tl.int64) * n + columns[None, :]
    tl.store(target, (scale * sums.to(tl.float32)).to(tl.bfloat16), mask=inside)


class Workload:
    """One layer with m tokens, the weights in as many copies as keep them cold."""

    def __init__(self, n, k, m, l2_bytes):
        self.m, self.n, self.k = m, n, k
        self.copies = CACHE_SIZES * l2_bytes // (n * k) + 1
        weight = (torch.randn(n, k, device="cuda") * (127 / 4)).round().clamp(-127, 127)
        self.weights = weight.to(torch.int8).expand(self.copies, n, k).contiguous()
        self.a = (torch.randn(m, k, device="cuda") * (127 / 4)).round().clamp(-127, 127)
        self.a = self.a.to(torch.int8)
        self.a_scale = torch.rand(m, device="cuda") + 0.5
        self.b_scale = (torch.rand(n, device="cuda") + 0.5) / 256
        self.sums = torch.empty(m, n, dtype=torch.int32, device="cuda")
        self.output = torch.empty(m, n, dtype=torch.bfloat16, device="cuda")

    def weight(self, call):
        return self.weights[call % self.copies]

    def expected_sums(self):
        """int32 sums of the first rows, exact in float64."""
        rows = self.a[:CHECKED_ROWS].double()
        parts = [rows @ part.double().T for part in self.weight(0).split(4096)]
        return torch.cat(parts, dim=1).to(torch.int32)

    def expected_output(self):
        scale = self.a_scale[:CHECKED_ROWS, None] * self.b_scale[None, :]
        return (scale * self.expected_sums().float()).to(torch.bfloat16)


def int_mm(work, call):
    torch._int_mm(work.a, work.weight(call).T, out=work.sums)


def triton_int8(work, call):
    def grid(meta):
        return (triton.cdiv(work.m, meta["BLOCK_M"]) * triton.cdiv(work.n, meta["BLOCK_N"]),)

    scaled_int8_kernel[grid](work.a, work.weight(call), work.a_scale, work.b_scale, work.output,
                             work.m, work.n, work.k)


def check_int_mm(work):
    work.sums.fill_(-1)
    int_mm(work, 0)
    return torch.equal(work.sums[:CHECKED_ROWS], work.expected_sums())


def check_triton(work):
    work.output.fill_(float("nan"))
    triton_int8(work, 0)
    return torch.equal(work.output[:CHECKED_ROWS], work.expected_output())


# Name in the report, fewest tokens it takes, call, check.
PEERS = [
    ("torch_int_mm", 17, int_mm, check_int_mm),
    ("triton_int8", 1, triton_int8, check_triton),
]


def capture(call, work, calls):
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for index in range(calls):
            call(work, index)
    graph.replay()
    return graph


def replay_seconds(graph, count=1):
    """Of each of `count` replays that follow each other without a gap."""
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    marks[0].record()
    for mark in marks[1:]:
        graph.replay()
        mark.record()
    marks[-1].synchronize()
    return [start.elapsed_time(end) * 1e-3 for start, end in zip(marks, marks[1:])]


def seconds_per_call(call, work):
    """Median over replays of a graph that holds enough calls to last a millisecond."""
    calls = work.copies
    graph = capture(call, work, calls)
    seconds = replay_seconds(graph)[0]
    if seconds < GRAPH_SECONDS:
        repeats = min(math.ceil(GRAPH_SECONDS / seconds), max(1, 1024 // calls))
        calls *= repeats
        graph = capture(call, work, calls)
        seconds = replay_seconds(graph)[0]
    settling = math.ceil(SETTLE_SECONDS / seconds) if work.m >= MANY_TOKENS else 0
    replays = max(5, min(50, int(ROW_SECONDS / seconds)))
    return statistics.median(replay_seconds(graph, settling + replays)[settling:]) / calls


def measure(layer, m, peers, l2_bytes):
    """Entries in the format of Google Benchmark."""
    n, k = LAYERS[layer]
    work = Workload(n, k, m, l2_bytes)
    for name, fewest, call, check in peers:
        if m < fewest:
            continue
        entry = {"name": f"{layer}/m:{m}/{name}", "run_type": "iteration", "time_unit": "us"}
        if check(work):
            us = seconds_per_call(call, work) * 1e6
            entry.update(real_time=us, m=float(m), n=float(n), k=float(k))
            print(f"{entry['name']:<40} {us:12.3f} us", flush=True)
        else:
            entry.update(error_occurred=True, error_message="wrong result")
            print(f"{entry['name']:<40} WRONG RESULT", flush=True)
        yield entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True)
    parser.add_argument("--shapes", default=",".join(LAYERS))
    parser.add_argument("--m", default=",".join(map(str, TOKENS)))
    parser.add_argument("--peers", default=",".join(peer[0] for peer in PEERS))
    arguments = parser.parse_args()

    properties = torch.cuda.get_device_properties(0)
    peers = [peer for peer in PEERS if peer[0] in arguments.peers.split(",")]
    torch.manual_seed(0)
    entries = []
    for layer in arguments.shapes.split(","):
        for m in map(int, arguments.m.split(",")):
            entries += measure(layer, m, peers, properties.L2_cache_size)
    context = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "gpu": properties.name,
        "torch": torch.__version__,
        "triton": triton.__version__,
    }
    with open(arguments.output, "w", encoding="utf-8") as file:
        json.dump({"context": context, "benchmarks": entries}, file, indent=1)
    return int(any(entry.get("error_occurred") for entry in entries))


if __name__ == "__main__":
    raise SystemExit(main())
