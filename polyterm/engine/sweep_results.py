"""What the variants of a sweep earned, and what choosing among them on the past would have earned."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from polyterm.core.position import Trade

Measure = Literal["costed", "touch"]

DAY_S: Final = 86_400


class VariantTrades(msgspec.Struct, frozen=True):
    """Closed trades of one variant in the order in which they closed: one row each, dollars and market time.

    ``fault`` is what the strategy raised, if it did; it took no part from then on.
    """

    epoch: npt.NDArray[np.int64]
    exit_ms: npt.NDArray[np.int64]
    touch: npt.NDArray[np.float64]
    costed: npt.NDArray[np.float64]
    fault: str | None = None


class Score(msgspec.Struct, frozen=True):
    """``wins`` are trades that earned something at touch; P&L is dollars."""

    trades: int = 0
    wins: int = 0
    touch: float = 0.0
    costed: float = 0.0

    def total(self, by: Measure) -> float:
        return self.costed if by == "costed" else self.touch

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.trades + other.trades, self.wins + other.wins, self.touch + other.touch, self.costed + other.costed
        )


class VariantResult(msgspec.Struct, frozen=True):
    """One variant over everything that was replayed.

    ``average`` is dollars per trade and ``ratio`` the average over the population standard deviation of trades, both
    None where there is none; ``drawdown`` the deepest fall of the running P&L from its highest point, dollars, never
    below 0. All three are of the measure that was asked for. ``folds`` has one score per fold.
    """

    number: int
    score: Score
    average: float | None
    ratio: float | None
    drawdown: float
    folds: tuple[Score, ...] = ()
    fault: str | None = None


class Fold(msgspec.Struct, frozen=True):
    """Windows that begin from ``start`` to before ``end`` (unix s); those of all coins count as one."""

    start: int
    end: int
    windows: int


class Step(msgspec.Struct, frozen=True):
    """One step of a walk forward: the variant that was best in every fold before ``fold``, and how it did there.

    ``rank`` is its place among all variants in that fold, 1 the best; ``best`` is what hindsight would have earned.
    """

    fold: int
    chosen: int
    in_sample: Score
    out_of_sample: Score
    rank: int
    best: Score


def trades_of(trades: Iterable[Trade], fault: str | None = None) -> VariantTrades:
    listed = list(trades)
    return VariantTrades(
        np.array([trade.key.epoch for trade in listed], np.int64),
        np.array([trade.exit_ms for trade in listed], np.int64),
        np.array([trade.pnl for trade in listed], np.float64),
        np.array([trade.costed_pnl for trade in listed], np.float64),
        fault,
    )


def joined(parts: Sequence[VariantTrades]) -> VariantTrades:
    """Trades of one variant on several series, by time; at the same time in the order of ``parts``."""
    if len(parts) == 1:
        return parts[0]
    exit_ms = np.concatenate([part.exit_ms for part in parts])
    order = np.argsort(exit_ms, kind="stable")
    return VariantTrades(
        np.concatenate([part.epoch for part in parts])[order],
        exit_ms[order],
        np.concatenate([part.touch for part in parts])[order],
        np.concatenate([part.costed for part in parts])[order],
        next((part.fault for part in parts if part.fault is not None), None),
    )


def evaluate(number: int, trades: VariantTrades, by: Measure, folds: Sequence[Fold] = ()) -> VariantResult:
    """Sums are exact before their one rounding, so that they do not depend on how the work was divided."""
    touch, costed = trades.touch.tolist(), trades.costed.tolist()
    pnl = costed if by == "costed" else touch
    average = math.fsum(pnl) / len(pnl) if pnl else None
    inside = np.searchsorted([fold.start for fold in folds], trades.epoch, "right") - 1
    return VariantResult(
        number,
        _score(trades.touch, trades.costed),
        average,
        _ratio(pnl, average),
        _drawdown(pnl),
        tuple(_score(trades.touch[inside == place], trades.costed[inside == place]) for place in range(len(folds))),
        trades.fault,
    )


def _score(touch: npt.NDArray[np.float64], costed: npt.NDArray[np.float64]) -> Score:
    return Score(len(touch), int(np.count_nonzero(touch > 0)), math.fsum(touch.tolist()), math.fsum(costed.tolist()))


def _ratio(pnl: Sequence[float], average: float | None) -> float | None:
    if average is None:
        return None
    deviation = math.sqrt(math.fsum((value - average) ** 2 for value in pnl) / len(pnl))
    return average / deviation if deviation > 0 else None


def _drawdown(pnl: Sequence[float]) -> float:
    running = highest = deepest = 0.0
    for value in pnl:
        running += value
        highest = max(highest, running)
        deepest = max(deepest, highest - running)
    return deepest


def ranked(results: Iterable[VariantResult], by: Measure) -> list[VariantResult]:
    """The best first; of equals the one that was asked for first."""
    return sorted(results, key=lambda result: (-result.score.total(by), result.number))


def fold_up(epochs: Iterable[int], count: int) -> tuple[Fold, ...]:
    """``count`` runs of consecutive windows of about the same length: whole UTC days where there are enough of them.

    ``epochs`` are the windows' starts (unix s).

    Raises:
        ValueError: fewer than two folds, or fewer windows than folds.
    """
    windows = sorted(set(epochs))
    if count < 2:
        raise ValueError("folds begin at 2: one to choose in, one to test in")
    if len(windows) < count:
        raise ValueError(f"{count} folds need at least as many windows, and there are only {len(windows)}")
    days = sorted({epoch - epoch % DAY_S for epoch in windows})
    blocks = days if len(days) >= count else windows
    starts = [blocks[len(blocks) * place // count] for place in range(count)]
    ends = [*starts[1:], windows[-1] + 1]
    return tuple(
        Fold(start, end, sum(start <= epoch < end for epoch in windows))
        for start, end in zip(starts, ends, strict=True)
    )


def walk_forward(results: Sequence[VariantResult], by: Measure) -> tuple[Step, ...]:
    """For every fold but the first: choose by the sum of the folds before it, then see what that fold brought.

    A variant that never trades earns 0, which beats a loss and may be chosen.
    """
    if not results:
        return ()
    return tuple(_step(results, fold, by) for fold in range(1, len(results[0].folds)))


def _step(results: Sequence[VariantResult], fold: int, by: Measure) -> Step:
    past = {result.number: sum(result.folds[:fold], Score()) for result in results}
    chosen = min(results, key=lambda result: (-past[result.number].total(by), result.number))
    best = max((result.folds[fold] for result in results), key=lambda score: score.total(by))
    earned = chosen.folds[fold].total(by)
    rank = 1 + sum(result.folds[fold].total(by) > earned for result in results)
    return Step(fold, chosen.number, past[chosen.number], chosen.folds[fold], rank, best)
