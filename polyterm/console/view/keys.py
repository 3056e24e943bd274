"""The footer's line and the help screen's rows, both made from the table of actions."""

from collections.abc import Sequence
from typing import Final

from polyterm.console.actions import ACTIONS, Action, Scope, explained, key_name, key_names
from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Item, Line, Row, joined
from polyterm.console.view.words import WORDS, explaining

HELP_COLUMNS: Final = (
    ColumnSpec("keys", "Help", 18, 100, "left"),
    ColumnSpec("meaning", "what it does, and what the words mean", 40, 90, "left", grow=400),
)

FOOTER_SCOPES: Final = ("everywhere", "replay", "panes", "rows", "filtered", "leaderboard", "heatmap", "ticks")
GAP: Final = 2


def footer(view: View, quit_note: str, width: int, actions: Sequence[Action] = ACTIONS) -> Line:
    shown = [action for action in actions if action.label and action.scope in FOOTER_SCOPES]
    items = [Item(len(shown) - place, _key(action, view)) for place, action in enumerate(shown)]
    note = [Item(0, (Cell(quit_note, "muted"),))] if quit_note else []
    return (Cell(" "), *joined([*items, *note], width - 1, GAP))


def pressed(line: Line, x: int, actions: Sequence[Action]) -> Action | None:
    """The action whose key or word stands at that place of a footer."""
    text = "".join(cell.text for cell in line)
    for action in actions:
        if not action.label and action.id != "dismiss":
            continue
        start = text.find(f" {key_name(action.keys[0])} ")
        end = text.find(" " * GAP, start + 1)
        if 0 <= start < x < (end if end >= 0 else len(text)):
            return action
    return None


def detail_footer(view: View, actions: Sequence[Action], scope: Scope, width: int) -> Line:
    """On a screen that escape closes: what stops the engine, the way back, and the keys of ``scope``."""
    by_id = {action.id: action for action in actions}
    back = (Cell(key_names(by_id["dismiss"]), "accent"), Cell(" back"))
    lines = [_key(by_id["kill"], view), _key(by_id["pause"], view), back]
    scopes = {scope, "detail"} if scope != "detail" else set()
    lines += [_key(action, view) for action in actions if action.scope in scopes and action.label]
    lines.append(_key(by_id["help"], view))
    items = [Item(len(lines) - place, line) for place, line in enumerate(lines)]
    return (Cell(" "), *joined(items, width - 1))


def _key(action: Action, view: View) -> Line:
    label, key = action.label, key_name(action.keys[0])
    if action.id == "kill":
        return (Cell(key, "danger"), Cell(f" {label}"))
    state = view.live.trading_state
    if action.id == "pause" and state == "KILLED":
        return (Cell(f"{key} {label}", "stale"),)
    if action.id == "pause" and state == "PAUSED":
        label = "resume"
    if action.id == "freeze" and view.frozen_s is not None:
        label = "unfreeze"
    playback = None if view.live.status is None else view.live.status.playback
    if action.id == "play" and playback is not None and not playback.paused:
        label = "stop"
    return (Cell(key, "accent"), Cell(f" {label}"))


def help_rows(quit_note: str, columns: Sequence[Column], actions: Sequence[Action] = ACTIONS) -> tuple[Row, ...]:
    """Every bound key, then the words."""
    rows: list[Row] = []
    for together, what in explained(actions):
        note = f": {quit_note}" if together[0].id == "quit" and quit_note else ""
        keys = " ".join(dict.fromkeys(" ".join(map(key_names, together)).split()))
        rows += explaining(Cell(keys, "accent"), what + note, columns)
    for word, meaning in WORDS:
        rows += explaining(Cell(word, "strong"), meaning, columns)
    return tuple(rows)
