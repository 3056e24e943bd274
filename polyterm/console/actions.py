"""The one table of keys. Bindings, footer and help are made from it, so none of them can disagree.

Capitals act everywhere. Nothing is bound to lower-case ``k`` or ``p``, so that Caps Lock can neither kill nor pause.
"""

from typing import Final, Literal

import msgspec
from textual.binding import Binding

Scope = Literal["everywhere", "panes", "table", "filtered", "leaderboard", "heatmap"]


class Action(msgspec.Struct, frozen=True):
    """``run`` is Textual's action string; ``label`` is the footer's word, empty when the footer leaves it out.

    An action without ``help`` of its own shares the help of the one before it.
    """

    id: str
    keys: tuple[str, ...]
    run: str
    label: str
    help: str
    scope: Scope


ACTIONS: Final = (
    Action(
        "kill",
        ("K", "ctrl+k"),
        "app.kill",
        "KILL",
        "kill at once: no entries, no exits; open positions settle",
        "everywhere",
    ),
    Action("pause", ("P",), "app.pause", "pause", "pause entries (exits go on), or resume", "everywhere"),
    Action("next_theme", ("t",), "app.next_theme", "theme", "next theme", "everywhere"),
    Action("next_pane", ("tab",), "app.focus_next", "pane", "next pane, previous pane", "panes"),
    Action("previous_pane", ("shift+tab",), "app.focus_previous", "", "", "panes"),
    Action("help", ("question_mark",), "app.help", "help", "this help; again to close it", "everywhere"),
    Action("dismiss", ("escape",), "app.dismiss", "", "close help; put a message away", "everywhere"),
    Action("quit", ("q", "ctrl+q", "ctrl+c"), "app.quit", "quit", "quit", "everywhere"),
    Action("row_up", ("up",), "cursor(-1)", "", "row up, row down", "table"),
    Action("row_down", ("down",), "cursor(1)", "", "", "table"),
    Action("page_up", ("pageup",), "page(-1)", "", "page up, page down, first row, last row", "table"),
    Action("page_down", ("pagedown",), "page(1)", "", "", "table"),
    Action("first_row", ("home",), "edge(-1)", "", "", "table"),
    Action("last_row", ("end",), "edge(1)", "", "", "table"),
    Action("left_pane", ("left",), "app.focus_previous", "", "previous pane, next pane", "table"),
    Action("right_pane", ("right",), "app.focus_next", "", "", "table"),
    Action("filter", ("slash",), "filter", "filter", "filter strategies or events by their words", "filtered"),
    Action("turn_on", ("right_square_bracket",), "turn(1)", "", "other strategy figures; other events", "filtered"),
    Action("turn_back", ("left_square_bracket",), "turn(-1)", "", "", "filtered"),
    Action(
        "sort_on", ("greater_than_sign",), "sort(1)", "", "in the leaderboard: sort by another column", "leaderboard"
    ),
    Action("sort_back", ("less_than_sign",), "sort(-1)", "", "", "leaderboard"),
    Action("reverse", ("r",), "reverse", "", "in the leaderboard: the other way round", "leaderboard"),
    Action("heat_turn", ("right_square_bracket",), "turn(1)", "", "in the conflicts: strategies or camps", "heatmap"),
    Action("heat_turn_back", ("left_square_bracket",), "turn(-1)", "", "", "heatmap"),
    Action("heat_up", ("up",), "move(-1, 0)", "", "in the conflicts: strategy above, below", "heatmap"),
    Action("heat_down", ("down",), "move(1, 0)", "", "", "heatmap"),
    Action("heat_left", ("left",), "move(0, -1)", "", "in the conflicts: the one to compare with", "heatmap"),
    Action("heat_right", ("right",), "move(0, 1)", "", "", "heatmap"),
)

_KEY_NAMES: Final = {
    "question_mark": "?",
    "slash": "/",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


def key_name(key: str) -> str:
    return _KEY_NAMES.get(key, key)


def key_names(action: Action) -> str:
    return " ".join(key_name(key) for key in action.keys)


def bindings(scope: Scope) -> list[Binding]:
    """A control key that acts everywhere comes before whatever has focus; a plain character is text in a text field.

    What opens a text field acts before the next key is looked at, however fast it was typed: a K must be text by then.
    """
    return [
        Binding(
            key,
            action.run,
            action.label,
            priority=action.id == "filter" or (scope == "everywhere" and key.startswith("ctrl+")),
        )
        for action in ACTIONS
        for key in action.keys
        if action.scope == scope
    ]
