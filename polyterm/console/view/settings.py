"""The settings that the engine runs with, and where each was said."""

from collections.abc import Iterator, Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Line, Role, Row, laid_out, wrapped
from polyterm.core.details import Origin, SettingLine, SettingsAnswer

COLUMNS: Final = (
    ColumnSpec("name", "Settings", 26, 100, "left"),
    ColumnSpec("origin", "from", 11, 90, "left"),
    ColumnSpec("value", "value", 30, 95, "left", grow=400),
)
_ROLES: Final[dict[Origin, Role]] = {"default": "muted"}


def setting_rows(answer: SettingsAnswer, columns: Sequence[Column]) -> tuple[Row, ...]:
    """The file, then one row a setting."""
    width = sum(column.width + 1 for column in columns) - 1
    return (*_file_rows(answer, width), *(_row(line, columns) for line in answer.lines))


def _file_rows(answer: SettingsAnswer, width: int) -> Iterator[Row]:
    state = "is read at the start" if answer.found else "is not there: write it to change what follows"
    for place, line in enumerate(wrapped(f"{answer.file} {state}. Secrets are never shown.", width)):
        yield Row(f"file {place}", lambda line=line: line)  # type: ignore[misc]


def _row(line: SettingLine, columns: Sequence[Column]) -> Row:
    role = _ROLES.get(line.origin, "")
    cells = {"name": Cell(line.name, role), "origin": Cell(line.origin, "muted"), "value": Cell(line.value, role)}
    return Row(line.name, lambda: _laid_out(cells, columns))


def _laid_out(cells: dict[str, Cell], columns: Sequence[Column]) -> Line:
    return laid_out([cells[column.key] for column in columns], columns)


def no_settings(view: View, problem: str) -> str:
    if problem:
        return problem
    return "The engine's settings appear here once it has been reached." if view.lost else "The engine is asked …"
