#!/usr/bin/env python3
"""Fits the cost model's parameters to times that `qlinear_bench --tune` measured. It needs numpy and
the program qlinear_cost_model_facts, which is built with the benchmarks and needs no GPU.

    fit_cost_model.py FACTS                       prints how far choices are from the best
    fit_cost_model.py FACTS --fit                 fits, and writes src/selection/cost_parameters.inc
    fit_cost_model.py FACTS --fit-freely          the same for a GPU or kernels that were not fitted
                                                  before: comparisons may get slower
    fit_cost_model.py FACTS --check               fails unless the model computes what the library
                                                  does and --fit changes nothing
    fit_cost_model.py FACTS --import GPU JSON...  makes data/GPU.csv of the JSON of --tune

A comparison is a problem with the times of its kernels and splits of K. A parameter is fitted where
comparisons of every GPU that it serves are at hand: those of a GPU class to its own, those of a
kernel family to an H100's and an H200's together. The fit starts from the committed parameters and
changes one at a time, by steps of a few sizes. A step is taken if the mean loss falls and no
comparison gets slower, so that from where it ended nothing moves. A free fit minimises the mean loss
and, where that is level, the deviation of clocks from times, as logarithms."""

import argparse
import collections
import csv
import functools
import io
import json
import pathlib
import re
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"
PARAMETERS = HERE.parents[1] / "src/selection/cost_parameters.inc"

GPUS = ("H100", "H200")
# By the beginning of kernels' names; the first that fits.
FAMILIES = (("dp4a", "kDp4aCost"), ("mma_m16n8k32_tma", "kMmaSyncTmaCost"), ("mma", "kMmaSyncCost"),
            ("wgmma_swapped", "kWgmmaSwapAbCost"), ("wgmma", "kWgmmaCost"))
# What select chooses from on a GPU with wgmma; only its families' parameters are fitted.
BACKEND = "wgmma"
FITTED_FAMILIES = ("kWgmmaCost", "kWgmmaSwapAbCost")
SPLITS = (1, 2, 3, 4, 6, 8, 12, 16)
POWER_BOUND_TOKENS = 256
FEW_TOKENS = 32
MACS_PER_CLOCK = 4096

# Slower candidates are left out of the data, and count as this many times the best.
SLOWEST = 1.5
# Factors of a parameter that a fit tries, and by how much the mean loss must fall.
STEPS = (0.7, 1 / 0.7, 0.9, 1 / 0.9, 0.97, 1 / 0.97, 0.99, 1 / 0.99)
LEAST_GAIN = 1e-5
# A free fit weighs errors of clocks by this, of candidates that lose at most so much.
ERROR_WEIGHT = 0.1
NEAR = 0.3


# Parameters: their file's records and the table of tiles.

RECORD = re.compile(r"^inline constexpr (\w+) (\w+) = \{\n(.*?)^\};", re.M | re.S)
FIELD = re.compile(r"\.(\w+) = ([^,]+),")
TILE = re.compile(r'\{"(\w+)", ([^,]+), ([^}]+)\}')
HEADER = ("// Written by benchmarks/tuning/fit_cost_model.py; cost_parameters.hpp says what the "
          "numbers mean.\n")


class Parameters:
    """What cost_parameters.inc says."""

    def __init__(self, text):
        self.kinds = {}
        self.records = {}
        for kind, name, body in RECORD.findall(text):
            self.kinds[name] = kind
            self.records[name] = {key: float(value) for key, value in FIELD.findall(body)}
        self.tiles = {name: {"macs_per_clock": float(macs), "stage_gap_clocks": float(gap)}
                      for name, macs, gap in TILE.findall(text)}

    def text(self):
        parts = [HEADER]
        for name, record in self.records.items():
            fields = "".join(f"    .{key} = {number(value)},\n" for key, value in record.items())
            parts.append(f"inline constexpr {self.kinds[name]} {name} = {{\n{fields}}};\n")
        rows = "".join(f'    {{"{name}", {number(tile["macs_per_clock"])}, '
                       f'{number(tile["stage_gap_clocks"])}}},\n'
                       for name, tile in self.tiles.items())
        parts.append(f"inline constexpr std::array<TileCost, {len(self.tiles)}> kTileCosts = "
                     f"{{{{\n{rows}}}}};\n")
        return "\n".join(parts)

    def values(self, record):
        return self.tiles[record] if record in self.tiles else self.records[record]


def number(value):
    """Four digits say what a fit knows; a value that is read back is the same."""
    return f"{value:.4g}" if value < 1e4 else f"{value:.0f}"


# The model: src/selection/tiling.cpp and cost_model.cpp over arrays, an element a candidate.


def divide_up(a, b):
    return (a + b - 1) // b


class Candidates:
    """Kernels with splits of K for problems, on one GPU."""

    def __init__(self, gpu, device, kernels, rows):
        """`rows` holds (m, n, k, kernel's name, split_k)."""
        self.gpu = gpu
        self.names = [row[3] for row in rows]
        facts = [kernels[name] for name in self.names]
        for key in ("tile_m", "tile_n", "tile_k", "cluster_m", "shared_bytes", "pipeline_bytes",
                    "blocks_per_sm", "max_split_k"):
            setattr(self, key, np.array([fact[key] for fact in facts], np.int64))
        self.operand_clocks = np.array([fact["operand_clocks"] for fact in facts], float)
        self.fills_sm = np.array([fact["fills_sm"] for fact in facts])
        self.splits_in_cluster = np.array([fact["split"] == "cluster" for fact in facts])
        spreads = np.array([fact["spreads_weight_rows"] for fact in facts])
        self.m, self.n, self.k, self.split_k = (
            np.array([row[i] for row in rows], np.int64) for i in (0, 1, 2, 4))
        self.num_sms = device["num_sms"]
        self.memory_bytes_per_clock = device["memory_bytes_per_clock"]
        self.tile(device, spreads)

    def tile(self, device, spreads):
        fit = device["shared_bytes_per_sm"] // (self.shared_bytes + 1024)
        self.resident = np.clip(fit, 1, self.blocks_per_sm)
        clusters = np.array(device["clusters_at_once"])[self.resident - 1,
                                                       np.minimum(self.split_k, 8)]
        places = self.num_sms * self.resident
        in_cluster = self.splits_in_cluster & (self.split_k > 1)
        self.at_once = np.where(in_cluster, clusters * self.split_k, places)
        self.weight_rows = np.where(spreads, self.spread_rows(), self.tile_n)
        tiles_m = divide_up(np.maximum(1, self.m), self.tile_m)
        self.tiles_m = divide_up(tiles_m, self.cluster_m) * self.cluster_m
        self.tiles_n = divide_up(np.maximum(1, self.n), self.weight_rows)
        tiles = tiles_m * self.tiles_n
        rest = tiles % self.at_once
        split = np.where(self.splits_in_cluster | (rest == 0), tiles, rest)
        self.split_tiles = np.where(self.split_k > 1, split, 0)
        steps = divide_up(self.k, self.tile_k)
        self.waves = self.sm_blocks = self.wave_steps = self.sm_steps = 0
        self.blocks = self.all_steps = 0
        self.add_waves(self.tiles_m * self.tiles_n - self.split_tiles, steps)
        self.add_waves(self.split_tiles * self.split_k, divide_up(steps, self.split_k))

    def spread_rows(self):
        places = np.maximum(1, self.num_sms * self.blocks_per_sm // self.split_k)
        rows = divide_up(divide_up(self.n, places), 8) * 8
        whole = (self.m > self.tile_m) | (self.split_k > 2) | (rows <= self.tile_n // 2)
        return np.where(whole, self.tile_n, np.minimum(rows, self.tile_n))

    def add_waves(self, blocks, steps):
        full = blocks // self.at_once
        rest = blocks - full * self.at_once
        waves = full + (rest > 0)
        sm_blocks = full * self.resident + np.minimum(self.resident, divide_up(rest, self.num_sms))
        self.waves = self.waves + waves
        self.sm_blocks = self.sm_blocks + sm_blocks
        self.wave_steps = self.wave_steps + waves * steps
        self.sm_steps = self.sm_steps + sm_blocks * steps
        self.blocks = self.blocks + blocks
        self.all_steps = self.all_steps + blocks * steps

    def may_split(self):
        """As src/selection/feasibility.cpp."""
        fits = ((self.split_k <= self.max_split_k) & (self.k > (self.split_k - 1) * self.tile_k) &
                (self.split_tiles * self.split_k <= self.at_once))
        return (self.split_k == 1) | fits

    def cost(self, parameters):
        """Returns columns of the parameters of the candidates' families and tiles."""
        families = [family_of(name) for name in self.names]
        by_family = {name: parameters.records[name] for name in set(families)}
        keys = next(iter(by_family.values()))
        columns = {key: np.array([by_family[family][key] for family in families]) for key in keys}
        for key in ("macs_per_clock", "stage_gap_clocks"):
            columns[key] = np.array([parameters.tiles.get(name, by_family[family])[key]
                                     for name, family in zip(self.names, families)])
        return columns

    def clocks(self, parameters):
        """Returns what the model expects."""
        cost = self.cost(parameters)
        gpu = parameters.records["k" + self.gpu]
        tile = self.tile_m * self.weight_rows
        products = self.tile_m * self.tile_n * self.tile_k / cost["macs_per_clock"]
        stage = np.maximum(products, self.operand_clocks) + cost["stage_gap_clocks"]
        lone = np.where(self.blocks_per_sm > 1, cost["lone_factor"], 1)
        tensor = stage * np.maximum(self.sm_steps, self.wave_steps * lone)

        stage_bytes = (self.tile_m + self.weight_rows) * self.tile_k
        pipelines = self.wave_steps * stage_bytes / self.pipeline_bytes
        latency = np.maximum(cost["least_pipelines"], pipelines) * cost["latency_clocks"]

        stream = (self.sm_steps * self.weight_rows * self.tile_k /
                  (gpu["stream_bytes_per_clock"] * self.tiles_m))

        l2_rows = self.tiles_m * self.tiles_n * self.weight_rows / self.cluster_m
        l2_bytes = (l2_rows + self.tiles_n * self.m) * self.k / self.num_sms
        l2 = l2_bytes / cost["l2_bytes_per_clock"]

        macs = self.m * self.n * self.k / self.num_sms
        power = np.where(self.m < POWER_BOUND_TOKENS, 0,
                         cost["product_energy"] * macs / MACS_PER_CLOCK +
                         cost["l2_byte_energy"] * l2_bytes)

        loop = sum(c**4 for c in (tensor, latency, stream, l2, self.memory(cost, gpu), power))**0.25
        few_idle = (self.m <= FEW_TOKENS) & (self.blocks + self.m > self.num_sms)
        clocks = (gpu["launch_clocks"] + loop + self.waves * cost["wave_clocks"] +
                  self.sm_blocks * tile * cost["store_clocks"] +
                  few_idle * cost["few_idle_sms_clocks"] +
                  self.fills_sm * cost["no_quantize_block_clocks"])
        split = (cost["split_clocks"] + (self.split_k > 2) * cost["wide_split_clocks"] +
                 cost["split_sum_clocks"] * tile * (self.split_k - 1))
        return clocks + np.where(self.split_k > 1, split, 0)

    def memory(self, cost, gpu):
        nominal = self.memory_bytes_per_clock or gpu["memory_bytes_per_clock"]
        share = np.where(self.split_k > 1, cost["split_reread"], gpu["unsplit_reread"])
        rows = self.m + self.n * (1 + share * (1 - 1 / self.tiles_m))
        uneven = np.where((self.blocks > self.num_sms) & (self.all_steps > 0),
                          self.sm_steps * self.num_sms / np.maximum(1, self.all_steps), 1)
        uneven_share = np.where(self.blocks_per_sm == 1, cost["uneven_share_of_one_block"],
                                cost["uneven_share_of_two_blocks"])
        half_used = ((self.resident > 1) & (self.blocks <= self.num_sms) &
                     (self.blocks > self.num_sms // 2))
        return (rows * self.k / (gpu["memory_share"] * nominal) *
                (1 + uneven_share * (uneven - 1)) *
                np.where(half_used, cost["half_used_factor"], 1))


@functools.lru_cache(maxsize=None)
def family_of(kernel):
    return next(family for prefix, family in FAMILIES if kernel.startswith(prefix))


# Comparisons.


class Comparisons:
    """Times of a GPU, and the candidates among which select chooses there."""

    def __init__(self, gpu, kernels, text):
        lines = text.splitlines(keepends=True)
        facts = [line[2:] for line in lines if line.startswith("# ")]
        device = json.loads("".join(facts))
        times = collections.defaultdict(dict)
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            problem = int(row["m"]), int(row["n"]), int(row["k"])
            for part in row["split_k:microseconds"].split():
                split, us = part.split(":")
                times[problem][row["kernel"], int(split)] = float(us)
        self.gpu = gpu
        self.problems = list(times)
        self.best = np.array([min(times[problem].values()) for problem in self.problems])
        rows = [(*problem, name, split) for problem in self.problems
                for name, kernel in kernels.items() if kernel["backend"] == BACKEND
                for split in SPLITS if split <= kernel["max_split_k"]]
        rows = considered(rows, Candidates(gpu, device, kernels, rows).may_split())
        self.candidates = Candidates(gpu, device, kernels, rows)
        self.losses_of = np.array([
            times[row[:3]].get(row[3:], SLOWEST * min(times[row[:3]].values())) /
            min(times[row[:3]].values()) - 1 for row in rows])
        starts = [i for i, row in enumerate(rows) if i == 0 or row[:3] != rows[i - 1][:3]]
        self.slices = [slice(a, b) for a, b in zip(starts, starts[1:] + [len(rows)])]
        self.rows = rows

    def choices(self, parameters):
        """Returns the index of the model's choice for each problem, the first of equals."""
        clocks = self.candidates.clocks(parameters)
        return np.array([part.start + np.argmin(clocks[part]) for part in self.slices])

    def errors(self, parameters):
        """Returns how far clocks are from being proportional to times, near the best."""
        ratios = np.log(self.candidates.clocks(parameters)) - np.log1p(self.losses_of)
        near = self.losses_of <= NEAR
        return np.array([ratios[part][near[part]].std() for part in self.slices])

    def losses(self, parameters):
        """Returns how much slower the model's choice is than the best, for each problem."""
        return self.losses_of[self.choices(parameters)]


def considered(rows, may_split):
    """Search tries splits in their order, up to the first that may not be."""
    kept = []
    refused = None
    for row, may in zip(rows, may_split):
        if row[:4] == refused:
            continue
        if may:
            kept.append(row)
        else:
            refused = row[:4]
    return kept


def load_comparisons(kernels):
    found = {}
    for gpu in GPUS:
        path = DATA / f"{gpu.lower()}.csv"
        if path.exists():
            found[gpu] = Comparisons(gpu, kernels, path.read_text(encoding="utf-8"))
    return found


def print_losses(title, comparisons, parameters):
    print(title)
    for gpu in GPUS:
        if gpu not in comparisons:
            print(f"  {gpu}: not measured: qlinear_bench --tune --benchmark_out=tune.json there, "
                  f"then --import {gpu} tune.json")
            continue
        losses = 100 * comparisons[gpu].losses(parameters)
        worst = comparisons[gpu].problems[int(np.argmax(losses))]
        print(f"  {gpu}: {len(losses)} comparisons, loss {losses.mean():.2f} % on average, "
              f"{np.percentile(losses, 95):.1f} % at the 95th percentile, {losses.max():.1f} % at "
              "worst (M {}, N {}, K {})".format(*worst))


# The fit.


def free_parameters(parameters, comparisons, every):
    """Returns (record, key) of what the comparisons can say something about."""
    # A launch costs all candidates the same, and both GPUs tell their memory's rate.
    fixed = ("launch_clocks", "memory_bytes_per_clock", "macs_per_clock")
    records = ["k" + gpu for gpu in GPUS if gpu in comparisons]
    if every or len(comparisons) == len(GPUS):
        records += FITTED_FAMILIES
        records += [name for name in parameters.tiles if family_of(name) in FITTED_FAMILIES]
    return [(record, key) for record in records
            for key, value in parameters.values(record).items() if key not in fixed and value > 0]


def fit(parameters, comparisons, every=False, freely=False):
    """Changes `parameters` until no step of any of them is better."""

    def losses():
        return [comparison.losses(parameters) for comparison in comparisons.values()]

    def mean(parts):
        return np.mean([part.mean() for part in parts])

    def objective(all_losses):
        if not freely:
            return mean(all_losses)
        return mean(all_losses) + ERROR_WEIGHT * mean(
            [comparison.errors(parameters) for comparison in comparisons.values()])

    def is_allowed(new, old):
        return freely or all((a <= b).all() for a, b in zip(new, old))

    free = free_parameters(parameters, comparisons, every)
    now = losses()
    value = objective(now)
    moved = True
    while moved:
        moved = False
        for record, key in free:
            values = parameters.values(record)
            for step in STEPS:
                before = values[key]
                values[key] = float(number(before * step))
                new = losses()
                new_value = objective(new)
                if new_value < value - LEAST_GAIN and is_allowed(new, now):
                    print(f"  {record}.{key}: {number(before)} to {number(values[key])}, "
                          f"loss {100 * mean(now):.3f} to {100 * mean(new):.3f} %")
                    now = new
                    value = new_value
                    moved = True
                else:
                    values[key] = before
    return parameters


# Commands.


def load_facts(program):
    if not pathlib.Path(program).exists():
        sys.exit(f"error: there is no {program}: build qlinear_cost_model_facts with "
                 "-DQLINEAR_BUILD_BENCHMARKS=ON")
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    facts = json.loads(output)
    return {kernel["name"]: kernel for kernel in facts["kernels"]}, facts["gpus"]


def check_model(kernels, gpus, parameters):
    """Fails where this file computes anything else than the library."""
    for gpu, facts in gpus.items():
        rows = facts["expected"]
        candidates = Candidates(gpu, facts["device"], kernels, rows)
        ratio = candidates.clocks(parameters) / np.array([row[5] for row in rows])
        wrong = np.flatnonzero((np.abs(ratio - 1) > 1e-9) |
                               (candidates.may_split() != [row[6] for row in rows]))
        if len(wrong):
            row = rows[wrong[0]]
            sys.exit(f"error: for {len(wrong)} of {len(rows)} candidates on an {gpu} the library "
                     f"expects other clocks or splits: {row[:5]} takes {row[5]:.6g} clocks there "
                     f"and {row[5] * ratio[wrong[0]]:.6g} here")
        print(f"{gpu}: {len(rows)} candidates have the library's clocks")


def check_fit(parameters, comparisons):
    committed = PARAMETERS.read_text(encoding="utf-8")
    if parameters.text() != committed:
        sys.exit(f"error: {PARAMETERS.name} is not as this script writes it: run --fit")
    if fit(parameters, comparisons).text() != committed:
        sys.exit(f"error: a fit moves the parameters: run --fit and review {PARAMETERS.name} and "
                 "what selection_table_test --write changes")
    print("a fit reproduces the committed parameters")


def import_times(gpu, paths, kernels):
    """Writes data/GPU.csv."""
    times = collections.defaultdict(dict)
    contexts = []
    for path in paths:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        contexts.append(document["context"])
        for row in document["benchmarks"]:
            if "/linear/" in row["name"]:
                add_comparison(times, row, kernels)
    facts = device_facts(contexts[0])
    out = io.StringIO()
    out.write(f"# {json.dumps(facts)}\n")
    out.write("m,n,k,kernel,split_k:microseconds\n")
    for problem, kept in times.items():
        for kernel in dict.fromkeys(name for name, _ in kept):
            parts = " ".join(f"{split}:{us:.4g}" for (name, split), us in sorted(kept.items())
                             if name == kernel)
            out.write(",".join(map(str, problem)) + f",{kernel},{parts}\n")
    DATA.mkdir(exist_ok=True)
    (DATA / f"{gpu.lower()}.csv").write_text(out.getvalue(), encoding="utf-8")


def device_facts(context):
    clusters = [[0, *map(int, part.split())] for part in context["clusters_at_once"].split(",")]
    return {"gpu": context["gpu"], "driver": context["driver"], "date": context["date"][:10],
            "num_sms": int(context["num_sms"]),
            "shared_bytes_per_sm": int(context["shared_bytes_per_sm"]),
            "memory_bytes_per_clock": float(context["memory_bytes_per_clock"]),
            "clusters_at_once": clusters}


def add_comparison(times, row, kernels):
    _, layer, tokens, *_ = row["name"].split("/")
    n, k = (int(size) for size in LAYERS.get(layer, layer).split("x"))
    measured = {}
    for key, us in row.items():
        if key.startswith("us/"):
            kernel, _, split = key[3:].partition("/split:")
            if kernel in kernels:
                measured[kernel, int(split or 1)] = us
    best = min(measured.values())
    times[int(tokens.removeprefix("m:")), n, k].update(
        {key: us for key, us in measured.items() if us <= SLOWEST * best})


# The benchmark's names of layers, as C_out x K.
LAYERS = {"8b_qkv": "6144x4096", "8b_o": "4096x4096", "8b_gate_up": "28672x4096",
          "8b_down": "4096x14336", "70b_qkv": "10240x8192", "70b_o": "8192x8192",
          "70b_gate_up": "57344x8192", "70b_down": "8192x28672"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("facts", help="the program qlinear_cost_model_facts")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--fit", action="store_true")
    action.add_argument("--fit-freely", action="store_true")
    action.add_argument("--fit-all", action="store_true",
                        help="prints what a fit would move if a family's parameters were the "
                        "measured GPUs' alone")
    action.add_argument("--check", action="store_true")
    action.add_argument("--import", dest="imported", nargs="+", metavar=("GPU", "JSON"))
    options = parser.parse_args()

    kernels, gpus = load_facts(options.facts)
    if options.imported:
        import_times(options.imported[0], options.imported[1:], kernels)
    parameters = Parameters(PARAMETERS.read_text(encoding="utf-8"))
    comparisons = load_comparisons(kernels)
    if options.check:
        check_model(kernels, gpus, parameters)
    print_losses("committed parameters:", comparisons, parameters)
    if options.check:
        check_fit(parameters, comparisons)
    if options.fit or options.fit_freely or options.fit_all:
        print("fit:")
        if options.fit_freely:
            fit(parameters, comparisons, freely=True)
        fit(parameters, comparisons, every=options.fit_all)
        print_losses("fitted parameters:", comparisons, parameters)
    if options.fit or options.fit_freely:
        PARAMETERS.write_text(parameters.text(), encoding="utf-8")


if __name__ == "__main__":
    main()
