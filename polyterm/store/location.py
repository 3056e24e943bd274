"""Which database the ``db`` setting means."""

from pathlib import Path
from typing import Final

from polyterm.errors import ConfigError

FILE_NAME: Final = "polyterm.db"
_SQLITE: Final = ("sqlite", "sqlite+aiosqlite")
_POSTGRES: Final = ("postgres", "postgresql", "postgresql+asyncpg")


def locate(db: str | None, data_dir: Path) -> Path:
    """The SQLite file that ``db`` names: a path, ``sqlite:///relative`` or ``sqlite:////absolute``.

    Without ``db`` it is ``polyterm.db`` in the data folder, which is made when it is missing (mode 0700). No other
    folder is ever made: a missing one is more often a slip of the finger or a volume that is not mounted. A URL is
    never repeated in an error, it may hold a password.

    Raises:
        ConfigError: one sentence that says what to change.
    """
    if db is None:
        _make_private(data_dir)
        return data_dir / FILE_NAME
    scheme, separator, rest = db.partition("://")
    if not separator:
        return _file(db)
    if scheme in _POSTGRES:
        raise ConfigError(
            "PostgreSQL support is not in this version yet: give --db a file name, or unset DATABASE_URL to use SQLite."
        )
    if scheme not in _SQLITE:
        raise ConfigError(f"A database URL of the kind {scheme}:// is not supported: give --db a file name.")
    if not rest.startswith("/"):
        raise ConfigError("A SQLite URL is written sqlite:///relative/file.db or sqlite:////absolute/file.db.")
    if "?" in rest:
        raise ConfigError("Options in a SQLite URL are not supported: give --db the file name alone.")
    return _file(rest[1:])


def _file(name: str) -> Path:
    if name in ("", ":memory:") or name.startswith("file:"):
        raise ConfigError("The database must be a file, so that it can be read while the engine writes: give --db one.")
    return Path(name).expanduser()


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"The data folder {folder} cannot be made ({reason}): choose a file with --db, or make it writable."
        ) from None
