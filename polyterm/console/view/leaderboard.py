"""The leaderboard: who makes money after costs, whether it can be told from luck, and what it looked like before."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Row, laid_out, short_name
from polyterm.console.view.figures import DOWN, MISSING, UP, elapsed, money, percent, sparkline
from polyterm.console.view.luck import Judgement, Verdict, threshold, verdict, wilson
from polyterm.core.market import COINS, HORIZON_SECONDS, Coin
from polyterm.core.snapshot import LeaderboardRow, Tally

COLUMNS: Final = (
    ColumnSpec("strategy", "Leaderboard", 16, 100, "left", grow=7, grow_rank=22),
    ColumnSpec("family", "family", 11, 12, "left"),
    ColumnSpec("trades", "trades", 6, 80),
    ColumnSpec("won", "win%", 4, 75),
    ColumnSpec("interval", "95%", 6, 48),
    ColumnSpec("costed", "costed", 9, 95),
    ColumnSpec("touch", "touch", 9, 70),
    ColumnSpec("luck", "luck?", 5, 62, "left"),
    ColumnSpec("average", "average", 7, 40),
    ColumnSpec("drawdown", "max dd", 6, 38),
    ColumnSpec("equity", "equity", 6, 42, "left", grow=8, grow_rank=20),
    ColumnSpec("open", "open", 4, 50),
    ColumnSpec("last", "last", 10, 30, "left", grow=26, grow_rank=10),
)

Scope = Literal["session", "today", "window", "last window", "btc", "eth", "sol", "xrp"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

ASCENDING: Final = frozenset(("strategy", "family", "drawdown"))
UNSORTED: Final = frozenset(("equity",))
DAY_MS: Final = 86_400_000
_NO_TRADES: Final = Tally(0, 0, 0, 0.0, 0.0, 0.0, 0.0)


class Choice(msgspec.Struct, frozen=True):
    """Which figures, in which order. ``reverse`` turns the column's own order round; ``words`` must all be in a name or
    a family."""

    scope: Scope = "session"
    sort: str = "costed"
    reverse: bool = False
    words: str = ""

    def sorted_by(self, key: str) -> "Choice":
        """By another column, or by the same one the other way round."""
        if key in UNSORTED:
            return self
        return msgspec.structs.replace(self, sort=key, reverse=key == self.sort and not self.reverse)

    def turned(self, step: int) -> "Choice":
        """To the next scope."""
        place = SCOPES.index(self.scope)
        return msgspec.structs.replace(self, scope=SCOPES[(place + step) % len(SCOPES)])

    def matching(self, words: str) -> "Choice":
        return msgspec.structs.replace(self, words=words.strip())

    @property
    def title(self) -> str:
        scope = "" if self.scope == "session" else self.scope.upper() if self.scope in COINS else self.scope
        return " ".join(filter(None, (scope, f"/{self.words}" if self.words else "")))


class Standing(msgspec.Struct, frozen=True):
    """One strategy in the chosen scope; ``open`` counts its positions there. ``equity`` is known of sessions only."""

    row: LeaderboardRow
    tally: Tally
    open: int
    verdict: Verdict
    equity: tuple[float, ...]


def standings(view: View, choice: Choice) -> tuple[Standing, ...]:
    """Those that pass the filter, in the chosen order; those that have not traded come last, by name."""
    if view.leaderboard is None:
        return ()
    words = choice.words.casefold().split()
    rows = [row for row in view.leaderboard.rows if _passes(row, words)]
    held = _open(view, choice.scope)
    found = [(row, _tally(row, view, choice.scope)) for row in rows]
    needed = threshold(sum(tally.trades > 0 for _, tally in found))
    ranked = [
        Standing(
            row,
            tally,
            row.open if held is None else held[row.strategy],
            verdict(tally.trades, tally.costed, tally.squares, needed),
            row.equity if choice.scope == "session" else (),
        )
        for row, tally in found
    ]
    return tuple(_in_order(ranked, choice))


def _passes(row: LeaderboardRow, words: Sequence[str]) -> bool:
    text = f"{row.strategy} {row.family}".casefold()
    return all(word in text for word in words)


def _open(view: View, scope: Scope) -> Counter[str] | None:
    """Open positions by strategy; None where the row's own count is meant."""
    if scope in {"session", "today"} or view.positions is None:
        return None
    epoch = _epoch(view, scope)
    return Counter(
        row.strategy for row in view.positions.rows if row.key.coin == scope or (row.key.epoch == epoch)
    )  # fmt: skip


def _epoch(view: View, scope: Scope) -> int | None:
    """Of the running window, or of the one before it."""
    if scope not in {"window", "last window"} or view.status is None or view.market_ms is None:
        return None
    running = view.status.windows
    seconds = HORIZON_SECONDS[running[0].horizon] if running else HORIZON_SECONDS["15m"]
    newest = max((key.epoch for key in running), default=view.market_ms // 1000 // seconds * seconds)
    return newest if scope == "window" else newest - seconds


def _tally(row: LeaderboardRow, view: View, scope: Scope) -> Tally:
    if scope == "session":
        return Tally(0, row.trades, row.wins, row.pnl_touch, row.pnl_costed, row.squares, row.drawdown)
    if scope == "today":
        part, tallies = None if view.market_ms is None else view.market_ms // DAY_MS, row.days
    elif scope in {"window", "last window"}:
        part, tallies = _epoch(view, scope), row.windows
    else:
        part, tallies = COINS.index(_coin(scope)), row.coins
    return next((tally for tally in tallies if tally.part == part), _NO_TRADES)


def _coin(scope: Scope) -> Coin:
    return next(coin for coin in COINS if coin == scope)


_ORDERS: Final[Mapping[str, Callable[[Standing], float | str]]] = {
    "strategy": lambda standing: standing.row.strategy,
    "family": lambda standing: standing.row.family,
    "trades": lambda standing: standing.tally.trades,
    "won": lambda standing: standing.tally.wins / standing.tally.trades,
    "interval": lambda standing: (wilson(standing.tally.wins, standing.tally.trades) or (0.0, 0.0))[0],
    "costed": lambda standing: standing.tally.costed,
    "luck": lambda standing: standing.verdict.sigmas or 0.0,
    "touch": lambda standing: standing.tally.touch,
    "average": lambda standing: standing.tally.costed / standing.tally.trades,
    "drawdown": lambda standing: standing.tally.drawdown,
    "open": lambda standing: standing.open,
    "last": lambda standing: standing.row.last_ms or 0,
}
# What a strategy without a trade has, too.
_ALWAYS_KNOWN: Final = frozenset(("strategy", "family", "open", "last"))


def _in_order(ranked: list[Standing], choice: Choice) -> list[Standing]:
    key = _ORDERS[choice.sort]
    ranked.sort(key=lambda standing: standing.row.strategy)
    known = [each for each in ranked if each.tally.trades or choice.sort in _ALWAYS_KNOWN]
    unknown = [each for each in ranked if not (each.tally.trades or choice.sort in _ALWAYS_KNOWN)]
    known.sort(key=key, reverse=(choice.sort not in ASCENDING) != choice.reverse)
    return known + unknown


def _strategy(row: LeaderboardRow, width: int) -> Cell:
    if row.disabled is None:
        return Cell(short_name(row.strategy, width))
    return Cell(f"✗ {short_name(row.strategy, width - 2)}", "danger")


def _count(number: int) -> Cell:
    return Cell(str(number)) if number else Cell("0", "muted")


def _interval(standing: Standing) -> Cell:
    found = wilson(standing.tally.wins, standing.tally.trades)
    return MISSING if found is None else Cell(f"{100 * found[0]:.0f}–{100 * found[1]:.0f}", "muted")


_GLYPHS: Final[Mapping[Judgement, str]] = {"earns": UP, "loses": DOWN}


def _luck(standing: Standing) -> Cell:
    """Too few trades, no more than luck among so many, or how many standard errors beyond it."""
    found = standing.verdict
    if not standing.tally.trades:
        return MISSING
    glyph = _GLYPHS.get(found.judgement)
    if glyph is None or found.sigmas is None:
        return Cell(found.judgement, "muted" if found.judgement == "few" else "flat")
    return Cell(f"{glyph}{abs(found.sigmas):.1f}σ", "up" if found.sigmas > 0 else "down")


def _drawdown(standing: Standing) -> Cell:
    """Whole dollars."""
    fall = round(standing.tally.drawdown)
    return Cell(f"-{fall:,}", "down") if fall else Cell("0", "muted")


def _last(row: LeaderboardRow, view: View) -> Cell:
    if row.disabled is not None:
        return Cell(f"disabled: {row.disabled}", "danger")
    if row.last_side is None or row.last_ms is None:
        return MISSING
    glyph = UP if row.last_side == "up" else DOWN
    ago = "" if view.market_ms is None else f" {elapsed((view.market_ms - row.last_ms) // 1000)}"
    return Cell(f"{glyph}{ago} {row.last_reason}", row.last_side)


def _equity(standing: Standing, width: int) -> Cell:
    if not standing.equity:
        return MISSING
    return Cell(sparkline(standing.equity, width), money(standing.equity[-1]).role)


def _dollars(standing: Standing, dollars: float) -> Cell:
    return money(dollars) if standing.tally.trades else MISSING


_CELLS: Final[Mapping[str, Callable[[Standing, View, int], Cell]]] = {
    "strategy": lambda standing, _, width: _strategy(standing.row, width),
    "family": lambda standing, _, __: Cell(standing.row.family, "muted"),
    "trades": lambda standing, _, __: _count(standing.tally.trades),
    "won": lambda standing, _, __: Cell(
        percent(standing.tally.wins, standing.tally.trades), "" if standing.tally.trades else "muted"
    ),
    "interval": lambda standing, _, __: _interval(standing),
    "costed": lambda standing, _, __: _dollars(standing, standing.tally.costed),
    "luck": lambda standing, _, __: _luck(standing),
    "touch": lambda standing, _, __: _dollars(standing, standing.tally.touch),
    "average": lambda standing, _, __: _dollars(standing, standing.tally.costed / max(1, standing.tally.trades)),
    "drawdown": lambda standing, _, __: _drawdown(standing) if standing.tally.trades else MISSING,
    "equity": lambda standing, _, width: _equity(standing, width),
    "open": lambda standing, _, __: _count(standing.open),
    "last": lambda standing, view, _: _last(standing.row, view),
}


def leaderboard_rows(view: View, columns: Sequence[Column], choice: Choice | None = None) -> tuple[Row, ...]:
    """One row a strategy; its key is the strategy's name."""

    def row(standing: Standing) -> Row:
        return Row(
            standing.row.strategy,
            lambda: laid_out([_CELLS[column.key](standing, view, column.width) for column in columns], columns),
        )

    return tuple(map(row, standings(view, choice or Choice())))


def headings(columns: Sequence[Column], choice: Choice) -> tuple[Column, ...]:
    """The columns, the one that is sorted by marked with its direction."""
    descending = (choice.sort not in ASCENDING) != choice.reverse
    return tuple(_marked(each, "↓" if descending else "↑") if each.key == choice.sort else each for each in columns)


def _marked(column: Column, mark: str) -> Column:
    return msgspec.structs.replace(column, title=column.title[: column.width - 1] + mark)


def hint(view: View) -> str:
    """Why every figure is still missing, and for how long."""
    rows = () if view.leaderboard is None else view.leaderboard.rows
    if not rows or any(row.trades or row.open for row in rows):
        return ""
    return "no trade yet; usually within a window"


def nothing_passes(view: View, choice: Choice) -> str:
    if view.leaderboard is not None and choice.words:
        return f"No strategy is called “{choice.words}”. Esc clears the filter."
    return "Strategies appear here with their first snapshot; their first trades usually within a window."
