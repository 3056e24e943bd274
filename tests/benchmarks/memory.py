"""How much memory a replay takes, by its length: generated days of four coins, streamed through every strategy.

Run as ``python -m tests.benchmarks.memory``. Every length runs in a process of its own, because the most memory that a
process ever had is all that it can tell. A replay looks at ``PIECE_INPUTS`` inputs together, 27 hours of four coins:
beyond that nothing may grow.
"""

import argparse
import resource
import subprocess
import sys

from polyterm.engine.columnar import ColumnarReplay
from polyterm.engine.engine import Engine
from polyterm.engine.recording import PIECE_INPUTS
from tests.benchmarks.day import day


def peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def replayed(hours: float) -> str:
    before = peak_mb()
    events = sum(1 for _ in ColumnarReplay(Engine("m")).run(day(hours=hours)))
    return f"{hours:6g} h  {events:10,} events  {peak_mb():6,.0f} MB, of which {before:,.0f} MB before the first tick\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hours", type=float, nargs="*", default=[6, 12, 24, 48])
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args()
    if options.here:
        sys.stdout.write(replayed(options.hours[0]))
        return
    sys.stdout.write(f"{PIECE_INPUTS:,} inputs are looked at together\n")
    for hours in options.hours:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.memory", "--here", str(hours)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        sys.stdout.write(done.stdout)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
