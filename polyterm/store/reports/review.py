"""The last hours at a glance: who earned what, what was resolved, whose prices were right, what was collected."""

from typing import Final

import msgspec

from polyterm.store.reports.archive import Archive
from polyterm.store.reports.collection import AccuracyLine, SeriesLine, accuracy, series_lines
from polyterm.store.reports.trades import Totals, TradeLine, TradesWanted, newest_trades, sizing_of, totals_of
from polyterm.store.reports.windows import WindowLine, WindowsWanted, newest_windows

HOUR_MS: Final = 3_600_000
LAST_TRADES: Final = 20
LAST_WINDOWS: Final = 30


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Everything but ``last_trades`` is of the time after ``from_ms``; these are the newest of all.

    ``to_ms`` is what "now" was taken to be. ``sizing`` says how the counted trades were sized.
    """

    version: int
    is_demo: bool
    hours: float
    from_ms: int
    to_ms: int
    sizing: tuple[str, ...]
    strategies: tuple[Totals, ...]
    strategies_by_coin: tuple[Totals, ...]
    last_trades: tuple[TradeLine, ...]
    windows: tuple[WindowLine, ...]
    series: tuple[SeriesLine, ...]
    accuracy: tuple[AccuracyLine, ...]


async def review(archive: Archive, wall_ms: int, hours: float) -> Review:
    """Of the ``hours`` before ``wall_ms``; of a demo, whose clock runs at its own speed, before its newest tick."""
    to_ms = await archive.market_ms(wall_ms)
    from_ms = to_ms - round(hours * HOUR_MS)
    closed = TradesWanted(after_ms=from_ms)
    return Review(
        version=archive.version,
        is_demo=await archive.is_demo(),
        hours=hours,
        from_ms=from_ms,
        to_ms=to_ms,
        sizing=await sizing_of(archive, closed),
        strategies=await totals_of(archive, closed),
        strategies_by_coin=await totals_of(archive, closed, by_coin=True),
        last_trades=await newest_trades(archive, TradesWanted(), LAST_TRADES),
        windows=await newest_windows(archive, WindowsWanted(after_ms=from_ms, resolved=True), LAST_WINDOWS),
        series=await series_lines(archive, from_ms),
        accuracy=await accuracy(archive, from_ms),
    )
