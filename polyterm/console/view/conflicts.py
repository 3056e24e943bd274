"""The conflict heatmap: in which share of the windows that both traded two strategies, or camps, opposed each other."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from polyterm.console.latest import View
from polyterm.console.view.cells import HEAT, Cell, Item, Line, Role, cut, joined, short_name, sized
from polyterm.console.view.figures import DOWN, UP, countdown
from polyterm.core.snapshot import ConflictPair, Conflicts, Lineup

GLYPHS: Final = "·░▒▓█"
LABEL_MIN: Final = 9
LABEL_MIN_GLYPHS: Final = 14
LABEL_MAX: Final = 24
# Shares above which a cell takes the next step of the ramp.
STEPS: Final = (0.0, 0.15, 0.35, 0.60)
SELECTED: Final = "»"
OPPONENTS: Final = 3
SPOKEN_OF: Final = 5
"""Of fewer common windows a share says little: such pairs are not named as opponents."""

Axes = Literal["strategies", "camps"]


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
    """What stands on the axes, in their order, and how each opposes each. ``met`` knows every pair one way round."""

    def __init__(self, names: Sequence[str], met: Mapping[tuple[str, str], ConflictPair]) -> None:
        self.names = tuple(names)
        self._met = met

    def at(self, row: str, column: str) -> ConflictPair | None:
        """None where the two never traded in the same window. For camps, over all pairs of their members."""
        met = self._met
        return met.get((row, column)) or met.get((column, row))

    @property
    def empty(self) -> bool:
        return not self._met

    def opponents(self, name: str) -> list[tuple[str, ConflictPair]]:
        """Whom it opposes most, of those it has met often enough."""
        found = [(other, met) for other in self.names if other != name and (met := self.at(name, other)) is not None]
        often = [pair for pair in found if pair[1].windows >= SPOKEN_OF and pair[1].opposed]
        return sorted(often, key=lambda pair: -share(pair[1]))[:OPPONENTS]


def matrix_of(conflicts: Conflicts, axes: Axes) -> Matrix:
    return _of_strategies(conflicts) if axes == "strategies" else _of_camps(conflicts)


def _of_strategies(conflicts: Conflicts) -> Matrix:
    """Only those that have traded, by cluster where the engine has found any."""
    met = {(pair.first, pair.second): pair for pair in conflicts.pairs if pair.windows}
    traded = {name for pair in met for name in pair}
    return Matrix(conflicts.order or [name for name in conflicts.strategies if name in traded], met)


def _of_camps(conflicts: Conflicts) -> Matrix:
    """Pooled over all pairs of members; a camp against itself is how much it disagrees within."""
    camps = {name: camp.name for camp in reversed(conflicts.camps) for name in camp.members}
    windows: Counter[tuple[str, str]] = Counter()
    opposed: Counter[tuple[str, str]] = Counter()
    for pair in conflicts.pairs:
        first, second = camps.get(pair.first), camps.get(pair.second)
        if first is None or second is None:
            continue
        place = (first, second) if first <= second else (second, first)
        windows[place] += pair.windows
        opposed[place] += pair.opposed
    met = {place: ConflictPair(*place, count, opposed[place]) for place, count in windows.items() if count}
    return Matrix([camp.name for camp in conflicts.camps if any(camp.name in place for place in met)], met)


def share(pair: ConflictPair) -> float:
    return pair.opposed / pair.windows


def heat_level(opposed: float) -> int:
    return bisect_left(STEPS, opposed)


def heat_cell(matrix: Matrix, row: str, column: str, width: int) -> Cell:
    met = matrix.at(row, column)
    if met is None:
        return Cell(("╲" if width < 3 else "—").rjust(width), "muted") if row == column else Cell(" " * width)
    level = heat_level(share(met))
    if width < 3:
        # Glyphs hide what is behind them, so here the ink carries the colour and its density the share.
        return Cell(GLYPHS[level] * width, "heat-ink" if level else "muted")
    return Cell(f"{100 * share(met):.0f}".rjust(width), HEAT[level])


def heat_cells(matrix: Matrix, row: str, columns: Iterable[str], width: int, cursor: str | None) -> Line:
    """A row of cells, neighbours of one colour joined; the one of ``cursor`` stands out."""
    line: list[Cell] = []
    for column in columns:
        cell = heat_cell(matrix, row, column, width)
        if column == cursor:
            cell = Cell(cell.text, "heat-cursor")
        if line and line[-1].role == cell.role:
            line[-1] = Cell(line[-1].text + cell.text, cell.role)
        else:
            line.append(cell)
    return tuple(line)


def axis(matrix: Matrix, grid: Grid, first: int, title: str) -> str:
    """Column headings: the strategies' numbers, or every fifth one where there is no room for all."""
    columns = range(first, min(len(matrix.names), first + grid.columns))
    if grid.cell >= 3:
        return sized(title, grid.label) + "".join(str(index + 1).rjust(grid.cell) for index in columns)
    numbers = [" "] * (grid.cell * len(columns))
    for place, index in enumerate(columns):
        if (index + 1) % 5 == 0:
            text = str(index + 1)
            end = (place + 1) * grid.cell
            numbers[max(0, end - len(text)) : end] = text[-end:]
    return sized(title, grid.label) + "".join(numbers)


def row_label(name: str, row: int, grid: Grid, *, selected: bool) -> str:
    number = f"{row + 1}{SELECTED if selected else ' '}"
    width = grid.label - len(number)
    gap = 1 if grid.cell < 3 else 0  # figures bring their own
    return number + sized(short_name(name, width - gap), width)


def coin_rates(conflicts: Conflicts, width: int) -> Line:
    """Per coin the share of traded windows in which both sides were bought."""
    items = [Item(9, (Cell("both sides bought", "muted"),))]
    for coin in conflicts.coins:
        rate = f"{100 * coin.conflicted / coin.windows:.0f}%" if coin.windows else "–"
        items.append(Item(10, (Cell(f"{coin.coin.upper()} ", "muted"), Cell(rate))))
    return joined(items, width)


def exact_figures(matrix: Matrix, row: str, column: str, width: int) -> Line:
    met = matrix.at(row, column)
    if row == column and met is None:
        return cut((Cell(row, "strong"), Cell(": arrows choose another to compare with", "muted")), width)
    names = Cell(f"{row} × {column} " if row != column else f"within {row} ", "strong")
    if met is None:
        return cut((Cell("never in one window: ", "muted"), names), width)
    figures = f"{met.opposed} of {met.windows} opposed, {100 * share(met):.0f}%: "
    return cut((Cell(figures), names), width)


def opponents_line(matrix: Matrix, name: str, width: int) -> Line:
    """Whom the selected strategy opposes most; empty when nobody is known."""
    found = matrix.opponents(name)
    if not found:
        return ()
    named = ", ".join(f"{other} {100 * share(met):.0f}% of {met.windows}" for other, met in found)
    return cut((Cell(f"{SELECTED}{name}", "accent"), Cell(" opposes ", "muted"), Cell(named)), width)


def lineup_lines(conflicts: Conflicts, families: Mapping[str, str], width: int) -> tuple[Line, ...]:
    """Who stands on which side in the running windows, by camp; who is in none goes by the family."""
    camps = {**families} | {name: camp.name for camp in reversed(conflicts.camps) for name in camp.members}
    lines: list[Line] = []
    for lineup in conflicts.lineup:
        if lineup.up or lineup.down:
            head = Cell(f"{lineup.key.coin.upper()} now ", "muted")
            up, down = _side(UP, lineup.up, camps, "up"), _side(DOWN, lineup.down, camps, "down")
            lines.append(cut((head, *_net(lineup), up, Cell("  "), down), width))
    return tuple(lines)


def _side(glyph: str, names: Sequence[str], camps: Mapping[str, str], role: Role) -> Cell:
    counts = Counter(camps.get(name, name) for name in names)
    text = ", ".join(f"{camp} {number}" if number > 1 else camp for camp, number in counts.most_common())
    return Cell(f"{glyph} {len(names)} {text}".rstrip(), role)


def _net(lineup: Lineup) -> tuple[Cell, ...]:
    """What remains at risk once Up and Down are set against each other."""
    if not (lineup.up_shares or lineup.down_shares):
        return ()
    net = lineup.net_shares
    role: Role = "flat" if net == 0 else "up" if net > 0 else "down"
    return (Cell("net ", "muted"), Cell(f"{net:+,.0f}" if net else "0", role), Cell(" sh  ", "muted"))


def nothing_yet(view: View) -> str:
    if view.conflicts is None:
        return "Conflicts appear here once the engine has been reached and two strategies have traded in one window."
    if view.status is None or view.market_ms is None or not view.status.windows:
        return "Opposite sides appear here once two strategies have traded in one window."
    end = min(window.end for window in view.status.windows)
    left = countdown(end - view.market_ms / 1000)
    return f"Opposite sides appear here once two strategies have traded in one window; this one ends in {left}."
