"""The one table of keys. Bindings, footer, help, palette and README are made from it, so none of them can disagree.

Capitals act everywhere. Nothing is bound to lower-case ``k`` or ``p``, so that Caps Lock can neither kill nor pause.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, Protocol, runtime_checkable

import msgspec
from textual.binding import Binding

Scope = Literal[
    "everywhere",
    "panes",
    "rows",
    "table",
    "filtered",
    "leaderboard",
    "heatmap",
    "question",
    "palette",
    "ticks",
    "detail",
    "strategy",
    "window",
    "themes",
    "replay",
]


class Action(msgspec.Struct, frozen=True):
    """``run`` is Textual's action string; ``label`` is the footer's word, empty when the footer leaves it out.

    An action without ``help`` of its own shares the help of the one before it. An action with a ``name`` is in the
    palette under it wherever it can act.
    """

    id: str
    keys: tuple[str, ...]
    run: str
    label: str
    help: str
    scope: Scope
    name: str = ""


ACTIONS: Final = (
    Action(
        "kill",
        ("K", "ctrl+k"),
        "app.kill",
        "KILL",
        "kill at once, whatever is on the screen: no entries, no exits; open positions settle",
        "everywhere",
        "Kill: no entries, no exits",
    ),
    Action(
        "pause",
        ("P",),
        "app.pause",
        "pause",
        "pause entries (exits go on), or resume",
        "everywhere",
        "Pause entries, or resume",
    ),
    Action("resume", ("R",), "app.resume", "", "resume after a kill; asks first", "everywhere", "Resume after a kill"),
    Action(
        "help",
        ("question_mark",),
        "app.help",
        "help",
        "help: every key and every word; again to close it",
        "everywhere",
        "Help",
    ),
    Action(
        "palette",
        ("colon", "ctrl+p"),
        "app.palette",
        "palette",
        "palette: everything that can be done here, by its name",
        "everywhere",
    ),
    Action("quit", ("q", "ctrl+q", "ctrl+c"), "app.quit", "quit", "quit", "everywhere", "Quit"),
    Action(
        "play",
        ("space",),
        "app.playback('toggle')",
        "play",
        "in a replay: stop playing, or go on; trading has keys of its own",
        "replay",
        "Replay: stop, or go on",
    ),
    Action(
        "play_faster",
        ("plus", "equals_sign"),
        "app.playback('faster')",
        "faster",
        "in a replay: faster, slower; 1× to 1000×",
        "replay",
        "Replay: faster",
    ),
    Action("play_slower", ("minus",), "app.playback('slower')", "slower", "", "replay", "Replay: slower"),
    Action(
        "play_tick",
        ("full_stop",),
        "app.playback('tick')",
        "step",
        "in a replay: stop and step to the next tick, to the next second",
        "replay",
        "Replay: next tick",
    ),
    Action("play_second", ("semicolon",), "app.playback('second')", "", "", "replay", "Replay: next second"),
    Action(
        "play_next",
        ("right_curly_bracket",),
        "app.playback('next')",
        "window",
        "in a replay: next window, the one before; going back undoes K and P",
        "replay",
        "Replay: next window",
    ),
    Action("play_previous", ("left_curly_bracket",), "app.playback('previous')", "", "", "replay", "Replay: back"),
    Action(
        "freeze",
        ("f",),
        "app.freeze",
        "freeze",
        "freeze the view to read it, or let it go on; the engine goes on in any case",
        "everywhere",
        "Freeze the view, or let it go on",
    ),
    Action("zoom", ("z",), "zoom", "zoom", "the pane over the whole screen, or back", "panes", "Maximise the pane"),
    Action(
        "filter",
        ("slash",),
        "filter",
        "filter",
        "filter strategies or events by their words; in a text field only ctrl keys act",
        "filtered",
        "Filter",
    ),
    Action(
        "theme",
        ("t",),
        "app.choose_theme",
        "theme",
        "choose a theme; t or arrows: the next; enter keeps it, esc does not",
        "everywhere",
        "Choose a theme",
    ),
    Action("theme_next", ("t",), "next", "", "", "themes"),
    Action("theme_keep", ("enter",), "keep", "", "", "themes"),
    Action("theme_take_back", ("escape",), "take_back", "", "", "themes"),
    Action("next_pane", ("tab",), "next_pane(1)", "pane", "next pane, previous pane; the mouse does it too", "panes"),
    Action("previous_pane", ("shift+tab",), "next_pane(-1)", "", "", "panes"),
    Action(
        "pane_ticks", ("1",), "pane('ticks')", "", "the pane of ticks, leaderboard, conflicts", "panes", "Pane: ticks"
    ),
    Action("pane_leaderboard", ("2",), "pane('leaderboard')", "", "", "panes", "Pane: leaderboard"),
    Action("pane_conflicts", ("3",), "pane('conflicts')", "", "", "panes", "Pane: conflicts"),
    Action(
        "pane_positions",
        ("4",),
        "pane('positions')",
        "",
        "the pane of positions, of events; all feeds",
        "panes",
        "Pane: positions",
    ),
    Action("pane_events", ("5",), "pane('events')", "", "", "panes", "Pane: events"),
    Action("pane_feeds", ("6",), "app.show_feeds", "", "", "panes", "Pane: feeds"),
    Action(
        "screenshot",
        ("s",),
        "app.picture(False)",
        "",
        "picture of the screen as an SVG file; S without dollars",
        "everywhere",
        "Screenshot",
    ),
    Action("masked_screenshot", ("S",), "app.picture(True)", "", "", "everywhere", "Screenshot without dollars"),
    Action(
        "copy", ("c",), "app.copy", "copy", "copy the row under the cursor to the clipboard", "rows", "Copy the row"
    ),
    Action(
        "export",
        ("e",),
        "app.export",
        "export",
        "export the pane's rows, in their order, to a CSV file",
        "rows",
        "Export the pane's rows (CSV)",
    ),
    Action(
        "dismiss",
        ("escape",),
        "app.dismiss",
        "",
        "close what is open; put a message or the receipt of a kill away",
        "everywhere",
        "Put messages away",
    ),
    Action("row_up", ("up",), "cursor(-1)", "", "row up, row down", "table"),
    Action("row_down", ("down",), "cursor(1)", "", "", "table"),
    Action("page_up", ("pageup",), "page(-1)", "", "page up, page down, first row, last row", "table"),
    Action("page_down", ("pagedown",), "page(1)", "", "", "table"),
    Action("first_row", ("home",), "edge(-1)", "", "", "table"),
    Action("last_row", ("end",), "edge(1)", "", "", "table"),
    Action("left_pane", ("left",), "screen.next_pane(-1)", "", "previous pane, next pane", "table"),
    Action("right_pane", ("right",), "screen.next_pane(1)", "", "", "table"),
    Action(
        "turn_on",
        ("right_square_bracket",),
        "turn(1)",
        "",
        "other strategy figures; other events",
        "filtered",
        "Other figures, other events",
    ),
    Action("turn_back", ("left_square_bracket",), "turn(-1)", "", "", "filtered"),
    Action("ticks_turn", ("right_square_bracket",), "turn(1)", "", "in the ticks: book or inputs first", "ticks"),
    Action("ticks_turn_back", ("left_square_bracket",), "turn(-1)", "", "", "ticks"),
    Action(
        "sort_on",
        ("greater_than_sign",),
        "sort(1)",
        "",
        "in the leaderboard: sort by another column",
        "leaderboard",
        "Sort by another column",
    ),
    Action("sort_back", ("less_than_sign",), "sort(-1)", "", "", "leaderboard"),
    Action(
        "reverse",
        ("r",),
        "reverse",
        "",
        "in the leaderboard: the other way round",
        "leaderboard",
        "Sort the other way round",
    ),
    Action(
        "heat_turn",
        ("right_square_bracket",),
        "turn(1)",
        "",
        "in the conflicts: strategies or camps",
        "heatmap",
        "Conflicts of strategies or of camps",
    ),
    Action("heat_turn_back", ("left_square_bracket",), "turn(-1)", "", "", "heatmap"),
    Action("heat_up", ("up",), "move(-1, 0)", "", "in the conflicts: strategy above, below", "heatmap"),
    Action("heat_down", ("down",), "move(1, 0)", "", "", "heatmap"),
    Action("heat_left", ("left",), "move(0, -1)", "", "in the conflicts: the one to compare with", "heatmap"),
    Action("heat_right", ("right",), "move(0, 1)", "", "", "heatmap"),
    Action(
        "open_strategy",
        ("enter",),
        "app.show_strategy",
        "open",
        "in the leaderboard: the strategy in full, its rule and why it waits",
        "leaderboard",
        "Strategy in full: its rule, its record and why",
    ),
    Action(
        "open_window",
        ("enter",),
        "app.show_window",
        "",
        "in the ticks: the window in full, and those before it",
        "ticks",
        "Window in full, and those before it",
    ),
    Action(
        "feeds",
        ("F",),
        "app.show_feeds",
        "",
        "feeds in full: rates, round trips, gaps, last trouble; settings of the engine",
        "everywhere",
        "Feeds in full",
    ),
    Action("settings", ("comma",), "app.show_settings", "", "", "everywhere", "Settings of the engine"),
    Action("detail_on", ("tab",), "next_pane(1)", "pane", "in a strategy or a window: panes in turn", "detail"),
    Action("detail_back", ("shift+tab",), "next_pane(-1)", "", "", "detail"),
    Action("page_on", ("right_square_bracket",), "screen.page(1)", "pages", "in a strategy: other pages", "strategy"),
    Action("page_back", ("left_square_bracket",), "screen.page(-1)", "", "", "strategy"),
    Action(
        "period_on",
        ("greater_than_sign",),
        "screen.period(1)",
        "period",
        "in a strategy: trades of another period",
        "strategy",
    ),
    Action("period_back", ("less_than_sign",), "screen.period(-1)", "", "", "strategy"),
    Action("coin_on", ("right_square_bracket",), "screen.coin(1)", "coin", "in a window: other coin", "window"),
    Action("coin_back", ("left_square_bracket",), "screen.coin(-1)", "", "", "window"),
    Action("yes", ("y",), "yes", "", "answer a question: yes (esc: no)", "question"),
    Action("choice_up", ("up",), "choose(-1)", "", "in the palette: entry above, below; do it", "palette"),
    Action("choice_down", ("down",), "choose(1)", "", "", "palette"),
    Action("do_it", ("enter",), "do", "", "", "palette"),
)

KEY_NAMES: Final = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "comma": ",",
    "full_stop": ".",
    "semicolon": ";",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "enter": "⏎",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


_OPEN_A_FIELD: Final = ("filter", "palette")


@runtime_checkable
class Keyed(Protocol):
    """An application with a table of its own, in which keys have been changed."""

    actions: tuple[Action, ...]


def actions_of(app: object) -> tuple[Action, ...]:
    return app.actions if isinstance(app, Keyed) else ACTIONS


def key_name(key: str) -> str:
    return KEY_NAMES.get(key, key)


def key_names(action: Action) -> str:
    return " ".join(key_name(key) for key in action.keys)


def explained(actions: Sequence[Action] = ACTIONS) -> Iterator[tuple[tuple[Action, ...], str]]:
    """Actions that share a help, and that help."""
    together: list[Action] = []
    for action in actions:
        if action.help and together:
            yield tuple(together), together[0].help
            together.clear()
        together.append(action)
    yield tuple(together), together[0].help


def binding_id(action: Action, *, control: bool) -> str:
    return f"{action.id}.control" if control else action.id


def bindings(scope: Scope) -> list[Binding]:
    """A control key that acts everywhere comes before whatever has focus; a plain character is text in a text field.

    What opens a text field acts before the next key is looked at, however fast it was typed: a K must be text by then.
    """
    return [
        Binding(
            key,
            action.run,
            action.label,
            priority=action.id in _OPEN_A_FIELD or is_control(action, key),
            id=binding_id(action, control=is_control(action, key)),
        )
        for action in ACTIONS
        for key in action.keys
        if action.scope == scope
    ]


def is_control(action: Action, key: str) -> bool:
    """A key that acts even in a text field."""
    return action.scope == "everywhere" and key.startswith("ctrl+")
