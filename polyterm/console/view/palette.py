"""What the palette lists: the actions that can act, those first whose names match best."""

from collections.abc import Sequence
from typing import Final

from polyterm.console.actions import Action, key_names
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Row, laid_out

COLUMNS: Final = (
    ColumnSpec("name", "do", 36, 100, "left", grow=20),
    ColumnSpec("keys", "key", 12, 90, "left"),
)


def matching(actions: Sequence[Action], words: str) -> tuple[Action, ...]:
    """Those whose name has all the words or, failing that, all the letters in their order."""
    wanted = words.casefold().split()
    named = [action for action in actions if action.name]
    by_words = [action for action in named if all(word in action.name.casefold() for word in wanted)]
    if by_words:
        return tuple(by_words)
    return tuple(action for action in named if _has_letters(action.name.casefold(), "".join(wanted)))


def _has_letters(name: str, letters: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)


def palette_rows(actions: Sequence[Action], columns: Sequence[Column]) -> tuple[Row, ...]:
    return tuple(_row(action, columns) for action in actions)


def _row(action: Action, columns: Sequence[Column]) -> Row:
    cells = (Cell(action.name, "danger" if action.id == "kill" else ""), Cell(key_names(action), "accent"))
    return Row(action.id, lambda: laid_out(cells, columns))
