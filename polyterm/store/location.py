"""Which database the ``db`` setting means."""

import hashlib
import re
from pathlib import Path
from typing import Final

import msgspec

from polyterm.errors import ConfigError
from polyterm.store.server_url import TlsMode, parse_server

FILE_NAME: Final = "polyterm.db"
_SQLITE: Final = ("sqlite", "sqlite+aiosqlite")
_POSTGRES: Final = ("postgres", "postgresql", "postgresql+asyncpg")
_PASSWORD: Final = re.compile(r":[^:]*@")
"""As no name of a file has it."""


class SqliteFile(msgspec.Struct, frozen=True):
    path: Path

    @property
    def label(self) -> str:
        """For people."""
        return str(self.path)

    def beside(self, suffix: str) -> Path:
        """A file of this machine that belongs to the database, like its lock."""
        return self.path.with_name(self.path.name + suffix)

    def __str__(self) -> str:
        return self.label


class PostgresServer(msgspec.Struct, frozen=True, kw_only=True):
    """A database on a server. ``host`` is a name, an address, or the folder of a Unix socket.

    ``pooled`` says that every transaction may get another session of the server (a transaction pooler): there are no
    session locks, no prepared statements and no settings but within a transaction. ``folder`` is the data folder of
    this machine. The password never shows.
    """

    host: str
    port: int
    database: str
    user: str
    password: str | None
    tls: TlsMode
    root_certificate: str | None
    pooled: bool
    folder: Path

    @property
    def label(self) -> str:
        """For people: ``user@host:port/database``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}/{self.database}"

    def beside(self, suffix: str) -> Path:
        """A file of this machine that belongs to the database, in the data folder."""
        name = hashlib.sha256(f"{self.host}:{self.port}/{self.database}".encode()).hexdigest()[:12]
        return self.folder / f"postgres-{name}{suffix}"

    def __str__(self) -> str:
        return self.label

    def __repr__(self) -> str:
        return f"PostgresServer({self.label})"


Location = SqliteFile | PostgresServer


def located(place: Location | Path | str) -> Location:
    """A path is that of a SQLite file."""
    return SqliteFile(Path(place)) if isinstance(place, Path | str) else place


def locate(db: str | None, data_dir: Path) -> Location:
    """The database that ``db`` names.

    A path, ``sqlite:///relative``, ``sqlite:////absolute``, or the URL of a PostgreSQL server as Supabase, Railway and
    ``psql`` write it. Without ``db`` it is ``polyterm.db`` in the data folder. That folder is made when it is missing
    and needed (mode 0700); no other folder ever is: a missing one is more often a slip of the finger or a volume that
    is not mounted. A URL is never repeated in an error, it may hold a password.

    Raises:
        ConfigError: one sentence that says what to change.
    """
    if db is None:
        _make_private(data_dir)
        return SqliteFile((data_dir / FILE_NAME).resolve())
    db = _without_quotes(db)
    if db.startswith("${{"):
        raise ConfigError(
            "The database URL is a Railway reference that stands for nothing: name the service as Railway shows it."
        )
    scheme, separator, rest = db.partition("://")
    if not separator:
        if _PASSWORD.search(db):
            raise ConfigError("The database looks like a URL without its postgresql://, so put that before it.")
        return _file(db)
    scheme = scheme.lower()
    if scheme.endswith(_POSTGRES) and scheme not in _POSTGRES:
        raise ConfigError("The database URL must begin with postgresql://, so leave out what stands before that.")
    if scheme in _POSTGRES:
        _make_private(data_dir)
        return PostgresServer(**parse_server(rest)._asdict(), folder=data_dir.resolve())
    if scheme not in _SQLITE:
        raise ConfigError(
            f"A database URL of the kind {scheme}:// is not supported: give a file name, or one of postgresql://."
        )
    if not rest.startswith("/"):
        raise ConfigError("A SQLite URL is written sqlite:///relative/file.db or sqlite:////absolute/file.db.")
    if "?" in rest:
        raise ConfigError("Options in a SQLite URL are not supported: give --db the file name alone.")
    return _file(rest[1:])


def _without_quotes(text: str) -> str:
    """As it was meant: a variable keeps the quotes that it was pasted with."""
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _file(name: str) -> SqliteFile:
    if name in ("", ":memory:") or name.startswith("file:"):
        raise ConfigError("The database must be a file, so that it can be read while the engine writes: give --db one.")
    return SqliteFile(Path(name).expanduser().resolve())


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"The data folder {folder} cannot be made ({reason}): choose a file with --db, or make it writable."
        ) from None
