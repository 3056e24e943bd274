"""How fast a sweep is: 1,000 variants over one generated day of one coin. Run as ``python -m tests.benchmarks.sweep``.

A strategy-tick is one variant asked about one second. The floor is what bare Python does without any engine: forty
closures, each one comparison of a simple rule, called in a loop over the same ticks.
"""

import argparse
import cProfile
import pstats
import resource
import sys
import time
from collections.abc import Callable, Sequence

from polyterm.core.tick import Tick
from polyterm.engine.parameter_space import Space, grid, read_axis
from polyterm.engine.sweep import Assembly, SweptRecording, divide, prepare
from polyterm.strategies.registry import REGISTRY
from tests.benchmarks.day import day

CLOSURES = 40
LAG_AXES = ("lookback_ticks=5,10,15,20,30", "min_move=0.0001:0.002:20")
SWEEPS = {
    "entries on a grid": ("SpotLagSimple", *LAG_AXES, "max_followed=0.1:1:10"),
    "entries and exits on a grid": ("SpotLagSimple", *LAG_AXES, "stop=0.05:0.5:10"),
    "a thousand thresholds": ("SpotLagSimple", "min_move=0.0001:0.002:1000"),
    "take profit": ("SpotLag_TP3", "take_profit=0.01:0.1:20", "stop=0.05:0.5:50"),
    "late favourites": ("Endgame", "min_probability=0.8:0.97:20", "max_remaining_s=20:100:50"),
}


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def closure(threshold: float) -> Callable[[float | None, float | None], int]:
    previous = 0.0

    def on_tick(bid: float | None, spot: float | None) -> int:
        nonlocal previous
        if bid is None or spot is None:
            return 0
        moved = spot / previous - 1 if previous else 0.0
        previous = spot
        return 1 if moved >= threshold and bid < 0.9 else -1 if moved <= -threshold and bid > 0.1 else 0

    return on_tick


def floor(ticks: Sequence[Tick]) -> float:
    """Strategy-ticks a second of bare Python."""
    rules = [closure(0.0001 * number) for number in range(CLOSURES)]
    seen = [(tick.up_bid, tick.spot) for tick in ticks]
    start = time.perf_counter()
    for bid, spot in seen:
        for rule in rules:
            rule(bid, spot)
    return CLOSURES * len(seen) / (time.perf_counter() - start)


def swept(recordings: Sequence[SweptRecording], space: Space) -> tuple[float, int]:
    """Seconds, and trades of all variants."""
    start = time.perf_counter()
    assembly = Assembly(len(recordings), "costed", ())
    for piece in divide(space.variants, len(recordings), 1):
        assembly.take(piece, recordings[piece.place].run(piece.entries))
    results = assembly.results
    return time.perf_counter() - start, sum(result.score.trades for result in results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true", help="show where the time of each sweep goes")
    profiled = parser.parse_args().profile
    payloads = list(day(coins=("btc",)))
    ticks = [payload for _, payload in payloads if isinstance(payload, Tick)]
    lowest = floor(ticks)
    tell(f"floor: {lowest / 1e6:.1f} million strategy-ticks/s; {len(ticks):,} ticks, {memory_mb():.0f} MB")
    known = {entry.name: entry for entry in REGISTRY}
    for title, (name, *texts) in SWEEPS.items():
        entry = known[name]
        space = grid(entry, [read_axis(text, entry) for text in texts])
        start = time.perf_counter()
        recordings = prepare(payloads, entry)
        reading = time.perf_counter() - start
        profile = cProfile.Profile() if profiled else None
        if profile is not None:
            profile.enable()
        seconds, trades = swept(recordings, space)
        again, _ = swept(recordings, space)
        if profile is not None:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(14)
        rate, warm = (len(space.variants) * len(ticks) / taken for taken in (seconds, again))
        tell(
            f"{title}: {len(space.variants):,} variants of {name}, {trades:,} trades, {seconds:.2f} s (reading "
            f"{reading:.2f} s): {rate / 1e6:.0f} million strategy-ticks/s, {rate / lowest:.1f} x the floor; once more "
            f"{warm / 1e6:.0f} million; {memory_mb():.0f} MB"
        )


if __name__ == "__main__":
    main()
