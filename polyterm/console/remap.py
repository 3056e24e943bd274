"""Keys of the operator's own: ``[console.keys]`` of the config file, and movement as in vi.

``K``, ``ctrl+k`` and ``P`` stay what they are: whoever sits down at any console must be able to stop it.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from textual.keys import Keys

from polyterm.console.actions import ACTIONS, KEY_NAMES, Action, Scope, binding_id, is_control, key_name
from polyterm.errors import ConfigError

FIXED: Final = ("kill", "pause")
VI: Final[Mapping[str, tuple[str, ...]]] = {
    "row_up": ("up", "k"),
    "row_down": ("down", "j"),
    "page_up": ("pageup", "ctrl+u"),
    "page_down": ("pagedown", "ctrl+d"),
    "first_row": ("home", "g"),
    "last_row": ("end", "G"),
    "left_pane": ("left", "h"),
    "right_pane": ("right", "l"),
    "heat_up": ("up", "k"),
    "heat_down": ("down", "j"),
    "heat_left": ("left", "h"),
    "heat_right": ("right", "l"),
}
# Scopes whose keys are asked for at the same time.
_TOGETHER: Final[tuple[frozenset[Scope], ...]] = (
    frozenset(("everywhere", "panes", "rows", "table", "filtered", "leaderboard")),
    frozenset(("everywhere", "panes", "rows", "table", "ticks")),
    frozenset(("everywhere", "rows", "table", "detail", "strategy")),
    frozenset(("everywhere", "rows", "table", "detail", "window")),
    frozenset(("everywhere", "panes", "rows", "heatmap")),
    frozenset(("everywhere", "question")),
    frozenset(("everywhere", "palette")),
)
_SPELT: Final = {name: key for key, name in KEY_NAMES.items()}
_KNOWN: Final = {key.value for key in Keys} | set(KEY_NAMES) | {"space"}


def remapped(
    keys: Mapping[str, Sequence[str]], *, vi: bool = False, actions: Sequence[Action] = ACTIONS
) -> tuple[Action, ...]:
    """The table with other keys for the actions named in ``keys``; control keys that act everywhere stay.

    Raises:
        ConfigError: an action or a key is unknown, or a key already means something else in the same place.
    """
    wanted = {**(VI if vi else {}), **{name: tuple(map(_spelt, given)) for name, given in keys.items()}}
    by_id = {action.id: action for action in actions}
    for name, given in wanted.items():
        if name not in by_id:
            raise ConfigError(f"The setting console.keys.{name} names no action: {_nearest(name, by_id)}")
        if name in FIXED:
            raise ConfigError(f"The setting console.keys.{name} is not valid: K kills and P pauses on every console.")
        if not given:
            raise ConfigError(f"The setting console.keys.{name} has no key: name one.")
        for key in given:
            _check(name, key)
    table = tuple(_with_keys(action, wanted.get(action.id)) for action in actions)
    for name in wanted:
        changed = next(action for action in table if action.id == name)
        _refuse_collisions(changed, [action for action in table if action is not changed])
    return table


def keymap(actions: Iterable[Action]) -> dict[str, str]:
    """What Textual needs to know of a changed table: the plain keys of each action that has others by default."""
    default = {action.id: action for action in ACTIONS}
    return {
        binding_id(action, control=False): ",".join(_plain(action))
        for action in actions
        if _plain(action) and action.keys != default[action.id].keys
    }


def _plain(action: Action) -> list[str]:
    return [key for key in action.keys if not is_control(action, key)]


def _with_keys(action: Action, given: tuple[str, ...] | None) -> Action:
    if given is None:
        return action
    kept = tuple(key for key in action.keys if is_control(action, key) and key not in given)
    return msgspec.structs.replace(action, keys=(*given, *kept))


def _spelt(key: str) -> str:
    """``?`` as Textual calls it."""
    return _SPELT.get(key, key)


def _check(name: str, key: str) -> None:
    base = key
    for modifier in ("ctrl+", "alt+", "shift+"):
        base = base.removeprefix(modifier)
    if len(base) != 1 and key not in _KNOWN and base not in _KNOWN:
        near = difflib.get_close_matches(key, _KNOWN, n=1)
        advice = f"did you mean {near[0]!r}?" if near else "write a character, or a name such as 'ctrl+g' or 'f2'."
        raise ConfigError(f"The setting console.keys.{name} has an unknown key {key!r}: {advice}")


def _refuse_collisions(changed: Action, others: Iterable[Action]) -> None:
    for other in others:
        for key in sorted(set(changed.keys) & set(other.keys)):
            if any({changed.scope, other.scope} - {"replay"} <= together for together in _TOGETHER):
                why = f"{key_name(key)} already means {other.id!r}"
                advice = "choose another" if other.id in FIXED else f"choose another, or give {other.id!r} one as well"
                raise ConfigError(f"The setting console.keys.{changed.id} is not valid: {why}; {advice}.")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"did you mean {near[0]!r}?"
