"""One strategy in full: its rule in words, what it has earned, and when and where."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Item, Line, Row, dimmed, joined, laid_out
from polyterm.console.view.figures import (
    DOWN,
    MISSING,
    UP,
    clock_time,
    elapsed,
    mark,
    money,
    percent,
    probability,
    side,
)
from polyterm.console.view.plot import NOTHING, Curve, Plot, evenly, ticks, y_range
from polyterm.console.view.prose import filled, paragraphs
from polyterm.core.details import CoinTotals, MinuteTotals, RuleWay, StrategyAnswer, TradeTotals
from polyterm.core.position import Trade
from polyterm.core.query import Period
from polyterm.core.snapshot import LeaderboardRow

PERIOD_WORDS: Final[dict[Period, str]] = {
    "all": "all time",
    "week": "7 days",
    "day": "24 hours",
    "hour": "1 hour",
    "current": "this window",
}
DAY_MS: Final = 86_400_000

COIN_COLUMNS: Final = (
    ColumnSpec("coin", "By coin", 7, 100, "left"),
    ColumnSpec("trades", "trades", 6, 80),
    ColumnSpec("won", "win%", 4, 70),
    ColumnSpec("costed", "costed", 9, 95),
    ColumnSpec("touch", "touch", 9, 60),
    ColumnSpec("average", "a trade", 8, 50),
)
MINUTE_COLUMNS: Final = (ColumnSpec("minute", "By minute", 9, 100, "left"), *COIN_COLUMNS[1:])
TRADE_COLUMNS: Final = (
    ColumnSpec("closed", "Trades", 8, 100, "left"),
    ColumnSpec("coin", "coin", 4, 95, "left"),
    ColumnSpec("side", "side", 6, 94, "left"),
    ColumnSpec("entry", "in", 5, 85),
    ColumnSpec("out", "out", 5, 84),
    ColumnSpec("shares", "shares", 6, 40),
    ColumnSpec("costed", "costed", 8, 99),
    ColumnSpec("touch", "touch", 8, 60),
    ColumnSpec("held", "held", 4, 70),
    ColumnSpec("reason", "closed by", 12, 80, "left", grow=8, grow_rank=30),
    ColumnSpec("entry_reason", "bought for", 12, 35, "left", grow=10, grow_rank=20),
    ColumnSpec("grade", "outcome", 14, 38, "left"),
)


def row_of(view: View, strategy: str) -> LeaderboardRow | None:
    rows = () if view.leaderboard is None else view.leaderboard.rows
    return next((row for row in rows if row.strategy == strategy), None)


def head(view: View, strategy: str, answer: StrategyAnswer | None, period: Period, width: int) -> tuple[Line, ...]:
    """Who it is, and what it has made: in the period, and in this session."""
    row = row_of(view, strategy)
    items = [Item(9, (Cell(" "), Cell(strategy + mark(view), "strong")))]
    if answer is not None:
        kind = answer.family + (", experimental" if answer.experimental else "")
        items.append(Item(8, (Cell(kind, "muted"),)))
    if row is not None and row.disabled is not None:
        items.append(Item(10, (Cell(f"disabled: {row.disabled}", "danger"),)))
    elif row is not None:
        items += [
            Item(7, (Cell("this session ", "muted"), money(row.pnl_costed), Cell(" costed", "muted"))),
            Item(5, (Cell(f"{row.trades} trades, {row.open} open", "muted"),)),
        ]
    lines = joined(items, width), joined(_period(answer, period), width)
    return tuple(map(dimmed, lines)) if view.lost else lines


def _period(answer: StrategyAnswer | None, period: Period) -> list[Item]:
    name = Item(9, (Cell(" "), Cell(PERIOD_WORDS[period], "accent")))
    if answer is None or answer.record is None:
        return [name, Item(8, (Cell("" if answer is None else answer.problem, "warn"),))]
    coins = answer.record.coins
    trades = sum(coin.trades for coin in coins)
    if not trades:
        return [name, Item(8, (Cell("no trade closed", "muted"),))]
    wins, touch = sum(coin.wins for coin in coins), sum(coin.touch for coin in coins)
    known = [coin.costed for coin in coins if coin.costed is not None]
    return [
        name,
        Item(8, (Cell(f"{trades} trades", ""), Cell(f", {percent(wins, trades)} won", "muted"))),
        Item(7, (money(sum(known) if known else None), Cell(" costed", "muted"))),
        Item(6, (money(touch), Cell(" touch", "muted"))),
    ]


def rule_lines(answer: StrategyAnswer, width: int) -> tuple[Line, ...]:
    return tuple(_rule(answer, width))


def _rule(answer: StrategyAnswer, width: int) -> Iterator[Line]:
    yield from paragraphs(answer.rule or "Its rule is not put into words.", width)
    if answer.parameters:
        yield ()
        yield (Cell(" Parameters", "strong"),)
        for parameter in answer.parameters:
            bounds = f" ({parameter.range})" if parameter.range else ""
            said = f"{parameter.name} = {parameter.value:.10g} {parameter.unit}".rstrip() + bounds
            yield from filled(said, width, indent=2, hanging=2)
        yield ()
        yield from paragraphs(answer.about, width, "muted")
    yield ()
    yield from filled(f"Resets: {answer.resets}", width, hanging=2)
    yield from filled(f"Limits: {'; '.join(answer.limits)}.", width, hanging=2)
    if not answer.entries:
        yield ()
        yield from filled("It decides by a memory of its own, which cannot be taken apart into gates.", width, "muted")
    for way in answer.entries:
        yield from _way("buys", way, width)
    for way in answer.exits:
        yield from _way("sells", way, width)


def _way(verb: str, way: RuleWay, width: int) -> Iterator[Line]:
    glyph = "•" if way.side is None else UP if way.side == "up" else DOWN
    yield ()
    what = verb if way.side is None else f"{verb} {way.side}"
    yield from filled(f"{glyph} {what}: {way.reason}, when", width, "strong" if way.side is None else way.side)
    for place, gate in enumerate(way.gates):
        yield from filled(f"{'and ' if place else ''}{gate}", width, indent=4, hanging=2)


def equity_plot(answer: StrategyAnswer | None, width: int, height: int) -> Plot:
    """The running sums over time, costed as a line and touch as dots, around zero."""
    if answer is None or answer.record is None or not answer.record.equity:
        return NOTHING
    points = answer.record.equity
    costed = tuple((point.at_ms, point.costed) for point in points)
    touch = tuple((point.at_ms, point.touch) for point in points)
    low, high = y_range([0.0, *(y for _, y in costed), *(y for _, y in touch)], 1.0)
    first, last = points[0].at_ms, points[-1].at_ms
    first = min(first, last - 60_000)  # a single trade is a point at the right edge
    return Plot(
        (Curve(touch, "muted", "dots"), Curve(costed, "accent")),
        levels=((0.0, "flat"),),
        x_range=(first, last),
        y_range=(low, high),
        x_ticks=evenly(first, last, max(2, min(6, width // 18)), lambda at_ms: _moment(at_ms, last - first)),
        y_ticks=ticks(low, high, max(2, height // 3), lambda dollars: f"{dollars:+,.0f}" if dollars else "0"),
    )


def _moment(at_ms: float, span_ms: float) -> str:
    if span_ms < DAY_MS:
        return clock_time(int(at_ms))[: 8 if span_ms < DAY_MS / 48 else 5]
    return _date(at_ms)


def _date(at_ms: float) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%d %b}"


def equity_title(view: View, period: Period) -> str:
    return f"Equity{mark(view)}: ─ costed ·· touch, {PERIOD_WORDS[period]}"


def no_equity(view: View, answer: StrategyAnswer | None) -> str:
    if answer is None:
        return "The strategy appears here once the engine has answered."
    if answer.record is None:
        return answer.problem
    if view.trading_state in {"PAUSED", "KILLED"}:
        return f"No trade closed in this period. Trading is {view.trading_state}."
    return "No trade closed in this period: the curve begins with the first one. Why shows what it waits for."


def coin_rows(totals: Sequence[CoinTotals], columns: Sequence[Column]) -> tuple[Row, ...]:
    return tuple(_totals_row(one.coin, one.coin.upper(), one, columns) for one in totals)


def minute_rows(totals: Sequence[MinuteTotals], columns: Sequence[Column]) -> tuple[Row, ...]:
    return tuple(_totals_row(str(one.minute), f"{one.minute}–{one.minute + 1}", one, columns) for one in totals)


def _totals_row(key: str, name: str, totals: TradeTotals, columns: Sequence[Column]) -> Row:
    cells = {
        columns[0].key: Cell(name, "strong"),
        "trades": Cell(str(totals.trades)),
        "won": Cell(percent(totals.wins, totals.trades)),
        "costed": money(totals.costed),
        "touch": money(totals.touch),
        "average": MISSING if totals.costed is None else money(totals.costed / max(1, totals.trades)),
    }
    return Row(key, lambda: laid_out([cells[column.key] for column in columns], columns))


def _closed(trade: Trade, view: View) -> Cell:
    """The time of day, or after a day the date."""
    is_old = view.market_ms is not None and view.market_ms - trade.exit_ms >= DAY_MS
    return Cell(_date(trade.exit_ms) if is_old else clock_time(trade.exit_ms), "muted")


def trade_key(trade: Trade) -> str:
    return f"{trade.key} {trade.entry_ms} {trade.session}"


_TRADE_CELLS: Final[Mapping[str, Callable[[Trade], Cell]]] = {
    "coin": lambda trade: Cell(trade.key.coin.upper(), "strong"),
    "side": lambda trade: side(trade.side),
    "entry": lambda trade: Cell(probability(trade.leg("touch").entry_price)),
    "out": lambda trade: Cell(probability(trade.leg("touch").exit_price)),
    "shares": lambda trade: Cell(f"{trade.leg('touch').shares:.4g}", "muted"),
    "costed": lambda trade: money(next((leg.pnl for leg in trade.legs if leg.model == "costed"), None)),
    "touch": lambda trade: money(trade.leg("touch").pnl),
    "held": lambda trade: Cell(elapsed((trade.exit_ms - trade.entry_ms) // 1000), "muted"),
    "reason": lambda trade: Cell(trade.exit_reason),
    "entry_reason": lambda trade: Cell(trade.entry_reason, "muted"),
    "grade": lambda trade: (
        MISSING if trade.outcome is None else Cell(f"{trade.outcome} ({trade.grade})", trade.outcome)
    ),
}


def trade_rows(trades: Sequence[Trade], view: View, columns: Sequence[Column]) -> tuple[Row, ...]:
    def cell(trade: Trade, column: Column) -> Cell:
        return _closed(trade, view) if column.key == "closed" else _TRADE_CELLS[column.key](trade)

    def shown(trade: Trade) -> Row:
        return Row(trade_key(trade), lambda: laid_out([cell(trade, column) for column in columns], columns))

    return tuple(map(shown, trades))
