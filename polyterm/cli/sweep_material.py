"""What a sweep runs on: the sources, read once, as recordings that every variant shares."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from polyterm.cli.sources import merged
from polyterm.core.input import WindowOpened
from polyterm.core.market import COINS, HORIZONS, MarketKey
from polyterm.core.tick import Tick
from polyterm.engine.books import series_of
from polyterm.engine.sweep import SweptRecording, prepare
from polyterm.errors import ConfigError
from polyterm.store.span import Span
from polyterm.store.tickfile_outcomes import read_outcomes
from polyterm.strategies.entry import Entry


class Summary(msgspec.Struct, frozen=True):
    """``series`` are those that the strategy trades, as "btc 15m"; windows and ticks are theirs."""

    series: tuple[str, ...]
    windows: int
    ticks: int


class Material(msgspec.Struct, frozen=True):
    """``epochs`` are the starts (unix s) of all windows."""

    recordings: tuple[SweptRecording, ...]
    epochs: tuple[int, ...]
    summary: Summary


def load(entry: Entry, sources: Sequence[str], outcomes: Path | None, span: Span) -> tuple[Material, list[str]]:
    """What the strategy can be tried on, and why some of the sources could not be read to their end.

    Raises:
        ConfigError: there is nothing in them that the strategy trades.
    """
    failures: list[str] = []
    known = {} if outcomes is None else read_outcomes(outcomes)
    payloads = tuple(merged(sources, known, span, failures))
    seen = {payload.key for _, payload in payloads if isinstance(payload, WindowOpened)}
    if not seen:
        raise ConfigError(" ".join(failures) or "There are no windows in the sources, or none in that span.")
    traded = {key for key in seen if key.coin in entry.limits.coins and key.horizon in entry.limits.horizons}
    if not traded:
        trades = f"{' '.join(entry.limits.coins)} on {' '.join(entry.limits.horizons)}"
        raise ConfigError(f"{entry.name} trades {trades}; the sources hold {', '.join(_series(seen))}.")
    ticks = sum(isinstance(payload, Tick) and payload.key in traded for _, payload in payloads)
    return Material(
        prepare(payloads, entry),
        tuple(sorted({key.epoch for key in traded})),
        Summary(tuple(_series(traded)), len(traded), ticks),
    ), failures


def _series(keys: Iterable[MarketKey]) -> list[str]:
    """ "btc 15m" and so on, in the order of coins and horizons."""
    series = {series_of(key) for key in keys}
    return [f"{coin} {horizon}" for coin in COINS for horizon in HORIZONS if (coin, horizon) in series]
