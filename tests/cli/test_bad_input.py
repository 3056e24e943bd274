"""Bad input: one clear sentence that says what, where and what to do, exit code 2, and no traceback."""

import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from polyterm.settings import config_path
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("offline")


def assert_refused(done, *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def test_unknown_coin(polyterm: Callable) -> None:
    assert_refused(polyterm("--headless", "--coins", "btc,doge"), "'doge'", "btc, eth, sol, xrp")


def test_unknown_key_in_the_config(polyterm: Callable) -> None:
    config_path().parent.mkdir(parents=True)
    config_path().write_text('[papr]\nsizing = "usd"\n')
    assert_refused(polyterm("--headless"), "papr", "did you mean 'paper'?", str(config_path()))


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_database_in_a_folder_that_may_not_be_written(polyterm: Callable, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert_refused(polyterm("--headless", "--db", str(locked / "p.db")), str(locked))


def test_database_path_that_cannot_be_a_file(polyterm: Callable, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(polyterm("--headless", "--db", str(tmp_path / "file" / "p.db")), "file")
    assert_refused(polyterm("--headless", "--db", str(tmp_path)), str(tmp_path))


def test_a_file_that_is_no_database(polyterm: Callable, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my shopping list\n" * 500)
    assert_refused(polyterm("--headless", "--db", str(path)), str(path))
    assert path.read_text() == "my shopping list\n" * 500


def test_port_in_use(polyterm: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("DASHBOARD_PORT", str(port))
        assert_refused(polyterm("--headless"), str(port))


def test_no_engine_to_command(polyterm: Callable, short_runtime_dir: Path) -> None:
    assert_refused(polyterm("kill"), "No engine runs here", str(short_runtime_dir))


def test_console_without_a_terminal(polyterm: Callable) -> None:
    assert_refused(polyterm(), "needs a terminal", "--headless")


def test_demo_never_touches_a_database_of_yours(polyterm: Callable, tmp_path: Path) -> None:
    assert_refused(polyterm("--demo", "--headless", "--db", str(tmp_path / "real.db")), "--db")
    assert not (tmp_path / "real.db").exists()


def test_unknown_command_and_flag(polyterm: Callable) -> None:
    assert polyterm("reply").returncode == 2
    assert polyterm("--speed", "2").returncode == 2


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08\x00broken", b"not a tick file\n", b'{"type":"tick"}\n'])
def test_replay_of_nonsense(polyterm: Callable, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ticks.jsonl.gz" if content.startswith(b"\x1f") else tmp_path / "ticks.jsonl"
    path.write_bytes(content)
    assert_refused(polyterm("replay", str(path)), str(path))


def test_replay_of_a_missing_file(polyterm: Callable, tmp_path: Path) -> None:
    assert_refused(polyterm("replay", str(tmp_path / "absent.jsonl")), "absent.jsonl")


async def test_second_engine_on_one_database(headless: Callable, polyterm: Callable, tmp_path: Path) -> None:
    db = str(tmp_path / "p.db")
    async with headless("--db", db) as first:
        await eventually(first.answers, 20)
        assert_refused(polyterm("--headless", "--instance", "second", "--db", db, "--no-wait"), str(first.process.pid))
        async with headless("--db", db, instance="second") as second:
            await eventually(second.answers, 20)
            _, seen = await second.request("GET", "/api/live/status")
            assert str(first.process.pid) in str(seen)
            assert await first.stop() == 0

            async def took_over() -> bool:
                _, health = await second.request("GET", "/health")
                return health["role"] == "owner" and health["status"] != "starting"

            await eventually(took_over, 20)
            assert await second.stop() == 0
    with closing(sqlite3.connect(db)) as connection, connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone()[0] >= 2


def test_a_proxy_that_cannot_be_used_leaves_no_session_behind(
    polyterm: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    path = tmp_path / "p.db"
    assert_refused(polyterm("--headless", "--db", str(path)), "proxy", "http://host:port")
    assert not path.exists()
