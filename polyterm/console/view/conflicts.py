"""The conflict heatmap: in which share of the windows that both traded did two strategies take opposite sides."""

from collections.abc import Sequence
from typing import Final

import msgspec

from polyterm.console.latest import View
from polyterm.console.view.cells import HEAT, Cell, Item, Line, cut, joined, short_name, sized
from polyterm.console.view.figures import DOWN, UP, countdown
from polyterm.core.snapshot import ConflictPair, Conflicts

GLYPHS: Final = "·░▒▓█"
LABEL_MIN: Final = 9
LABEL_MIN_GLYPHS: Final = 14
LABEL_MAX: Final = 24
# Shares above which a cell takes the next step of the ramp.
STEPS: Final = (0.0, 0.15, 0.35, 0.60)


class Grid(msgspec.Struct, frozen=True):
    """How much of the matrix is visible: ``cell`` is 3 or 4 cells wide with figures, 1 or 2 with glyphs."""

    label: int
    cell: int
    rows: int
    columns: int


def grid_for(count: int, width: int, height: int) -> Grid:
    """The widest cells with which all strategies fit; else the narrowest, and the matrix scrolls sideways.

    So many strategies that only glyphs fit are told apart by longer labels.
    """
    for cell in (4, 3, 2, 1):
        label = LABEL_MIN if cell >= 3 else LABEL_MIN_GLYPHS
        if label + count * cell <= width:
            return Grid(min(LABEL_MAX, width - count * cell), cell, min(count, height), count)
    label = min(LABEL_MAX, max(LABEL_MIN_GLYPHS, width // 3))
    return Grid(label, 1, min(count, height), max(0, width - label))


class Matrix:
    """Pairs looked up from either side."""

    def __init__(self, conflicts: Conflicts) -> None:
        self.strategies = conflicts.strategies
        self._pairs: dict[tuple[str, str], ConflictPair] = {}
        for pair in conflicts.pairs:
            self._pairs[pair.first, pair.second] = pair
            self._pairs[pair.second, pair.first] = pair

    def pair(self, row: int, column: int) -> ConflictPair | None:
        """None where the two never traded in the same window."""
        found = self._pairs.get((self.strategies[row], self.strategies[column]))
        return found if found is not None and found.windows else None

    @property
    def empty(self) -> bool:
        return not any(pair.windows for pair in self._pairs.values())


def heat_level(share: float) -> int:
    return sum(share > step for step in STEPS)


def heat_cell(matrix: Matrix, row: int, column: int, width: int) -> Cell:
    if row == column:
        return Cell(("╲" if width < 3 else "—").rjust(width), "muted")
    pair = matrix.pair(row, column)
    if pair is None:
        return Cell(" " * width)
    share = pair.opposed / pair.windows
    level = heat_level(share)
    if width < 3:
        return Cell(GLYPHS[level] * width, HEAT[level])
    return Cell(f"{100 * share:.0f}".rjust(width), HEAT[level])


def axis(matrix: Matrix, grid: Grid, first: int, title: str) -> str:
    """Column headings: the strategies' numbers, or every fifth one where there is no room for all."""
    columns = range(first, min(len(matrix.strategies), first + grid.columns))
    if grid.cell >= 3:
        return sized(title, grid.label) + "".join(str(index + 1).rjust(grid.cell) for index in columns)
    numbers = [" "] * (grid.cell * len(columns))
    for place, index in enumerate(columns):
        if (index + 1) % 5 == 0:
            text = str(index + 1)
            end = (place + 1) * grid.cell
            numbers[max(0, end - len(text)) : end] = text[-end:]
    return sized(title, grid.label) + "".join(numbers)


def row_label(matrix: Matrix, row: int, grid: Grid) -> str:
    number = f"{row + 1} "
    width = grid.label - len(number)
    gap = 1 if grid.cell < 3 else 0  # figures bring their own
    return number + sized(short_name(matrix.strategies[row], width - gap), width)


def coin_rates(conflicts: Conflicts, width: int) -> Line:
    """Per coin the share of traded windows in which both sides were bought."""
    items = [Item(9, (Cell("both sides bought", "muted"),))]
    for coin in conflicts.coins:
        share = f"{100 * coin.conflicted / coin.windows:.0f}%" if coin.windows else "–"
        items.append(Item(10, (Cell(f"{coin.coin.upper()} ", "muted"), Cell(share))))
    return joined(items, width)


def exact_figures(matrix: Matrix, row: int, column: int, width: int) -> Line:
    first, second = matrix.strategies[row], matrix.strategies[column]
    if row == column:
        return cut((Cell(first, "strong"), Cell(": arrows choose another to compare with", "muted")), width)
    pair = matrix.pair(row, column)
    names = Cell(f"{first} × {second} ", "strong")
    if pair is None:
        return cut((Cell("never in one window: ", "muted"), names), width)
    figures = f"{pair.opposed} of {pair.windows} opposed, {100 * pair.opposed / pair.windows:.0f}%: "
    return cut((Cell(figures), names), width)


def lineup_lines(conflicts: Conflicts, width: int) -> tuple[Line, ...]:
    """Who stands on which side in the running windows."""
    lines: list[Line] = []
    for lineup in conflicts.lineup:
        if not (lineup.up or lineup.down):
            continue
        head = Cell(f"{lineup.key.coin.upper()} now ", "muted")
        up = Cell(f"{UP} {len(lineup.up)} {_names(lineup.up)}", "up")
        down = Cell(f"  {DOWN} {len(lineup.down)} {_names(lineup.down)}", "down")
        lines.append(cut((head, up, down), width))
    return tuple(lines)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)


def nothing_yet(view: View) -> str:
    if view.conflicts is None:
        return "Conflicts appear here once the engine has been reached."
    if view.status is None or view.market_ms is None or not view.status.windows:
        return "Opposite sides appear here once two strategies have traded in one window."
    end = min(window.end for window in view.status.windows)
    left = countdown(end - view.market_ms / 1000)
    return f"Opposite sides appear here once two strategies have traded in one window; this one ends in {left}."
