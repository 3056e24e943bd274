"""One window in full: its price against the strike, the market against the fair value, who traded, how it ended."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Item, Line, Row, dimmed, joined, laid_out, short_name
from polyterm.console.view.figures import (
    DASH,
    DOWN,
    MISSING,
    UP,
    age,
    clock_time,
    countdown,
    distance,
    elapsed,
    mark,
    money,
    price,
    probability,
    side,
)
from polyterm.console.view.plot import NOTHING, Curve, Mark, Plot, evenly, ticks, y_range
from polyterm.core.details import PathPoint, WindowAnswer, WindowLine, WindowTrade
from polyterm.core.market import MarketKey

WINDOW_COLUMNS: Final = (
    ColumnSpec("start", "Windows", 9, 100, "left"),
    ColumnSpec("outcome", "won by", 6, 95, "left"),
    ColumnSpec("grade", "grade", 8, 80, "left"),
    ColumnSpec("change", "moved", 9, 90),
    ColumnSpec("strike", "strike", 9, 60),
    ColumnSpec("delay", "after", 5, 50),
    ColumnSpec("gaps", "gaps", 5, 55),
    ColumnSpec("source", "source", 8, 40, "left", grow=10, grow_rank=10),
)
TRADE_COLUMNS: Final = (
    ColumnSpec("strategy", "Trades", 16, 100, "left", grow=7, grow_rank=45),
    ColumnSpec("side", "side", 6, 95, "left"),
    ColumnSpec("at", "at", 5, 70),
    ColumnSpec("entry", "in", 5, 90),
    ColumnSpec("out", "out", 5, 80),
    ColumnSpec("costed", "costed", 8, 98),
    ColumnSpec("touch", "touch", 8, 40),
    ColumnSpec("shares", "shares", 6, 30),
    ColumnSpec("held", "held", 4, 50),
    ColumnSpec("reason", "closed by", 12, 60, "left", grow=16, grow_rank=20),
)
STILL_OPEN: Final = "open"


def name(key: MarketKey) -> str:
    return f"{key.coin.upper()} {key.horizon} {clock_time(key.epoch * 1000)[:5]}–{clock_time(key.end * 1000)[:5]} UTC"


def is_running(key: MarketKey, view: View) -> bool:
    return view.market_ms is not None and key.epoch * 1000 <= view.market_ms < key.end * 1000


def head(view: View, key: MarketKey, answer: WindowAnswer | None, width: int) -> tuple[Line, ...]:
    """Which window, how it ended, and what of it is missing."""
    items = [Item(9, (Cell(" "), Cell(name(key) + mark(view), "strong")))]
    if is_running(key, view) and view.market_ms is not None:
        items.append(Item(8, (Cell("ends in ", "muted"), Cell(countdown(key.end - view.market_ms / 1000), "accent"))))
    if answer is None:
        return (_line(items, view, width),)
    line = answer.line
    if line.strike is not None:
        items.append(Item(7, (Cell("strike ", "muted"), Cell(price(line.strike.price)))))
        items.append(Item(5, (Cell(f"({line.strike.source}, {line.strike.grade})", "muted"),)))
    else:
        items.append(Item(7, (Cell("its strike is not known yet", "warn"),)))
    return tuple(_line(part, view, width) for part in (items, _ending(line, view), _missing(answer)))


def _line(items: Sequence[Item], view: View, width: int) -> Line:
    line = joined(items, width)
    return dimmed(line) if view.lost else line


def _ending(line: WindowLine, view: View) -> list[Item]:
    if line.outcome is None:
        waits = "still running" if is_running(line.key, view) else "its outcome is not known yet"
        return [Item(9, (Cell(f" {waits}", "muted"),))]
    glyph = UP if line.outcome == "up" else DOWN
    items = [
        Item(9, (Cell(" "), Cell(f"{glyph} {line.outcome} won", line.outcome))),
        Item(8, (Cell(f"by {line.source or DASH}, grade {line.grade or DASH}", "muted"),)),
    ]
    if line.final_price is not None:
        items.append(Item(7, (Cell("final ", "muted"), Cell(price(line.final_price)), Cell(" "), _change(line))))
    if line.delay_s is not None:
        items.append(Item(6, (Cell(f"known {age(line.delay_s)} after its end", "muted"),)))
    return items


def _change(line: WindowLine) -> Cell:
    if line.final_price is None or line.strike is None or not line.strike.price:
        return MISSING
    return distance((line.final_price - line.strike.price) / line.strike.price)


def _missing(answer: WindowAnswer) -> list[Item]:
    """Seconds that lack something, by what they lack."""
    if not answer.gaps:
        return [Item(9, (Cell(" no gaps", "muted"),))]
    seconds: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for gap in answer.gaps:
        seconds[gap.feed] += gap.missing
        reasons.setdefault(gap.feed, gap.reason)
    items = [Item(20, (Cell(f" {len(answer.gaps)} gap{'s' * (len(answer.gaps) > 1)}:", "warn"),))]
    for rank, (feed, missing) in enumerate(seconds.most_common()):
        items.append(Item(10 - rank, (Cell(f"{feed} {missing} s", "warn"), Cell(f" ({reasons[feed]})", "muted"))))
    return items


def price_plot(answer: WindowAnswer | None, width: int, height: int) -> Plot:
    """The price over the window, against the strike as a level."""
    points = () if answer is None else answer.path
    if answer is None or not any(point.price is not None for point in points):
        return NOTHING
    strike = answer.line.strike.price if answer.line.strike is not None else _last_strike(points)
    low, high = y_range([strike, *(point.price for point in points)], 1e-9)
    curve = tuple((float(point.slot), point.price) for point in points)
    return _over(
        answer.line.key,
        (Curve(curve, "accent", gap=_gap_s(answer.line.key)),),
        width,
        levels=() if strike is None else ((strike, "warn"),),
        y_range=(low, high),
        y_ticks=ticks(low, high, max(3, height // 3), price),
    )


def market_plot(answer: WindowAnswer | None, width: int, height: int) -> Plot:
    """The Up mid as a line, its fair value as dots; who bought which side, and where."""
    if answer is None or not any(point.mid is not None or point.fair is not None for point in answer.path):
        return NOTHING
    key, gap = answer.line.key, _gap_s(answer.line.key)
    mids = tuple((float(point.slot), point.mid) for point in answer.path)
    fairs = tuple((float(point.slot), point.fair) for point in answer.path)
    return _over(
        key,
        (Curve(fairs, "muted", "dots", gap), Curve(mids, "accent", gap=gap)),
        width,
        levels=((0.5, "flat"),),
        marks=tuple(_mark(trade) for trade in answer.trades),
        y_range=(0.0, 1.0),
        y_ticks=evenly(0.0, 1.0, 5 if height >= 10 else 3, lambda value: f"{value:.2f}"),
    )


def _over(key: MarketKey, curves: tuple[Curve, ...], width: int, **rest: object) -> Plot:
    """Over the whole window, however much of it has passed."""
    places = evenly(key.epoch, key.end, 4 if width < 60 else 6, lambda at_s: clock_time(int(at_s) * 1000)[:5])
    return Plot(curves, x_range=(key.epoch, key.end), x_ticks=places, **rest)  # type: ignore[arg-type]


def _gap_s(key: MarketKey) -> float:
    """More than three points away from each other something is missing between them."""
    return max(3.0, 3 * key.seconds / 300)


def _last_strike(points: Sequence[PathPoint]) -> float | None:
    return next((point.strike for point in reversed(points) if point.strike is not None), None)


def _mark(trade: WindowTrade) -> Mark:
    """At the price of Up that the trade was made at."""
    up = trade.side == "up"
    return Mark(
        trade.entry_ms / 1000,
        trade.entry_price if up else 1 - trade.entry_price,
        UP if up else DOWN,
        trade.side,
    )


def price_title(view: View, answer: WindowAnswer | None) -> str:
    strike = "" if answer is None or answer.line.strike is None else ", ╌ strike"
    return f"Price{mark(view)}: ─ spot{strike}"


MARKET_TITLE: Final = "Up: ─ market ·· fair ▲▼ entries"


def nothing_to_draw(view: View, key: MarketKey, answer: WindowAnswer | None) -> str:
    if answer is None:
        return "The window appears here once the engine has answered."
    if is_running(key, view):
        return "The path appears here a second after the window's first tick was stored."
    return "No tick of this window is stored: the engine did not run, or they have been pruned."


_WINDOW_CELLS: Final[Mapping[str, Callable[[WindowLine, View], Cell]]] = {
    "start": lambda line, view: Cell(
        clock_time(line.key.epoch * 1000)[:5] + (" now" if is_running(line.key, view) else ""), "strong"
    ),
    "outcome": lambda line, _: MISSING if line.outcome is None else side(line.outcome),
    "grade": lambda line, _: Cell(line.grade or DASH, "muted"),
    "change": lambda line, _: _change(line),
    "strike": lambda line, _: MISSING if line.strike is None else Cell(price(line.strike.price)),
    "delay": lambda line, _: MISSING if line.delay_s is None else Cell(age(line.delay_s), "muted"),
    "gaps": lambda line, _: (
        MISSING if line.gap_s is None else Cell(f"{line.gap_s}s", "warn" if line.gap_s else "muted")
    ),
    "source": lambda line, _: Cell(line.source or DASH, "muted"),
}


def window_rows(lines: Sequence[WindowLine], view: View, columns: Sequence[Column]) -> tuple[Row, ...]:
    def shown(line: WindowLine) -> Row:
        return Row(str(line.key), lambda: laid_out([_WINDOW_CELLS[one.key](line, view) for one in columns], columns))

    return tuple(map(shown, lines))


def _closed_by(trade: WindowTrade) -> Cell:
    return Cell(f"{STILL_OPEN}: {trade.reason}", "accent") if trade.exit_ms is None else Cell(trade.reason)


_TRADE_CELLS: Final[Mapping[str, Callable[[WindowTrade, MarketKey, int], Cell]]] = {
    "strategy": lambda trade, _, width: Cell(short_name(trade.strategy, width)),
    "side": lambda trade, _, __: side(trade.side),
    "at": lambda trade, key, _: Cell(countdown(trade.entry_ms / 1000 - key.epoch)[-5:], "muted"),
    "entry": lambda trade, _, __: Cell(probability(trade.entry_price)),
    "out": lambda trade, _, __: Cell(probability(trade.exit_price)),
    "costed": lambda trade, _, __: Cell(STILL_OPEN, "accent") if trade.exit_ms is None else money(trade.costed),
    "touch": lambda trade, _, __: money(trade.touch),
    "shares": lambda trade, _, __: Cell(f"{trade.shares:.4g}", "muted"),
    "held": lambda trade, _, __: (
        MISSING if trade.exit_ms is None else Cell(elapsed((trade.exit_ms - trade.entry_ms) // 1000), "muted")
    ),
    "reason": lambda trade, _, __: _closed_by(trade),
}


def trade_rows(answer: WindowAnswer, columns: Sequence[Column]) -> tuple[Row, ...]:
    key = answer.line.key

    def shown(trade: WindowTrade) -> Row:
        return Row(
            f"{trade.strategy} {trade.entry_ms}",
            lambda: laid_out([_TRADE_CELLS[one.key](trade, key, one.width) for one in columns], columns),
        )

    return tuple(map(shown, answer.trades))
