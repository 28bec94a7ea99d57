#!/usr/bin/env python3
"""Reads the machine code of kernels (object files, or programs that hold them) and fails unless the
main loops are what they are meant to be:

    check_sass.py OBJECT...

Every mma.sync kernel multiplies on the tensor cores (IMMA) and reads its operands by ldmatrix, 16
bytes a lane (LDSM.16.M88.4); every wgmma kernel multiplies by IGMMA, whose descriptors are computed
in uniform registers (no R2UR in the main loop), and holds no fence over global memory (MEMBAR). TMA
loads (UTMALDG) what wgmma multiplies, and what an mma.sync kernel does if its name says so, without
a loop over threads that might take part (BRA.U.ANY). None keeps registers in local memory in its
main loop (LDL, STL), and no kernel loads from global memory before it has waited for its
predecessors (ACQBULK). Prints, for each architecture, the instructions of the main loops.

Needs cuobjdump and nvdisasm: part of the CUDA toolkit, and of the PyPI packages nvidia-cuda-cuobjdump
and nvidia-cuda-nvdisasm.
"""

import collections
import concurrent.futures
import re
import subprocess
import sys

ARCHITECTURE = re.compile(r"^arch = (\S+)")
FUNCTION = re.compile(r"^\s*Function : (\S+)")
INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?(\S+)\s?([^;]*);")
BRANCH_TARGET = re.compile(r"0x([0-9a-f]+)\s*$")
MATRIX_KERNELS = (("mma_sync_gemm", "IMMA", False), ("mma_sync_tma_gemm", "IMMA", True),
                  ("wgmma_gemm", "IGMMA", True))
COUNTED = ("IMMA", "IGMMA", "LDSM", "LDGSTS", "BAR", "LDL", "STL")


def read_kernels(path):
    """Yields (architecture, name, [(address, opcode, operands)]) for each kernel of the file."""
    dump = subprocess.run(["cuobjdump", "--dump-sass", path], capture_output=True, text=True,
                          check=True).stdout
    architecture = name = None
    code = []
    for line in dump.splitlines():
        if found := ARCHITECTURE.match(line):
            architecture = found[1]
        elif found := FUNCTION.match(line):
            if name:
                yield architecture_of_name, name, code
            name, code, architecture_of_name = found[1], [], architecture
        elif found := INSTRUCTION.match(line):
            code.append((int(found[1], 16), found[2], found[3]))
    if name:
        yield architecture_of_name, name, code


def main_loop(code, instruction):
    """The opcodes of the loop, a backward branch's range, that is densest in `instruction`s."""
    best = []
    best_density = 0
    for address, opcode, operands in code:
        target = BRANCH_TARGET.search(operands)
        if not opcode.startswith("BRA") or not target or int(target[1], 16) >= address:
            continue
        body = [op for at, op, _ in code if int(target[1], 16) <= at <= address]
        density = sum(op.startswith(instruction) for op in body) / len(body)
        if density > best_density:
            best, best_density = body, density
    return best


def check_matrix_kernel(code, instruction, uses_tma):
    """The opcodes of the main loop, and what is wrong with the kernel."""
    opcodes = [opcode for _, opcode, _ in code]
    loop = main_loop(code, instruction)
    failures = []
    if not any(op.startswith(instruction) for op in loop):
        failures.append(f"has no loop with {instruction}")
    if any(op.startswith(("LDL", "STL")) for op in loop):
        failures.append("keeps registers in local memory in its main loop")
    if instruction == "IMMA" and not any(op == "LDSM.16.M88.4" for op in loop):
        failures.append("has no 16-byte ldmatrix (LDSM.16.M88.4) in its main loop")
    if uses_tma and not any(op.startswith("UTMALDG") for op in opcodes):
        failures.append("loads nothing by TMA (UTMALDG)")
    if uses_tma and "BRA.U.ANY" in opcodes:
        failures.append("loops over threads that might use TMA (BRA.U.ANY)")
    if instruction == "IGMMA" and "R2UR" in loop:
        failures.append("moves descriptors between registers in its main loop (R2UR)")
    if instruction == "IGMMA" and any(op.startswith("MEMBAR") for op in opcodes):
        failures.append("has a fence over global memory (MEMBAR)")
    return loop, failures


def check_wait(code):
    """Whether a kernel loads before griddepcontrol.wait; prefetched operands go by other opcodes."""
    opcodes = [opcode for _, opcode, _ in code]
    if "ACQBULK" not in opcodes:
        return ["never waits for its predecessors (ACQBULK)"]
    before = opcodes[: opcodes.index("ACQBULK")]
    return ["loads before it waits (LDG before ACQBULK)"] if any(
        op.startswith("LDG.") for op in before) else []


def runs(architecture, code):
    """Whether a kernel is for this architecture: sm_75 has no m16n8k32, whose kernels trap there."""
    return architecture != "sm_75" or any(opcode.startswith("IMMA") for _, opcode, _ in code)


def check(architecture, name, code, loops):
    failures = []
    for kernel, instruction, uses_tma in MATRIX_KERNELS:
        if kernel in name and runs(architecture, code):
            loop, failures = check_matrix_kernel(code, instruction, uses_tma)
            counts = collections.Counter(op.split(".")[0] for op in loop)
            loops[architecture, kernel].append(tuple(counts[op] for op in COUNTED))
    if architecture == "sm_90a" and re.search("quantize_(registers|two_pass|cluster)", name):
        failures += check_wait(code)
    return [f"{architecture} {name} {failure}" for failure in failures]


def check_file(path):
    loops = collections.defaultdict(list)
    failures = []
    for architecture, name, code in read_kernels(path):
        failures += check(architecture, name, code, loops)
    return loops, failures


def main(paths):
    loops = collections.defaultdict(list)
    failures = []
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for loops_of_file, failures_of_file in pool.map(check_file, paths):
            failures += failures_of_file
            for key, counts in loops_of_file.items():
                loops[key] += counts
    for (architecture, kernel), counts in sorted(loops.items()):
        print(f"{architecture} {kernel}: {len(counts)} kernels; in their main loops "
              + ", ".join(f"{min(column)} to {max(column)} {opcode}"
                          for opcode, column in zip(COUNTED, zip(*counts)) if max(column)))
    if not loops:
        failures.append("no mma.sync and no wgmma kernel found in " + " ".join(paths))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
