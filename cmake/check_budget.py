#!/usr/bin/env python3
"""Holds a build with QLINEAR_RESOURCE_USAGE=ON to its budget, so that kernels do not multiply
unnoticed:

    check_budget.py LOG BUILD_DIRECTORY

prints how many kernels ptxas compiled, how many seconds of processor time their files took (both as
LOG says, where cmake/processor_seconds.sh launched nvcc) and how many bytes their objects have, and
fails where one is above the budget. A change that needs more says why in the commit that raises it.
Seconds are of CI and leave room for slower machines."""

import pathlib
import re
import sys

BUDGET = {"kernels": 330, "seconds": 700, "bytes": 25_000_000}

ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
BUILDING = re.compile(r"Building \w+ object (\S+)")
SECONDS = re.compile(r"processor seconds: ([\d.]+)")


def is_kernel_object(path):
    return path.parts[0] == "kernels" and "benchmark" not in path.parts


def seconds_of(log):
    """Of kernel objects. ninja prints what a compiler said after the line that names its object."""
    total, counts = 0.0, False
    for line in log.splitlines():
        if building := BUILDING.search(line):
            counts = is_kernel_object(pathlib.Path(building[1]))
        elif counts and (seconds := SECONDS.match(line)):
            total += float(seconds[1])
    return total


def main(log, build):
    build = pathlib.Path(build)
    log = pathlib.Path(log).read_text(encoding="utf-8", errors="replace")
    entries = ENTRY.findall(log)
    objects = [path for path in (build / "kernels").rglob("*.o")
               if is_kernel_object(path.relative_to(build))]
    used = {
        # Programs of the benchmark have kernels of their own.
        "kernels": sum("7qlinear7kernels" in name and "9benchmark" not in name
                       for name, _ in entries),
        "seconds": round(seconds_of(log)),
        "bytes": sum(path.stat().st_size for path in objects),
    }
    failed = False
    for name, budget in BUDGET.items():
        over = used[name] > budget or used[name] == 0
        failed = failed or over
        print(f"{name}: {used[name]} of {budget}{' IS OVER THE BUDGET' if over else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
