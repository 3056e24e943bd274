"""Connections to a server: poolers, certificates, and what goes wrong in words."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from polyterm.errors import ConfigError, PolytermError, StoreError
from polyterm.store import postgres as connections
from polyterm.store.database import REFUSALS, dispose, open_database, reason, writing_engine
from polyterm.store.location import PostgresServer, SqliteFile, locate
from polyterm.store.postgres import opening_error
from tests.pooler import pooling
from tests.postgres import Cluster
from tests.store.builders import closed, early_exit, tick
from tests.store.test_both_databases import contents, put

LEFT = "SELECT count(*) FROM pg_prepared_statements"


def database(url: str) -> str:
    return url.rpartition("/")[2]


async def test_a_transaction_pooler_is_written_and_read_through(
    postgres: str, cluster: Cluster, tmp_path: Path
) -> None:
    done = [tick(1), [closed(2, early_exit("A"))], tick(2), [closed(4, early_exit("B"))]]
    async with pooling(cluster, database(postgres)) as pooler:
        server = locate(f"postgres://postgres@127.0.0.1:{pooler.port}/x?pgbouncer=true", tmp_path)
        await asyncio.gather(*(put(server, done, "s1") for _ in range(3)))
        await put(SqliteFile(tmp_path / "a.db"), done)
        found, expected = await contents(server), await contents(SqliteFile(tmp_path / "a.db"))
        for table in ("ticks", "inputs", "system_state"):
            assert found[table] == expected[table]
        assert [trade["strategy_name"] for trade in found["paper_trades"]].count("A") == 1
        assert pooler.handed_out >= 12
        engine = writing_engine(server, 250)
        for _ in range(6):  # each of the three sessions at least once
            async with engine.begin() as connection:
                assert await connection.scalar(text(LEFT)) == 0
                assert await connection.scalar(text("SHOW synchronous_commit")) == "on"
        await dispose(engine)


async def test_writing_is_durable_whatever_the_server_is_used_to(
    postgres: str, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.sql(f"ALTER DATABASE {database(postgres)} SET synchronous_commit TO off")
    for url in (postgres, f"{postgres}?pgbouncer=true"):
        engine = await open_database(locate(url, tmp_path), 250)
        async with engine.begin() as connection:
            assert await connection.scalar(text("SHOW synchronous_commit")) == "on"
        await dispose(engine)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, nobody can make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=here"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


async def greeted(url: str, folder: Path) -> str:
    """What came of opening the database: nothing, or why not."""
    server = locate(url, folder)
    assert isinstance(server, PostgresServer)
    engine = writing_engine(server, 250)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1"))
    except REFUSALS as error:
        return reason(error)
    finally:
        await dispose(engine)
    return ""


UNTRUSTED = "the certificate of the server is not to be trusted"


@pytest.mark.parametrize(
    ("place", "refusal"),
    [
        ("127.0.0.1 disable", ""),
        ("127.0.0.1 prefer", ""),
        ("127.0.0.1 require", ""),
        ("127.0.0.1 verify-full", UNTRUSTED),
        ("127.0.0.1 verify-full&sslrootcert={cert}", ""),
        ("localhost verify-full&sslrootcert={cert}", UNTRUSTED),
        ("localhost require&sslrootcert={cert}", ""),
    ],
)
async def test_certificates_are_checked_as_far_as_the_url_says(
    cluster: Cluster, certificate: Path, *, place: str, refusal: str
) -> None:
    host, _, mode = place.partition(" ")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    async with pooling(cluster, "postgres", sessions=1, certificate=tls) as pooler:
        options = f"sslmode={mode}".format(cert=certificate / "cert.pem")
        found = await greeted(f"postgres://postgres@{host}:{pooler.port}/x?pgbouncer=true&{options}", certificate)
        assert found.startswith(refusal) if refusal else found == ""


@pytest.mark.parametrize(
    ("url", "kind", "sentence"),
    [
        ("postgres://guarded:wrong@127.0.0.1:{port}/postgres", ConfigError, "not accept the user and the password"),
        ("postgres://postgres@127.0.0.1:{port}/nowhere", ConfigError, "the server has no database of that name"),
        (
            "postgres://postgres@127.0.0.1:{port}/postgres?sslmode=require",
            ConfigError,
            "does not encrypt: add ?sslmode=",
        ),
        ("postgres://postgres@127.0.0.1:1/postgres", StoreError, "the server refuses connections"),
        ("postgres://postgres@nowhere.invalid/postgres", StoreError, "the name of the server is not known"),
        ("postgres://postgres@/postgres?host=/nowhere", StoreError, "the server is not running"),
        ("postgres://u@127.0.0.1:{port}/postgres?sslmode=verify-ca&sslrootcert=/none", ConfigError, "cannot be read"),
    ],
)
async def test_what_is_wrong_is_said_without_the_password(
    cluster: Cluster, tmp_path: Path, url: str, kind: type[PolytermError], sentence: str
) -> None:
    cluster.sql("DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'right'")
    with pytest.raises(kind) as refused:
        await open_database(locate(url.format(port=cluster.port), tmp_path), 250)
    assert sentence in str(refused.value)
    assert "wrong" not in str(refused.value)


async def test_the_right_password_opens(cluster: Cluster, tmp_path: Path) -> None:
    cluster.sql("DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'p@ss/#?%41'")
    for url in (
        cluster.url(user="guarded", password="p@ss/#?%2541"),
        cluster.url(user="guarded", password="p%40ss%2F%23%3F%2541"),
    ):
        assert await greeted(url, tmp_path) == ""


async def test_a_frozen_server_and_one_that_was_restarted_cost_seconds_only(
    postgres: str, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WRITE_S", 0.2)
    monkeypatch.setattr(connections, "CONNECT_S", 0.2)
    engine = writing_engine(locate(postgres, tmp_path), 250)

    async def asked() -> str:
        try:
            async with asyncio.timeout(5), engine.begin() as connection:
                await connection.execute(text("SELECT 1"))
        except REFUSALS as error:
            return reason(error)
        return ""

    assert await asked() == ""
    cluster.freeze()
    assert await asked() == await asked() == "the server does not answer"
    cluster.thaw()
    assert await asked() == ""
    cluster.stop("immediate")
    assert await asked() == "the connection to the server was lost"
    assert await asked() == "the server refuses connections"
    cluster.start()
    assert await asked() == ""
    await dispose(engine)


def test_poolers_say_some_things_in_their_own_words(tmp_path: Path) -> None:
    server = locate("postgres://u:secret@host:6543/db", tmp_path)
    assert isinstance(server, PostgresServer)
    unknown = asyncpg.exceptions.InternalServerError("Tenant or user not found")
    full = asyncpg.exceptions.InternalServerError("MaxClientsInSessionMode: max clients reached")
    assert "written postgres.PROJECT there" in str(opening_error(server, unknown))
    assert "u@host:6543/db cannot be opened: the server has no connection left" in str(opening_error(server, full))
