"""Styled text: a cell is text with a role, a line is cells side by side, a row is a line that has an identity."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, get_args

import msgspec
from rich.cells import cell_len, set_cell_size

from polyterm.console.layout import Align, Column, widest

Role = Literal[
    "",
    "strong",
    "muted",
    "heading",
    "accent",
    "up",
    "down",
    "flat",
    "stale",
    "warn",
    "danger",
    "badge-running",
    "badge-paused",
    "badge-killed",
    "badge-lost",
    "badge-frozen",
    "heat-0",
    "heat-1",
    "heat-2",
    "heat-3",
    "heat-4",
    "heat-ink",
    "heat-cursor",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
HEAT: Final[tuple[Role, ...]] = ("heat-0", "heat-1", "heat-2", "heat-3", "heat-4")


class Cell(msgspec.Struct, frozen=True):
    text: str
    role: Role = ""


Line = tuple[Cell, ...]


class Row:
    """``key`` is what the row is about; a cursor follows it when rows change places.

    Its cells are laid out when they are first looked at: most rows of a long table never are.
    """

    __slots__ = ("_cells", "_lay_out", "key")

    def __init__(self, key: str, lay_out: Callable[[], Line]) -> None:
        self.key = key
        self._lay_out = lay_out
        self._cells: Line | None = None

    @property
    def cells(self) -> Line:
        if self._cells is None:
            self._cells = self._lay_out()
        return self._cells


def printable(text: str) -> str:
    """Control characters in a name or a venue's message must never reach the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def sized(text: str, width: int, align: Align = "left") -> str:
    """``text`` in exactly ``width`` terminal cells; what does not fit ends in an ellipsis."""
    text = printable(text)
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    return " " * (width - length) + text if align == "right" else text + " " * (width - length)


def short_name(name: str, width: int) -> str:
    """A family's strategies differ in their tails, so its name shrinks to initials before the tail is cut."""
    family, underscore, tail = name.partition("_")
    if len(name) > width and underscore:
        name = "".join(char for char in family if char.isupper()) + underscore + tail
    return sized(name, width).rstrip()


def laid_out(cells: Sequence[Cell], columns: Sequence[Column]) -> Line:
    """Cells padded to their columns, with a gap of one cell after each but the last; neighbours of one role are one.

    The fewer pieces a line has, the less there is to paint and to send to the terminal.
    """
    line: list[Cell] = []
    last = len(columns) - 1
    for place, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        text = sized(cell.text, column.width, column.align)
        if place < last:
            text += " "
        if line and line[-1].role == cell.role:
            line[-1] = Cell(line[-1].text + text, cell.role)
        else:
            line.append(Cell(text, cell.role))
    return tuple(line)


def length(line: Iterable[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in line)


class Item(msgspec.Struct, frozen=True):
    """A piece of a one-line strip; the lowest ``rank`` leaves first when the line is too narrow."""

    rank: int
    line: Line


def joined(items: Sequence[Item], width: int, gap: int = 2) -> Line:
    """The items that fit, side by side. The most valuable is cut rather than lost."""
    kept = widest([(item.rank, length(item.line)) for item in items], width, gap)
    if not kept and items:
        return cut(max(items, key=lambda item: item.rank).line, width)
    line: list[Cell] = []
    for place, index in enumerate(kept):
        if place:
            line.append(Cell(" " * gap))
        line.extend(items[index].line)
    return tuple(line)


def cut(line: Line, width: int) -> Line:
    """The line in at most ``width`` cells, ending in an ellipsis when something was left out."""
    out: list[Cell] = []
    for cell in line:
        room = width - length(out)
        text = printable(cell.text)
        if cell_len(text) > room:
            out.append(Cell(sized(text, room), cell.role))
            break
        out.append(Cell(text, cell.role))
    return tuple(out)


def dimmed(line: Line) -> Line:
    """The line as it looks while nothing newer can come."""
    return tuple(Cell(cell.text, "stale") for cell in line)


def wrapped(sentence: str, width: int) -> list[Line]:
    """The sentence broken at words, as quiet text with a margin of one cell."""
    texts = [""]
    for word in sentence.split():
        if texts[-1] and len(texts[-1]) + 1 + len(word) > width - 1:
            texts.append("")
        texts[-1] += f" {word}"
    return [(Cell(sized(text, width), "muted"),) for text in texts]
