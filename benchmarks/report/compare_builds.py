#!/usr/bin/env python3
"""Runs two builds of qlinear_bench in turns on one GPU and compares their times row by row:

    compare_builds.py OLD_BENCH NEW_BENCH [--rounds 3] [FLAG...]

Further flags go to both programs; without any they are --quick --peers=none. A row's time is its
median over the rounds, so that neither build always comes after the other has warmed the GPU. Prints
each row whose ratio leaves the threshold, the geometric mean of new over old, and the worst row."""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile


def run(bench, flags):
    """Microseconds by row."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "out.json"
        command = [bench, *flags, "--benchmark_out_format=json", f"--benchmark_out={output}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows = json.loads(output.read_text(encoding="utf-8"))["benchmarks"]
    return {row["name"]: row["real_time"] for row in rows if not row.get("error_occurred")}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threshold", type=float, default=0.02, help="of a row, to be printed")
    arguments, flags = parser.parse_known_args()
    flags = flags or ["--quick", "--peers=none"]
    times = {arguments.old: {}, arguments.new: {}}
    for turn in range(arguments.rounds):
        order = [arguments.old, arguments.new]
        for bench in order if turn % 2 == 0 else reversed(order):
            for name, microseconds in run(bench, flags).items():
                times[bench].setdefault(name, []).append(microseconds)
    common = sorted(set(times[arguments.old]) & set(times[arguments.new]))
    if not common:
        print("the two builds have no row in common", file=sys.stderr)
        return 1
    ratios = {}
    for name in common:
        old, new = (statistics.median(times[bench][name]) for bench in (arguments.old, arguments.new))
        ratios[name] = new / old
        if abs(ratios[name] - 1) > arguments.threshold:
            print(f"{name}: {old:.2f} to {new:.2f} us, {ratios[name]:.3f}")
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios.values()))
    worst = max(ratios, key=ratios.get)
    print(f"{len(common)} rows, geometric mean of new over old {mean:.4f}, "
          f"worst {worst} {ratios[worst]:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
