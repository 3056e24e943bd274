"""Sentences and paragraphs as lines of a given width."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from polyterm.console.view.cells import Cell, Line, Role, Row, printable


def paragraphs(text: str, width: int, role: Role = "", indent: int = 1) -> Iterator[Line]:
    """``text`` broken at words; an empty line between its paragraphs, as in the text."""
    for place, paragraph in enumerate(text.replace("``", "").split("\n\n")):
        if place:
            yield ()
        yield from filled(paragraph, width, role, indent)


def filled(sentence: str, width: int, role: Role = "", indent: int = 1, hanging: int = 0) -> Iterator[Line]:
    """One paragraph; from its second line on it stands ``hanging`` cells further in."""
    line, room = "", max(10, width - indent)
    for word in printable(sentence).split():
        if line and cell_len(line) + 1 + cell_len(word) > room:
            yield (Cell(" " * indent + line, role),)
            line = " " * hanging + word
        else:
            line = f"{line} {word}" if line else word
    if line:
        yield (Cell(" " * indent + line, role),)


def as_rows(lines: Sequence[Line]) -> tuple[Row, ...]:
    """Lines that can be scrolled through; they are known by their places."""
    return tuple(Row(str(place), lambda line=line: line) for place, line in enumerate(lines))  # type: ignore[misc]
