"""The panes' figures as sentences, for a screen reader: one line a thing, no columns, no glyphs, no colour.

Every figure comes from the pane that shows it, so that the two cannot differ.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view import conflicts, events, leaderboard, positions, status, ticks
from polyterm.console.view.cells import Line, Row
from polyterm.console.view.figures import DASH, age, price, rate
from polyterm.core.snapshot import FeedRow, TickRow

WIDE: Final = 400
NONE: Final = "none"
UNNAMED: Final = " "
_MISSING: Final = re.compile(rf"(?<!\S){DASH}(?!\S)")
_BETWEEN: Final = re.compile(rf"(?<=\d){DASH}(?=\d)")
_BAR: Final = str.maketrans("", "", "█▉▊▋▌▍▎▏·")
_WORDS: Final = (
    ("▲ up", "up"), ("▼ down", "down"), ("▲ +", "+"), ("▼ -", "-"), ("• ", ""), ("✓ ", ""), ("✗ ", ""),
    ("▲", "up "), ("▼", "down "), ("≤", "at most "), ("≥", "at least "), ("σ", " sigma"), ("×", "times"),
    ("→", "to"), ("µs", "microseconds"),
)  # fmt: skip

# What a heading leaves to the eye. "" leaves a column out that only draws what others say; UNNAMED need no heading.
_TICKS: Final = {
    "path": "", "strike_from": "graded", "bid_size": "Up bid size", "bid": "Up bid", "ask": "Up ask",
    "ask_size": "Up ask size", "fair": "fair value", "left": "time left", "divergence": "spot off what settles by",
    "book_age": "age of the book", "spot_age": "age of spot", "oracle_age": "age of oracle or TWAP",
    "oracle": "oracle or TWAP", "state": UNNAMED,
}  # fmt: skip
_LEADERBOARD: Final = {
    "won": "won", "interval": "95% interval of it", "costed": "costed P&L", "touch": "touch P&L", "luck": "verdict",
    "average": "average of a trade", "drawdown": "deepest fall", "equity": "", "last": "last signal",
}  # fmt: skip
_POSITIONS: Final = {"exit": "exit price", "left": "ends in", "held": "held for"}


def spoken(view: View) -> Iterator[str]:
    """Sections under headings of their own, a blank line between two."""
    sections: tuple[tuple[str, Callable[[View], Iterator[str]]], ...] = (
        ("Status", _status),
        ("Feeds", _feeds),
        ("Ticks", _ticks),
        ("Leaderboard, by costed P&L", _leaderboard),
        ("Conflicts", _conflicts),
        ("Open positions", _positions),
        ("Events, newest first", _events),
    )
    for place, (title, lines) in enumerate(sections):
        if place:
            yield ""
        yield f"{title}:"
        yield from lines(view)


def _in_words(text: str) -> str:
    text = _MISSING.sub(NONE, text.strip())
    if text.startswith("*"):
        text = f"stale {text[1:]}"
    for glyph, word in _WORDS:
        text = text.replace(glyph, word)
    return _BETWEEN.sub(" to ", " ".join(text.split()))


def _text(line: Line) -> str:
    return "".join(cell.text for cell in line)


def _status(view: View) -> Iterator[str]:
    badge, *bars = (_items(line) for line in status.status_bar(view, WIDE, 3).lines)
    mode, *first = badge
    state = bars[0][0]
    yield f"{mode}, {state}"
    engine = _items(status.engine_line(view, WIDE))
    for items in (first, bars[0][1:], bars[1], engine if engine != bars[1] else []):
        if items:
            yield ", ".join(items)


def _items(line: Line) -> list[str]:
    """Two spaces stand between the items of a strip, and between it and its badge."""
    texts = _text(line).translate(_BAR).split("  ")
    return [_in_words(text) for text in texts if text.strip()]


def _feeds(view: View) -> Iterator[str]:
    rows = () if view.feeds is None else view.feeds.rows
    for row in rows:
        yield ", ".join(filter(None, _feed(row)))
    if not rows:
        yield NONE


def _feed(row: FeedRow) -> Iterator[str]:
    yield f"{row.name}: {row.state}"
    yield "" if row.age_s is None else f"data {age(row.age_s)} old"
    yield f"{rate(row.messages_per_s).removesuffix('/s')} messages a second" if row.state == "live" else ""
    yield f"{row.reconnects} reconnects" if row.reconnects else ""
    yield row.reason
    yield "" if row.retry_in_s is None else f"retry in {max(0, round(row.retry_in_s))}s"


def _ticks(view: View) -> Iterator[str]:
    rows = () if view.ticks is None else view.ticks.rows
    told = _told(ticks.COLUMNS, _TICKS, lambda columns: ticks.tick_rows(view, columns))
    for row, figures in zip(rows, told, strict=True):
        name = f"{row.coin.upper()} {row.horizon}"
        if row.tick is None:
            yield f"{name}: {row.note or ticks.WAITING}"
        else:
            yield f"{name}: {', '.join((*figures, *_range(row)))}"
    if not rows:
        yield NONE


def _range(row: TickRow) -> Iterator[str]:
    """What the sparkline shows, as far as words can."""
    known = [spot for spot in row.spots if spot is not None]
    if known:
        yield f"spot in this window {price(min(known))} to {price(max(known))}"


def _leaderboard(view: View) -> Iterator[str]:
    shown = leaderboard.standings(view, leaderboard.Choice())
    told = _told(leaderboard.COLUMNS, _LEADERBOARD, lambda columns: leaderboard.leaderboard_rows(view, columns))
    for standing, figures in zip(shown, told, strict=True):
        known = [figure for figure in figures if not figure.endswith(f" {NONE}")]
        yield f"{standing.row.strategy}: {', '.join(known)}"
    if not shown:
        yield leaderboard.nothing_passes(view, leaderboard.Choice())


def _conflicts(view: View) -> Iterator[str]:
    found = view.conflicts
    if found is None or (matrix := conflicts.matrix_of(found, "strategies")).empty:
        yield conflicts.nothing_yet(view)
        return
    for place, name in enumerate(matrix.names[:-1]):
        met = [(other, matrix.at(name, other)) for other in matrix.names[place + 1 :]]
        told = [
            f"{other} {pair.opposed} of {pair.windows} windows, {100 * conflicts.share(pair):.0f}%"
            for other, pair in met
            if pair is not None
        ]
        if told:
            yield f"{name} opposed: {'; '.join(told)}"
    yield ", ".join(_items(conflicts.coin_rates(found, WIDE)))
    families = {} if view.leaderboard is None else {row.strategy: row.family for row in view.leaderboard.rows}
    for line in conflicts.lineup_lines(found, families, WIDE):
        yield ", ".join(_items(line))


def _positions(view: View) -> Iterator[str]:
    rows = positions.position_rows(view, _columns(positions.COLUMNS)[:1])
    told = _told(positions.COLUMNS, _POSITIONS, lambda columns: positions.position_rows(view, columns))
    for row, figures in zip(rows, told, strict=True):
        yield f"{_text(row.cells).strip()}: {', '.join(figures)}"
    if not rows:
        yield positions.nothing_open(view)


def _events(view: View) -> Iterator[str]:
    rows = events.event_rows(view, _columns(events.COLUMNS))
    for row in rows:
        yield _in_words(_text(row.cells))
    if not rows:
        yield events.nothing_passes(events.Choice())


def _told(
    specs: Sequence[ColumnSpec], words: dict[str, str], rows_of: Callable[[Sequence[Column]], tuple[Row, ...]]
) -> Iterator[list[str]]:
    """Of every row what its columns say, each after its name; the first column names the row itself."""
    columns = [column for column in _columns(specs)[1:] if words.get(column.key, column.title)]
    told = [
        [f"{words.get(column.key, column.title)} {_in_words(_text(row.cells))}".strip() for row in rows_of((column,))]
        for column in columns
    ]
    return map(list, zip(*told, strict=True))


def _columns(specs: Sequence[ColumnSpec]) -> tuple[Column, ...]:
    """Wide enough for every text, but not for bars."""
    return tuple(Column(spec.key, spec.title, 6 if spec.key == "left" else WIDE, "left") for spec in specs)
