"""How fast a replay is: a generated day of four coins through every registered strategy.

Run as ``python -m tests.benchmarks.replay``. The floor is what bare Python does without any engine: forty closures of a
simple rule, called in a loop over the same ticks. Every figure is the best of several rounds, in ticks a second of
processor time; rounds take turns, so that a busy machine is busy for all.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence

from polyterm.core.input import Payload
from polyterm.core.tick import Tick
from polyterm.engine.columnar import ColumnarReplay
from polyterm.engine.engine import Engine
from polyterm.engine.recording import Recording
from polyterm.engine.replay import replay
from polyterm.strategies.registry import REGISTRY
from tests.benchmarks.day import day

CLOSURES = 40


def closure(threshold: float) -> Callable[[float, float, float], int]:
    def rule(remaining_s: float, move: float, mid: float) -> int:
        if remaining_s >= 120 and move >= threshold and mid < 0.6:
            return 1
        return -1 if remaining_s >= 120 and move <= -threshold and mid > 0.4 else 0

    return rule


def floor(ticks: Sequence[Tick]) -> None:
    rules = [closure(step / 10_000) for step in range(CLOSURES)]
    last = {tick.key.coin: 1.0 for tick in ticks[:8]}
    signals = 0
    for tick in ticks:
        spot = tick.spot or 1.0
        move = spot / last[tick.key.coin] - 1
        last[tick.key.coin] = spot
        remaining_s, mid = float(tick.time_remaining_s), tick.up_mid or 0.5
        for rule in rules:
            if rule(remaining_s, move, mid):
                signals += 1


def timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def consume(events: object) -> int:
    return sum(1 for _ in events)  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    payloads: list[tuple[int, Payload]] = list(day(hours=options.hours))
    ticks = [payload for _, payload in payloads if isinstance(payload, Tick)]
    recording = Recording.of(payloads)
    ways: dict[str, Callable[[], object]] = {
        "floor: 40 closures, no engine": lambda: floor(ticks),
        "tick by tick": lambda: consume(replay(Engine("b"), payloads)),
        "on columns, features included": lambda: consume(ColumnarReplay(Engine("b")).replay(recording)),
        "on columns, from ticks": lambda: consume(ColumnarReplay(Engine("b")).run(payloads)),
    }
    best = {name: float("inf") for name in ways}
    for _ in range(options.rounds):
        for name, work in ways.items():
            best[name] = min(best[name], timed(work))
    base = len(ticks) / best["floor: 40 closures, no engine"]
    sys.stdout.write(f"{len(ticks):,} ticks, {len(REGISTRY)} strategies\n")
    for name, seconds in best.items():
        speed = len(ticks) / seconds
        sys.stdout.write(f"{name:32s} {speed:12,.0f} ticks/s   {speed / base:6.3f} of the floor\n")
    sys.stdout.write(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB\n")


if __name__ == "__main__":
    main()
