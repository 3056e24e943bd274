"""One line for somebody who sees this screen for the first time."""

from typing import Final

from polyterm.console.view.cells import Cell, Item, Line, joined, length

# From the longest to the shortest.
_SENTENCES: Final = (
    "New here? Prices on top, who earns left, who opposes whom right, below what happened, what is open; * is stale.",
    "New here? Prices on top, who earns left, who opposes whom right, what is open below it.",
    "New? Left: who earns. Right: who opposes whom.",
)
_ALL: Final = 1000
_HOW_ON: Final = (
    Item(1, (Cell("?", "accent"), Cell(" explains"))),
    Item(2, (Cell("esc", "accent"), Cell(" hides this"))),
)


def tour(width: int) -> Line:
    """What stands where, in as many words as there is room for; how to learn more; how to be rid of the line."""
    lines = [(Cell(" "), *joined((Item(0, (Cell(sentence),)), *_HOW_ON), _ALL)) for sentence in _SENTENCES]
    return next((line for line in lines if length(line) < width), lines[-1])
