"""Figures of two parameters as a map of plain characters: sign and size can be seen without colour."""

from collections.abc import Iterator, Sequence
from typing import Final

SHADES: Final = " ░▒▓█"
MISSING: Final = "."


def heatmap(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[float | None]], width: int
) -> Iterator[str]:
    """A line of column names and one line a row, not wider than ``width`` where that can be had.

    A cell shows its sign, its figure and a shade for its size against the largest one; where that is too wide, sign and
    shade only, below column numbers. None is a cell without a result.
    """
    largest = max((abs(cell) for row in cells for cell in row if cell is not None), default=0.0)
    label = max(map(len, rows), default=0)
    full = [[_full(cell, largest) for cell in row] for row in cells]
    size = max(len(text) for texts in (columns, *full) for text in texts) + 1
    if label + size * len(columns) > width:
        full = [[_short(cell, largest) for cell in row] for row in cells]
        size, columns = 3, [str(place % 100) for place in range(1, len(columns) + 1)]
    yield " " * label + "".join(name.rjust(size) for name in columns)
    for name, texts in zip(rows, full, strict=True):
        yield name.rjust(label) + "".join(text.rjust(size) for text in texts)
    yield f"{SHADES[1:]} to {largest:.2f}; + earned, - lost"


def _full(cell: float | None, largest: float) -> str:
    return MISSING if cell is None else f"{cell:+.0f}{_shade(cell, largest)}"


def _short(cell: float | None, largest: float) -> str:
    return MISSING if cell is None else f"{'-' if cell < 0 else '+'}{_shade(cell, largest)}"


def _shade(cell: float, largest: float) -> str:
    if cell == 0 or largest == 0:
        return SHADES[0]
    steps = len(SHADES) - 1
    return SHADES[min(steps, 1 + int(steps * abs(cell) / largest))]
