"""Runs the numeric tests as other processors would, so that no test and no quoted line rests on how one BLAS rounds.

`make processors` runs it. OpenBLAS has kernels for many processors, which add in different orders; `OPENBLAS_CORETYPE` chooses
one. NumPy, PyTorch and XLA choose by instruction set, so theirs goes down with it. Each kernel runs on one thread and on two.

A processor without a kernel's instructions dies of it, so each kernel is tried first, in a process of its own. What cannot run
here is said, at the beginning and at the end, and a run of fewer than two kernels is red: it compares nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SSE = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX",  # The least that jaxlib's wheels run on.
}
AVX2 = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
AVX512: dict[str, str] = {}
"""What a processor with all of it chooses by itself."""

KERNELS = {"Prescott": SSE, "Nehalem": SSE, "Sandybridge": SSE, "Haswell": AVX2, "Zen": AVX2, "SkylakeX": AVX512}
"""By OpenBLAS's names, with what other libraries may use beside it."""

TESTS = ("tests/reference", "tests/conformance", "tests/adapters", "tests/docs")
EXACT = (
    "tests/conformance/kills",
    "tests/conformance/replaying",
    "tests/conformance/test_groups.py",
    "tests/conformance/test_language.py",
    "tests/conformance/test_vocabulary.py",
    "tests/adapters/test_device.py",
    "tests/adapters/test_jax_compile.py",
    "tests/adapters/test_triton_compiles.py",
    "tests/docs/test_generated.py",
    "tests/docs/test_pages.py",
)
"""What is left out of them: tests of text, files and compilers, which round nothing. A new file is run until it stands here."""

PROBE = """
import numpy as np, threadpoolctl
for dtype in (np.float32, np.float64):
    x = np.ones((65, 65), dtype)
    assert (x @ x == 65).all()
used = [x for x in threadpoolctl.threadpool_info() if x["internal_api"] == "openblas"]
if not used:
    raise SystemExit("NumPy uses no OpenBLAS here")
print(used[0]["architecture"], used[0]["num_threads"])
"""


@dataclass(frozen=True)
class Tried:
    """What became of a kernel on this processor: the name under which OpenBLAS ran it, or why it did not run."""

    kernel: str
    threads: int
    ran: str | None = None
    why: str = ""

    def __str__(self) -> str:
        name = f"{self.kernel}, {self.threads} thread{'s' if self.threads > 1 else ''}"
        if self.ran is None:
            return f"{name}: not run, {self.why}"
        return name if self.ran == self.kernel else f"{name}, which runs as {self.ran}"


def environment(kernel: str, threads: int) -> dict[str, str]:
    """That of a process which uses a kernel of OpenBLAS on so many threads."""
    counts = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return {**os.environ, "OPENBLAS_CORETYPE": kernel, **KERNELS[kernel], **counts}


def tried(kernel: str, threads: int) -> Tried:
    """A product of matrices with a kernel, in a process of its own."""
    command = [sys.executable, "-c", PROBE]
    ran = subprocess.run(command, env=environment(kernel, threads), cwd=ROOT, text=True, capture_output=True, timeout=120)
    if ran.returncode == -signal.SIGILL:
        return Tried(kernel, threads, why="this processor lacks its instructions")
    if ran.returncode:
        return Tried(kernel, threads, why=(ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1])
    name, count = ran.stdout.split()
    if int(count) != threads:
        return Tried(kernel, threads, why=f"OpenBLAS takes {count} here")
    return Tried(kernel, threads, ran=name)


def sorted_out(found: list[Tried]) -> tuple[list[Tried], list[Tried]]:
    """Those to run; and those that do not run, or run as one that is run already with the same other libraries."""
    run: list[Tried] = []
    left: list[Tried] = []
    for each in found:
        same = [x for x in run if (x.ran, x.threads, KERNELS[x.kernel]) == (each.ran, each.threads, KERNELS[each.kernel])]
        if same:
            left.append(replace(each, ran=None, why=f"OpenBLAS runs it as {each.ran}, like {same[0].kernel}"))
        else:
            (run if each.ran else left).append(each)
    return run, left


def tests_with(kernel: str, threads: int, options: list[str]) -> tuple[str, set[str]]:
    """The tests with a kernel: the last line of pytest, and which failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfE", *options]
    process = subprocess.Popen(command, env=environment(kernel, threads), cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    last, failed = "", set()
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
        if named := re.match(r"(?:FAILED|ERROR) (\S+)", line):
            failed.add(named[1])
    if process.wait() and not failed:
        failed.add(f"pytest itself: exit code {process.returncode}")
    return last, failed


def main(words: list[str] | None = None) -> int:
    """0: all that ran is green. 1: a test fails, or fewer than two kernels run here."""
    parser = argparse.ArgumentParser(description="The numeric tests as other processors would run them.", allow_abbrev=False)
    parser.add_argument("--kernels", nargs="+", default=list(KERNELS), choices=list(KERNELS), metavar="KERNEL")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--tests", nargs="+", default=[*TESTS, *(f"--ignore={path}" for path in EXACT)], metavar="PATH")
    known, more = parser.parse_known_args(words)
    run, left = sorted_out([tried(kernel, threads) for threads in known.threads for kernel in known.kernels])
    print("To run:", *(f"  {each}" for each in run), "Not to run:", *(f"  {each}" for each in left), sep="\n", flush=True)
    told, red = [], len({each.ran for each in run}) < 2
    for each in run:
        print(f"\n{each}", flush=True)
        last, failed = tests_with(each.kernel, each.threads, [*known.tests, *more])
        told += [f"  {each}: {last}", *(f"    {name}" for name in sorted(failed))]
        red = red or bool(failed)
    print("", *told, *(f"  {each}" for each in left), sep="\n")
    if len({each.ran for each in run}) < 2:
        print("fewer than two kernels run here, so nothing was compared")
    return int(red)


if __name__ == "__main__":
    raise SystemExit(main())
