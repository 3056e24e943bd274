"""What the ``db`` setting may say, as people paste it."""

import stat
from pathlib import Path
from typing import Any

import pytest

from polyterm.errors import ConfigError
from polyterm.store.location import PostgresServer, SqliteFile, locate


def test_the_default_file_is_in_the_data_folder_which_is_private(tmp_path: Path) -> None:
    assert locate(None, tmp_path / "data") == SqliteFile(tmp_path / "data" / "polyterm.db")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for db in (None, "postgres://host/db"):
        with pytest.raises(ConfigError, match=r"data folder .*/file/data cannot be made \(Not a directory\)"):
            locate(db, tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("db", "path"),
    [
        ("a.db", "{here}/a.db"),
        ("/var/x/a b.db", "/var/x/a b.db"),
        ("sqlite:///a.db", "{here}/a.db"),
        ("sqlite:////var/a.db", "/var/a.db"),
        ("sqlite+aiosqlite:////var/a.db", "/var/a.db"),
        ("~/a.db", "{home}/a.db"),
    ],
)
def test_paths_and_sqlite_urls_name_a_file(db: str, path: str, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = locate(db, tmp_path / "data")
    assert found == SqliteFile(Path(path.format(here=tmp_path / "here", home=tmp_path)))
    assert str(found) == found.label
    assert not (tmp_path / "data").exists()


# As the pages of the providers show them, and as people write them.
SERVERS = [
    ("postgresql://postgres:pw@db.abcd.supabase.co:5432/postgres",
     ("db.abcd.supabase.co", 5432, "postgres", "postgres", "pw", "require", False)),
    ("postgresql://postgres.abcd:pw@aws-0-eu-west-1.pooler.supabase.com:5432/postgres",
     ("aws-0-eu-west-1.pooler.supabase.com", 5432, "postgres", "postgres.abcd", "pw", "require", False)),
    ("postgres://postgres.abcd:pw@aws-0-eu-west-1.pooler.supabase.com:6543/postgres?pgbouncer=true",
     ("aws-0-eu-west-1.pooler.supabase.com", 6543, "postgres", "postgres.abcd", "pw", "require", True)),
    ("postgresql://postgres.abcd:pw@aws-0-eu-west-1.pooler.supabase.com:6543/postgres",
     ("aws-0-eu-west-1.pooler.supabase.com", 6543, "postgres", "postgres.abcd", "pw", "require", True)),
    ("postgres://u:p@pooler.example.com:6432/db?pgbouncer=true&connection_limit=1&sslmode=verify-full",
     ("pooler.example.com", 6432, "db", "u", "p", "verify-full", True)),
    ("postgresql://postgres:Xy@postgres.railway.internal:5432/railway",
     ("postgres.railway.internal", 5432, "railway", "postgres", "Xy", "prefer", False)),
    ("postgresql://postgres:Xy@monorail.proxy.rlwy.net:12345/railway",
     ("monorail.proxy.rlwy.net", 12345, "railway", "postgres", "Xy", "require", False)),
    ("postgresql+asyncpg://u:p%40ss%2Fw%23rd@host/db?sslmode=disable",
     ("host", 5432, "db", "u", "p@ss/w#rd", "disable", False)),
    ("postgresql://u:p@ss/w#r?d@host.example.com/db",
     ("host.example.com", 5432, "db", "u", "p@ss/w#r?d", "require", False)),
    ("postgres://u@[2600:1f18::1]:5433/db?sslmode=prefer", ("2600:1f18::1", 5433, "db", "u", None, "prefer", False)),
    ("postgres://u@[::1]/db", ("::1", 5432, "db", "u", None, "prefer", False)),
    ("postgresql://u@/db?host=/var/run/postgresql", ("/var/run/postgresql", 5432, "db", "u", None, "prefer", False)),
    ("postgresql:///db?host=/tmp&port=5433&user=me", ("/tmp", 5433, "db", "me", None, "prefer", False)),
    ("postgresql://me:p@10.0.0.7", ("10.0.0.7", 5432, "me", "me", "p", "prefer", False)),
    ("postgresql://me:p@host/a%20b?sslmode=require&sslrootcert=/x.pem",
     ("host", 5432, "a b", "me", "p", "verify-ca", False)),
]  # fmt: skip


@pytest.mark.parametrize(("url", "parts"), SERVERS)
def test_the_url_of_a_server_is_taken_as_it_is_pasted(url: str, parts: tuple[Any, ...], tmp_path: Path) -> None:
    server = locate(url, tmp_path)
    assert isinstance(server, PostgresServer)
    host, port, database, user, password, tls, pooled = parts
    assert (server.host, server.port, server.database, server.user) == (host, port, database, user)
    assert (server.password, server.tls, server.pooled) == (password, tls, pooled)


def test_quotes_and_spaces_of_a_paste_and_a_shouted_scheme_do_no_harm(tmp_path: Path) -> None:
    meant = locate("postgresql://me:p@host/db", tmp_path)
    for pasted in ('"postgresql://me:p@host/db"', " 'postgres://me:p@host/db'\n", "POSTGRESQL://me:p@host/db"):
        assert locate(pasted, tmp_path) == meant


def test_a_password_never_shows(tmp_path: Path) -> None:
    server = locate("postgresql://me:hunter2@[::1]:5433/db", tmp_path)
    shown = f"{server} {server!r} {server.label} {[server]} {server.beside('.lease')}"
    assert "hunter2" not in shown
    assert server.label == "me@[::1]:5433/db"


def test_files_that_belong_to_a_server_are_in_the_data_folder_and_differ_by_database(tmp_path: Path) -> None:
    one, same, other = (
        locate(f"postgresql://{user}@host/{db}", tmp_path) for user, db in (("a", "x"), ("b", "x"), ("a", "y"))
    )
    assert one.beside(".lease").parent == tmp_path
    assert one.beside(".lease") == same.beside(".lease") != other.beside(".lease")
    assert SqliteFile(tmp_path / "a.db").beside(".lease") == tmp_path / "a.db.lease"


@pytest.mark.parametrize(
    ("db", "sentence"),
    [
        ("mysql://user:hunter2@host/db", "of the kind mysql:// is not supported"),
        ("sqlite://a.db", "is written sqlite:///"),
        ("sqlite:///a.db?mode=ro", "Options in a SQLite URL"),
        ("sqlite:///", "must be a file"),
        (":memory:", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("", "must be a file"),
        ("postgresql://u:[YOUR-PASSWORD]@host/db", r"still says \[YOUR-PASSWORD\]"),
        ("${{Postgres.DATABASE_URL}}", "a Railway reference that stands for nothing"),
        ("postgresql://u:hunter2@host:port/db", "port in the database URL is no number"),
        ("postgresql://u:hunter2@host:0/db", "port in the database URL is no number"),
        ("postgresql://u:hunter2@a:1,b:2/db", "names several hosts"),
        ("postgresql://u:hunter2@host/db?sslmode=requir", "sslmode='requir', which is none: did you mean require"),
        ("postgresql://u:hunter2@host/db?sslmod=require", "'sslmod' that is not supported: did you mean sslmode"),
        ("postgresql://u:hunter2@host/db?options=x", "'options' that is not supported"),
        ("postgresql://host/db?user=me&password=hunter2@x", "an @ after its host"),
        ("postgresql:/u:hunter2@host/db", "a URL without its postgresql://"),
        ("u:hunter2@host/db", "a URL without its postgresql://"),
        ("psql 'postgresql://u:hunter2@host/db'", "must begin with postgresql://"),
        ("DATABASE_URL=postgresql://u:hunter2@host/db", "must begin with postgresql://"),
    ],
)
def test_other_databases_are_refused_without_repeating_the_url(db: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        locate(db, tmp_path)
    assert "hunter2" not in str(refused.value)
