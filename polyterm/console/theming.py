"""Themes: TOML files that give roles their colours. They come with polyterm and from the user's ``themes`` folder.

A role says what a colour means (up, stale, danger …), never what it looks like. A file that is broken or incomplete is
left out with a notice that names the file, the key and what to do.
"""

import difflib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from polyterm.errors import ConfigError

HEAT_STEPS: Final = 5
FALLBACK: Final = "dark"
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """Colours as ``#rrggbb``; ``heat`` runs from never to always, ``panel`` is behind headings and the footer."""

    background: str
    panel: str
    border: str
    text: str
    muted: str
    accent: str
    up: str
    down: str
    flat: str
    stale: str
    warn: str
    danger: str
    cursor: str
    heat: tuple[str, ...]


class Theme(msgspec.Struct, frozen=True):
    name: str
    dark: bool
    roles: Roles


class Themes(msgspec.Struct, frozen=True):
    """Every usable theme by name, and a sentence for each file that is not usable, by the name it would have had."""

    themes: tuple[Theme, ...]
    problems: dict[str, str]


class _UnusableError(Exception):
    """The message is the part of the sentence after the file's name."""


def shipped_folder() -> Path:
    """Inside the installed package, or the repository's own ``themes``."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "themes"
    return installed if installed.is_dir() else package.parent / "themes"


def find_themes(user_folder: Path | None = None, shipped: Path | None = None) -> Themes:
    """All themes, by name; a user's theme replaces one of the same name that comes with polyterm.

    Raises:
        ConfigError: when the theme that everything falls back to is itself unusable.
    """
    themes: dict[str, Theme] = {}
    problems: dict[str, str] = {}
    for folder in (shipped or shipped_folder(), user_folder):
        if folder is None or not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.toml")):
            try:
                themes[path.stem] = _read(path)
            except _UnusableError as problem:
                problems[path.stem] = f"The theme file {path} {problem}"
    if FALLBACK not in themes:
        raise ConfigError(problems.get(FALLBACK, f"The theme {FALLBACK!r} is missing: install polyterm again."))
    return Themes(tuple(themes[name] for name in sorted(themes)), problems)


def choose(found: Themes, name: str) -> Theme:
    """The theme of that name, or the fallback when its file is unusable (``found.problems`` says why).

    Raises:
        ConfigError: there is no such theme.
    """
    by_name = {theme.name: theme for theme in found.themes}
    if name in by_name:
        return by_name[name]
    if name in found.problems:
        return by_name[FALLBACK]
    near = difflib.get_close_matches(name, by_name, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(by_name))}."
    raise ConfigError(f"There is no theme {name!r}: {advice}")


def still_there(found: Themes, remembered: str | None) -> str | None:
    """A theme that was kept once may have been deleted since, which is nobody's mistake."""
    return remembered if any(theme.name == remembered for theme in found.themes) else None


def _read(path: Path) -> Theme:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _UnusableError(f"cannot be read ({error}): check that it is a text file you may read.") from None
    except tomllib.TOMLDecodeError as error:
        raise _UnusableError(f"is not valid TOML ({error}): correct that line.") from None
    _refuse_unknown(tree, ("dark", "roles"), "")
    dark, roles = tree.get("dark", True), tree.get("roles")
    if not isinstance(dark, bool):
        raise _UnusableError("has a wrong value for dark: write true or false.")
    if not isinstance(roles, dict):
        raise _UnusableError("has no table [roles]: start from a copy of dark.toml.")
    _refuse_unknown(roles, Roles.__struct_fields__, "roles.")
    colours = {name: _colour(name, roles.get(name)) for name in Roles.__struct_fields__ if name != "heat"}
    return Theme(path.stem, dark, Roles(**colours, heat=_heat(roles.get("heat"))))


def _refuse_unknown(table: dict[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            advice = f"did you mean {near[0]!r}?" if near else "remove it."
            raise _UnusableError(f"has an unknown key {where}{key}: {advice}")


def _colour(role: str, value: object) -> str:
    if value is None:
        raise _UnusableError(f'lacks the key roles.{role}: add a colour such as {role} = "#3fcf8e".')
    if not isinstance(value, str) or _COLOUR.fullmatch(value) is None:
        raise _UnusableError(f'has a wrong colour for roles.{role}: write it as "#rrggbb".')
    return value


def _heat(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) != HEAT_STEPS:
        raise _UnusableError(f"needs {HEAT_STEPS} colours for roles.heat, from never opposed to always opposed.")
    return tuple(_colour("heat", colour) for colour in value)


def variables(theme: Theme) -> dict[str, str]:
    """The theme as style-sheet variables: one a role, and ``on-`` variables for text upon a role's colour."""
    roles = theme.roles
    colours: dict[str, str] = {name: getattr(roles, name) for name in Roles.__struct_fields__ if name != "heat"}
    colours |= {f"heat-{step}": colour for step, colour in enumerate(roles.heat)}
    return colours | {f"on-{name}": legible(colour) for name, colour in colours.items()}


def legible(background: str) -> str:
    """Black or white, whichever contrasts more with ``background`` (WCAG relative luminance)."""
    channels = [int(background[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"
