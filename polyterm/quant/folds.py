"""Looking back over a history, in scalar form: each folds at most a minute of values, oldest first.

A history is a list with one value per market second, newest last, nan where nothing was seen. It begins with as many
missing seconds as the longest look-back, so that none reaches beyond its start. Each fold has a column form of the same
name in ``column_folds`` that gives the same bits. Missing values are skipped.
"""

from collections.abc import Sequence

from polyterm.quant import moments
from polyterm.quant.primitives import NAN, log, ratio

History = Sequence[float]


def known_values(history: History, n: int) -> Sequence[float]:
    """The known ones among the newest ``n`` values, oldest first."""
    values = history[-n:]
    total = moments.fold(values)
    if total == total:  # noqa: PLR0124 - only nan differs from itself, and one nan makes a nan of the sum
        return values
    return [value for value in values if value == value]  # noqa: PLR0124


def lag(history: History, n: int) -> float:
    """The value ``n`` seconds before the newest."""
    return history[-1 - n]


def count(history: History, n: int) -> float:
    """How many of the newest ``n`` values are known."""
    return float(len(known_values(history, n)))


def total(history: History, n: int) -> float:
    """Sum of the newest ``n`` values; missing if all are."""
    values = known_values(history, n)
    return moments.fold(values) if values else NAN


def average(history: History, n: int, least: int) -> float:
    """Mean of the newest ``n`` values; missing with fewer than ``least`` known ones."""
    values = known_values(history, n)
    return moments.mean(values) if len(values) >= least else NAN


def deviation(history: History, n: int, least: int) -> float:
    """Population standard deviation of the newest ``n`` values; missing with fewer than ``least`` known ones."""
    values = known_values(history, n)
    return moments.population_sd(values) if len(values) >= least else NAN


def decayed_square(history: History, n: int, least: int, keep: float, take: float) -> float:
    """Exponentially weighted mean of the squares of the newest ``n`` values, begun with the oldest known one."""
    values = known_values(history, n)
    if len(values) < least:
        return NAN
    result = values[0] * values[0]
    for value in values[1:]:
        result = keep * result + take * (value * value)
    return result


def highest(history: History, n: int) -> float:
    result = NAN
    for value in known_values(history, n):
        if not result > value:
            result = value
    return result


def lowest(history: History, n: int) -> float:
    result = NAN
    for value in known_values(history, n):
        if not result < value:
            result = value
    return result


def _has_no_gap(bar: History) -> bool:
    """A sum is nan when a part is, and also where infinities cancel."""
    total = moments.fold(bar)
    return total == total or all(value == value for value in bar)  # noqa: PLR0124 - only nan differs from itself


def range_squares(history: History, bars: int, length: int) -> float:
    """Sum of ln(high / low)^2 over the newest ``bars`` bars of ``length`` values, those with a gap left out."""
    result = 0.0
    for end in range(len(history) - (bars - 1) * length, len(history) + 1, length):
        bar = history[end - length : end]
        if _has_no_gap(bar):
            span = log(ratio(highest(bar, length), lowest(bar, length)))
            result += span * span
    return result


def whole_bars(history: History, bars: int, length: int) -> float:
    """How many of the newest ``bars`` bars of ``length`` values have no gap."""
    found = 0
    for end in range(len(history) - (bars - 1) * length, len(history) + 1, length):
        found += _has_no_gap(history[end - length : end])
    return float(found)


def first_known(history: History, lags: Sequence[int]) -> float:
    """The first known one of the values at these look-backs."""
    for n in lags:
        value = history[-1 - n]
        if value == value:  # noqa: PLR0124 - only nan differs from itself
            return value
    return NAN


def elapsed_mean(history: History, seconds: float, late: float) -> float:
    """Mean of the known ones among the newest ``seconds`` values, those of the last ``late`` seconds left out.

    Both are whole numbers; missing where ``seconds`` is below 1.
    """
    if not (seconds >= 1 and late >= 0):
        return NAN
    values = known_values(history[: max(0, len(history) - int(late))], int(seconds))
    return moments.fold(values) / len(values) if values else NAN
