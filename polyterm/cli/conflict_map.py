"""Strategies against strategies, readable without colour: how often two of them took opposite sides."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

NEVER: Final = "·"
ALWAYS: Final = "#"
ITSELF: Final = "\\"
LABEL_LEAST: Final = 12

Share = Callable[[str, str], float | None]


def conflict_map(names: Sequence[str], share: Share, width: int) -> Iterator[str]:
    """A map of ``names`` against themselves within ``width``, in several parts where that is too narrow.

    ``share`` is of the meetings of two, None when they never met. Cells are percent, where there is no room for that
    tens of percent.
    """
    if not names:
        return
    label = max(map(len, names))
    digits = len(str(len(names)))
    cell = 4 if digits + 1 + label + 4 * len(names) <= width else 1
    label = min(label, max(LABEL_LEAST, width - digits - 2 - cell * len(names)))
    room = max(1, (width - digits - 2 - label) // cell)
    for first in range(0, len(names), room):
        columns = range(first, min(len(names), first + room))
        yield from _heads(columns, " " * (digits + 1 + label), cell)
        for row, name in enumerate(names):
            cells = (_cell(row, column, names, share, cell) for column in columns)
            yield f"{row + 1:>{digits}} {name[:label]:<{label}}{'' if cell > 1 else ' '}{''.join(cells)}"
    scale = "percent" if cell > 1 else f"tens of percent, {ALWAYS} always"
    yield f"in conflict: {scale}; {NEVER} never met, {ITSELF} itself"


def _heads(columns: Sequence[int], indent: str, cell: int) -> Iterator[str]:
    """Numbers of columns; of narrow ones the tens stand above the ones."""
    if cell > 1:
        yield indent + "".join(f"{column + 1:>{cell}}" for column in columns)
        return
    yield f"{indent} " + "".join(str((column + 1) // 10) if (column + 1) % 10 == 0 else " " for column in columns)
    yield f"{indent} " + "".join(str((column + 1) % 10) for column in columns)


def _cell(row: int, column: int, names: Sequence[str], share: Share, cell: int) -> str:
    if row == column:
        return ITSELF.rjust(cell)
    found = share(names[row], names[column])
    if found is None:
        return NEVER.rjust(cell)
    if cell > 1:
        return f"{100 * found:.0f}".rjust(cell)
    return ALWAYS if found == 1 else str(int(10 * found))
