"""Starting: what `import suffice` and `suffice --help` take beside an interpreter that does nothing.

    python benchmarks/starting.py [rounds]

The three take turns, in processes of their own. Prints CPU seconds (median, least and most), the wall clock's median
and how many modules each loads; the import should take less than 0.3 s.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

RUNS = {
    "python -c pass": ["-c", "pass"],
    "import suffice": ["-c", "import suffice"],
    "suffice --help": ["-m", "suffice", "--help"],
}


def timed(arguments: list[str]) -> tuple[float, float]:
    """CPU and wall clock seconds of one interpreter."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - start


def modules(arguments: list[str]) -> int:
    """How many modules it loads, by the interpreter's own count."""
    told = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    return sum(line.startswith("import time:") for line in told.stderr.splitlines()) - 1


def main() -> None:
    """Each in turn, so many rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    taken = [{name: timed(arguments) for name, arguments in RUNS.items()} for _ in range(rounds)]
    for name, arguments in RUNS.items():
        used = [each[name][0] for each in taken]
        print(
            f"{name:16} {statistics.median(used):.3f} s of CPU [{min(used):.3f}, {max(used):.3f}],"
            f" {statistics.median(each[name][1] for each in taken):.3f} s in all, n {rounds},"
            f" {modules(arguments)} modules"
        )


if __name__ == "__main__":
    main()
