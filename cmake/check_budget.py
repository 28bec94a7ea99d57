#!/usr/bin/env python3
"""Holds a build with QLINEAR_RESOURCE_USAGE=ON to its budget, so that kernels do not multiply
unnoticed:

    check_budget.py LOG BUILD_DIRECTORY

prints how many kernels ptxas compiled (as LOG says), how many seconds their files took (as ninja
recorded them) and how many bytes their objects have, and fails where one is above the budget. A
change that needs more says why in the commit that raises it. Seconds are of the two cores of CI and
leave room for slower machines."""

import pathlib
import re
import sys

BUDGET = {"kernels": 232, "seconds": 900, "bytes": 13_000_000}

ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")


def kernel_objects(build):
    return [path for path in (build / "kernels").rglob("*.o") if "benchmark" not in path.parts]


def seconds_of(build):
    """Of the last build of each kernel object: ninja logs the start and the end in milliseconds."""
    objects = {str(path.relative_to(build)) for path in kernel_objects(build)}
    last = {}
    for line in (build / ".ninja_log").read_text(encoding="utf-8").splitlines()[1:]:
        start, end, _, output, _ = line.split("\t")
        if output in objects:
            last[output] = (int(end) - int(start)) / 1000
    return sum(last.values())


def main(log, build):
    build = pathlib.Path(build)
    entries = ENTRY.findall(pathlib.Path(log).read_text(encoding="utf-8", errors="replace"))
    used = {
        # Programs of the benchmark have kernels of their own.
        "kernels": sum("7qlinear7kernels" in name and "9benchmark" not in name
                       for name, _ in entries),
        "seconds": round(seconds_of(build)),
        "bytes": sum(path.stat().st_size for path in kernel_objects(build)),
    }
    failed = False
    for name, budget in BUDGET.items():
        over = used[name] > budget or used[name] == 0
        failed = failed or over
        print(f"{name}: {used[name]} of {budget}{' IS OVER THE BUDGET' if over else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
