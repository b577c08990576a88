"""Times the standard budget, all laws, on one implementation (numpy/flash unless another is named), with two workers.

    python benchmarks/standard_budget.py [IMPLEMENTATION] [RUNS]

Prints the wall time of each run as a whole process and the median. The aim for numpy/flash is 60 s on two cores.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

AIM = 60.0


def main() -> None:
    target = sys.argv[1] if len(sys.argv) > 1 else "numpy/flash"
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    command = [sys.executable, "-m", "attnspec", "run", target, "--budget", "standard", "-j", "2"]
    seconds = []
    for run in range(runs):
        start = time.perf_counter()
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - start)
        print(f"run {run + 1}: {seconds[-1]:.1f} s, exit {finished.returncode}", flush=True)
        if finished.returncode:
            print(finished.stdout[-4000:], finished.stderr[-4000:])
            raise SystemExit(1)
    print(f"median {statistics.median(seconds):.1f} s over {runs} runs of {target}; the aim for numpy/flash is {AIM:.0f} s")


if __name__ == "__main__":
    main()
