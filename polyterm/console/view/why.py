"""Why a strategy acts or waits: for each coin a sentence, and each gate of its rule with how far it is from opening."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Role, Row, cut, laid_out
from polyterm.console.view.figures import DOWN, MISSING, UP, clock_time
from polyterm.core.market import Coin
from polyterm.core.query import Answer, Failed, Gate, Way, WhyAnswer

COLUMNS: Final = (
    ColumnSpec("gate", "Why", 24, 100, "left", grow=70, grow_rank=50),
    ColumnSpec("value", "value", 9, 90),
    ColumnSpec("threshold", "limit", 9, 80),
    ColumnSpec("margin", "margin", 9, 95),
)
OPEN, SHUT = "✓", "✗"


def number(value: float | None) -> str:
    """In at most nine cells."""
    if value is None:
        return MISSING.text
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.1f}"
    if size == 0 or size >= 0.001:
        return f"{value:.4g}"
    return f"{value:.6f}".rstrip("0") if size >= 1e-5 else f"{value:.1e}"


def why_rows(answers: Mapping[Coin, Answer], columns: Sequence[Column], *, stale: bool) -> tuple[Row, ...]:
    """Of every coin that was asked about, in the order of ``answers``."""
    return tuple(row for coin, answer in answers.items() for row in _coin_rows(coin, answer, columns, stale))


def _coin_rows(coin: Coin, answer: Answer, columns: Sequence[Column], stale: bool) -> Iterator[Row]:
    width = sum(column.width + 1 for column in columns) - 1
    head = Cell(f"{coin.upper():<5}", "stale" if stale else "strong")
    if not isinstance(answer, WhyAnswer):
        reason = answer.reason if isinstance(answer, Failed) else "No answer yet."
        yield Row(coin, lambda: cut((head, Cell(reason, "warn")), width))
        return
    at = "" if answer.slot is None else f" ({clock_time(answer.slot * 1000)})"
    said = Cell(answer.verdict + at, "stale" if stale else _verdict_role(answer))
    yield Row(coin, lambda: cut((head, said), width))
    # Who holds something looks for a way out; the ways in wait until it has found one.
    for place, way in enumerate(answer.exits if answer.held is not None else answer.entries):
        name = f"{coin} {place}"
        yield from _way_rows(name, way, columns, stale, leaving=answer.held is not None)


def _verdict_role(answer: WhyAnswer) -> Role:
    if answer.held is not None:
        return answer.held
    return next((way.side for way in answer.entries if way.open and answer.verdict.startswith("It buys")), "")


def _way_rows(name: str, way: Way, columns: Sequence[Column], stale: bool, *, leaving: bool) -> Iterator[Row]:
    width = sum(column.width + 1 for column in columns) - 1
    shut = sum(not gate.open for gate in way.gates)
    state = "open" if way.open else f"{shut} of {len(way.gates)} shut"
    verb = "sell" if leaving else "buy"
    role: Role = "stale" if stale else way.side if way.open else "muted"
    text = f"  {UP if way.side == 'up' else DOWN} {verb} {way.side}: {way.reason}, {state}"
    yield Row(name, lambda: cut((Cell(text, role),), width))
    for place, gate in enumerate(way.gates):
        yield from _gate_rows(f"{name} {place}", gate, columns, stale, depth=2)


def _gate_rows(name: str, gate: Gate, columns: Sequence[Column], stale: bool, depth: int) -> Iterator[Row]:
    yield Row(name, lambda: laid_out([_cell(gate, column, stale, depth) for column in columns], columns))
    for place, choice in enumerate(gate.any_of):
        yield from _gate_rows(f"{name} {place}", choice, columns, stale, depth + 1)


def _cell(gate: Gate, column: Column, stale: bool, depth: int) -> Cell:
    role: Role = "stale" if stale else "up" if gate.open else "muted"
    match column.key:
        case "gate":
            return Cell(f"{'  ' * depth}{OPEN if gate.open else SHUT} {gate.text}", role)
        case "value":
            return _figure(gate, gate.value, role="stale" if stale else "")
        case "threshold":
            return _figure(gate, gate.threshold, role="stale" if stale else "muted")
    margin = gate.margin
    if margin is None:
        return _figure(gate, None, role="muted")
    sign = "+" if margin >= 0 else ""
    return Cell(sign + number(margin), "stale" if stale else "up" if margin >= 0 else "down")


def _figure(gate: Gate, value: float | None, role: Role) -> Cell:
    """A gate that compares nothing has no figures; one whose figure is missing says so."""
    if gate.threshold is None and gate.value is None:
        return Cell("")
    return MISSING if value is None else Cell(number(value), role)
