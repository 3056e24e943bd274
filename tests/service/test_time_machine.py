"""A session that ran is run again from what it stored, and must come to the same."""

import asyncio
import json
import math
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from polyterm.cli.verify_session import run as verify_session_command
from polyterm.core.command import Command
from polyterm.core.input import Payload
from polyterm.core.market import MarketKey
from polyterm.service import runtime as runtime_module
from polyterm.service.host import this_platform
from polyterm.service.verification import Verification, verify_session
from polyterm.transport.clock import ManualClock
from tests.service.engines import ENTRIES, KEY, ended, opened, running, settings, short_folder, tick, won

ETH = MarketKey("eth", "15m", KEY.epoch)
SECOND = KEY.next()


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The market time of every engine in the test."""
    manual = ManualClock((KEY.epoch - 5) * 1000)
    monkeypatch.setattr(runtime_module, "ScaledClock", lambda **_: manual)
    return manual


def market(key: MarketKey, *, from_s: int = 100, to_s: int = 40) -> list[Payload]:
    """The last minute of a window as the collector would tell it: a favourite that wobbles, and Up wins."""
    seconds = range(from_s, to_s, -1)
    ticks = [tick(left, 0.90 + 0.03 * math.sin(left), spot=101.0 + 0.01 * left, key=key) for left in seconds]
    return [opened(key), *ticks, ended(key), won("up", key)]


def database(folder: Path) -> Path:
    return folder / "data" / "polyterm.db"


async def live(folder: Path, clock: ManualClock, *payloads: Payload) -> None:
    async with running(settings(folder)) as engine:
        for payload in payloads:
            clock.advance_to(getattr(payload, "at_ms", 0))
            engine.feed(payload)


SESSION = (
    *market(KEY),
    *market(ETH),
    Command("c1", "pause", "ann", "console", "lunch"),
    *market(SECOND, to_s=70),
    Command("c2", "resume", "ann", "console"),
    tick(30, 0.95, key=SECOND),
)


@pytest.fixture
async def stored(folder: Path, clock: ManualClock) -> Path:
    """A session that ended as it should: two windows closed, one known to be won, a third one running."""
    await live(folder, clock, *SESSION)
    return database(folder)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()


def findings(result: Verification) -> dict[str, str]:
    return {str(window.key): window.finding for window in result.windows}


async def test_a_session_comes_to_the_same_again(stored: Path) -> None:
    result = await verify_session(stored, None)
    assert (result.verdict, result.other_platform) == ("verified", ())
    assert findings(result) == {str(KEY): "equal", str(ETH): "equal", str(SECOND): "equal"}
    # Two whole windows of opened, 60 ticks, ended and outcome; the third has 30 ticks; two commands and a late tick.
    assert result.inputs == 2 * 63 + 33 + 2 + 1
    first, _, third = result.windows
    assert first.stored is not None
    assert third.stored is not None
    assert (first.stored.first_input, first.stored.last_input, first.stored.inputs) == (1, 62, 62)
    assert third.stored.inputs == 32
    assert first.stored.events > 2, "nothing was traded, so little was proven"


@pytest.mark.parametrize("column", ["up_bid = 0.5", "spot_price = 99", "down_ask_size = 1", "input_ms = input_ms + 1"])
async def test_one_changed_tick_shows_in_its_window_and_in_no_other(stored: Path, column: str) -> None:
    change(stored, f"UPDATE ticks SET {column} WHERE crypto = 'eth' AND timestamp_ms = {(ETH.end - 60) * 1000}")
    result = await verify_session(stored, None)
    assert result.verdict == "different"
    assert findings(result) == {str(KEY): "equal", str(ETH): "inputs differ", str(SECOND): "equal"}
    assert result.reason.startswith(
        f"The first window that is not as it was is {ETH} (inputs 64 to 125): inputs differ"
    )


async def test_a_window_whose_events_were_others_says_so(stored: Path) -> None:
    change(stored, "UPDATE window_digests SET events_digest = 'ab' WHERE crypto = 'btc' AND first_input = 1")
    result = await verify_session(stored, None)
    assert (result.verdict, findings(result)[str(KEY)]) == ("different", "events differ")


async def test_the_first_trade_that_is_another_is_named_with_its_input(stored: Path) -> None:
    """The favourite of the first window falls to a half, 60 s before its end: whoever held it sells at a loss."""
    number = KEY.end - 60
    change(
        stored, f"UPDATE ticks SET up_bid = 0.5, up_ask = 0.52 WHERE crypto = 'btc' AND timestamp_ms = {number * 1000}"
    )
    result = await verify_session(stored, None)
    assert result.verdict == "different"
    # The window's first input is its opening, its first tick comes 100 s before its end.
    assert result.reason.startswith(
        f"The first window that is not as it was is {KEY} (inputs 1 to 62): inputs differ, "
    )
    assert re.search(r"first to be seen in a trade of \w+ at input 42\.$", result.reason)


async def test_what_comes_after_the_last_window_counts_as_well(stored: Path) -> None:
    change(stored, "UPDATE inputs SET payload = replace(payload, 'resume', 'kill') WHERE payload LIKE '%resume%'")
    result = await verify_session(stored, None)
    assert result.verdict == "different"
    assert set(findings(result).values()) == {"equal"}
    assert "not what came after the last of them" in result.reason


async def test_a_missing_input_makes_the_rest_unverifiable(stored: Path) -> None:
    change(stored, f"DELETE FROM ticks WHERE crypto = 'eth' AND timestamp_ms = {(ETH.end - 60) * 1000}")
    result = await verify_session(stored, None)
    assert (result.verdict, result.reason) == (
        "unverifiable",
        "Input 105 is missing, so nothing after it can be run again.",
    )
    assert findings(result) == {str(KEY): "equal", str(ETH): "not reached", str(SECOND): "not reached"}


async def test_a_session_that_lost_its_tail_is_unverifiable(stored: Path) -> None:
    change(stored, f"DELETE FROM ticks WHERE timestamp_ms = {(SECOND.end - 30) * 1000}")
    result = await verify_session(stored, None)
    assert (result.verdict, result.reason) == ("unverifiable", "The inputs from 162 to 162 are missing.")


async def test_a_session_that_was_cut_off_is_unverifiable(stored: Path) -> None:
    change(stored, "UPDATE sessions SET ended_ms = NULL, inputs = NULL, events = NULL, events_digest = NULL")
    result = await verify_session(stored, None)
    assert (result.verdict, result.reason) == (
        "unverifiable",
        "The session was cut off after input 162: no end of it is stored.",
    )
    assert set(findings(result).values()) == {"equal"}


async def test_differences_on_another_platform_are_no_proof_of_divergence(stored: Path) -> None:
    elsewhere = msgspec.structs.replace(this_platform(), cpu="z80", numbers="0123456789abcdef")
    change(stored, f"UPDATE sessions SET platform = '{msgspec.json.encode(elsewhere).decode()}'")
    result = await verify_session(stored, None)
    assert result.verdict == "verified"
    assert [text.partition(" ")[0] for text in result.other_platform] == ["numbers", "cpu"]
    change(stored, "UPDATE window_digests SET events_digest = 'ab' WHERE crypto = 'eth'")
    assert (await verify_session(stored, None)).verdict == "other platform"


async def test_a_running_session_is_verified_as_far_as_it_has_come(folder: Path, clock: ManualClock) -> None:
    async with running(settings(folder)) as engine:
        for payload in (*market(KEY), opened(SECOND)):
            clock.advance_to(getattr(payload, "at_ms", 0))
            engine.feed(payload)
        await engine.runtime.view.store.close()  # type: ignore[union-attr]
        change(database(folder), "UPDATE sessions SET ended_ms = NULL, inputs = NULL, events = NULL")
        result = await verify_session(database(folder), None)
        assert (result.verdict, findings(result)) == ("verified", {str(KEY): "equal"})
        assert result.reason == "The session goes on; everything up to input 64 is as it was."


async def test_each_session_of_a_database_is_verified_by_itself(stored: Path, folder: Path, clock: ManualClock) -> None:
    third = SECOND.next()
    await live(folder, clock, *market(third))
    with closing(sqlite3.connect(stored)) as connection, connection:
        names = [name for (name,) in connection.execute("SELECT session FROM sessions ORDER BY started_ms")]
    connection.close()
    older, newer = [await verify_session(stored, name) for name in names]
    assert (older.verdict, older.inputs) == ("verified", 162)
    # The second session began by itself in the first one's trading state: RUNNING, so without a command.
    assert (newer.verdict, newer.inputs, findings(newer)) == ("verified", 63, {str(third): "equal"})
    assert (await verify_session(stored, None)).session.id == names[1]


async def test_a_command_from_before_there_is_a_database_is_stored_as_well(folder: Path, clock: ManualClock) -> None:
    async with running(settings(folder)) as engine:
        await engine.runtime.send(Command("k1", "kill", "ann", "console", "drill"))
    clock.advance_to(clock.market_ms() + 1000)
    await live(folder, clock, *market(KEY))  # begins KILLED, by a command of the latch
    result = await verify_session(database(folder), None)
    assert (result.verdict, result.inputs) == ("verified", 64)


def polyterm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "polyterm", "replay", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


async def test_the_command_prints_a_table_and_its_exit_code_can_be_used(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proven = polyterm("--verify-session", "--db", stored)
    assert (proven.returncode, proven.stderr) == (0, "")
    head, columns, *windows, verdict = proven.stdout.splitlines()
    assert head.startswith("session 2")
    assert columns.split() == ["window", "inputs", "events", "digest", "result"]
    assert [line.split()[0] for line in windows] == [str(KEY), str(ETH), str(SECOND)]
    assert verdict.startswith("verified: All 162 inputs give the same ")
    broken = tmp_path / "broken.db"
    shutil.copy(stored, broken)
    change(broken, f"UPDATE ticks SET up_bid = 0.5 WHERE crypto = 'btc' AND timestamp_ms = {(KEY.end - 60) * 1000}")
    assert await asyncio.to_thread(verify_session_command, None, str(broken), as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "different"
    change(broken, f"DELETE FROM ticks WHERE crypto = 'btc' AND timestamp_ms = {(KEY.end - 60) * 1000}")
    assert await asyncio.to_thread(verify_session_command, None, str(broken), as_json=False) == 3
    assert capsys.readouterr().out.splitlines()[-1].startswith("unverifiable: Input ")


async def test_a_session_that_is_not_there_is_named_with_the_nearest(stored: Path) -> None:
    with closing(sqlite3.connect(stored)) as connection, connection:
        ((name,),) = connection.execute("SELECT session FROM sessions").fetchall()
    connection.close()
    done = polyterm("--verify-session", name[:-1], "--db", stored)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"polyterm: There is no session {name[:-1]} in this database: did you mean {name}?\n"


async def test_the_database_replays_to_the_trades_that_were_made(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "trades.jsonl"
    done = polyterm(stored, "--coins", "eth", "--trades", out)
    assert (done.returncode, done.stderr) == (0, "")
    again = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    with closing(sqlite3.connect(stored)) as connection, connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM paper_trades WHERE crypto = 'eth' ORDER BY strategy_name, entry_ms"
        made = [dict(row) for row in connection.execute(query)]
    connection.close()
    assert len(made) > 2
    ran = {entry.name for entry in ENTRIES}  # a replay asks every strategy, the engine of this test a few
    again = [row for row in again if row["strategy"] in ran]
    assert sorted((row["strategy"], row["side"], row["pnl"], row["reason"]) for row in again) == [
        (row["strategy_name"], row["side"], row["pnl"], row["reason"]) for row in made
    ]
    assert "windows 1, outcomes 1" in done.stdout
