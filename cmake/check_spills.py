#!/usr/bin/env python3
"""Reads what ptxas printed in a build with QLINEAR_RESOURCE_USAGE=ON (a log file) and fails if a
kernel spills registers, if wgmma was serialized (C7510, C7511), or if the log names no kernel."""

import re
import sys

ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")
SERIALIZED = re.compile(r"C751[01]")


def read_kernels(lines):
    """Yields (architecture, name, spilled bytes, registers) for each kernel of the log."""
    name = architecture = None
    spilled = 0
    for line in lines:
        if entry := ENTRY.search(line):
            name, architecture = entry.groups()
            spilled = 0
        elif spills := SPILLS.search(line):
            spilled += int(spills[1]) + int(spills[2])
        elif (registers := REGISTERS.search(line)) and name:
            yield architecture, name, spilled, int(registers[1])
            name = None


def main(path):
    with open(path, encoding="utf-8", errors="replace") as log:
        lines = log.read().splitlines()
    kernels = list(read_kernels(lines))
    failures = [line for line in lines if SERIALIZED.search(line)]
    failures += [
        f"{architecture} {name} spills {spilled} bytes at {registers} registers"
        for architecture, name, spilled, registers in kernels
        if spilled
    ]
    if not kernels:
        failures.append(f"{path} names no kernel: was it a full build with QLINEAR_RESOURCE_USAGE=ON?")
    for failure in failures:
        print(failure, file=sys.stderr)
    architectures = sorted({kernel[0] for kernel in kernels})
    most = max((kernel[3] for kernel in kernels), default=0)
    print(f"{len(kernels)} kernels for {', '.join(architectures)}: at most {most} registers, "
          f"{sum(1 for kernel in kernels if kernel[2])} with spills")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
