"""The settings that an engine runs with, as lines to show: what they are and where they were said, secrets masked."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr
from pydantic_settings import DotEnvSettingsSource

from polyterm.core.details import Origin, SettingLine, SettingsAnswer
from polyterm.settings import CUSTOMARY, Settings, config_path
from polyterm.store.location import locate

MASK: Final = "…"
_LONG: Final = 20
_LONG_PART: Final = re.compile(rf"(?<=/)[^/?\s]{{{_LONG},}}")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY: Final = re.compile(r"\?\S+")


def effective(settings: Settings) -> SettingsAnswer:
    """Reads the config file and ``.env`` again, to tell what they say from what flags say. Call it at the start."""
    path = config_path()
    places: tuple[tuple[Origin, frozenset[str]], ...] = (
        ("environment", _named(os.environ)),
        (".env", _named(DotEnvSettingsSource(Settings).env_vars)),
        ("file", frozenset(_paths(_tree(path)))),
    )

    def origin(name: str, value: object, default: object) -> Origin:
        if value == default:
            return "default"
        inside = f"{name}."
        said = (place for place, names in places if any(each == name or each.startswith(inside) for each in names))
        return next(said, "flag")

    lines = tuple(
        SettingLine(name, _shown(name, value, settings), origin(name, value, default))
        for name, value, default in _leaves(settings, "")
    )
    return SettingsAnswer(lines, str(path), path.is_file())


def _leaves(model: BaseModel, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    """(dotted name, value, default)."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value, field.get_default(call_default_factory=True)


def _shown(name: str, value: object, settings: Settings) -> str:
    if name == "db":  # a URL holds a password
        return str(locate(settings.db, settings.data_dir))
    match value:
        case None:
            return "not set"
        case SecretStr():
            return f"set ({MASK})"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{key} = {_listed(part)}" for key, part in value.items()) or "none"
    return _listed(value)


def _listed(value: object) -> str:
    return ", ".join(masked(str(part)) for part in value) if isinstance(value, tuple) else masked(str(value))


def masked(text: str) -> str:
    """Without what may be a key in a URL: user and password, queries, and parts of a path that nobody would type."""
    if "://" not in text:
        return text
    return _LONG_PART.sub(MASK, _QUERY.sub(f"?{MASK}", _CREDENTIALS.sub(f"{MASK}@", text)))


def _named(variables: Mapping[str, str | None]) -> frozenset[str]:
    """The settings that these variables give, by their dotted names."""
    names = {
        name.upper().removeprefix("POLYTERM_").replace("__", ".").lower()
        for name, value in variables.items()
        if value and name.upper().startswith("POLYTERM_")
    }
    return frozenset(names | {".".join(path) for name, path in CUSTOMARY.items() if variables.get(name)})


def _paths(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _tree(path: Path) -> dict[str, Any]:
    """What the file says; nothing where it has gone or was changed for the worse since it was read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
