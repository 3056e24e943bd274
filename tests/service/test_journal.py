"""What a restart goes by when its database is away."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from polyterm.core.event import Event
from polyterm.core.input import Input
from polyterm.service import journal as journal_module
from polyterm.service import runtime as runtime_module
from polyterm.service.journal import SUFFIX, Journal, read_journal
from polyterm.service.recovery import recover_from
from polyterm.service.verification import verify_session
from polyterm.store.checkpoint_rows import StoredCheckpoint, pack
from polyterm.store.location import locate
from polyterm.store.rows import SessionInfo
from polyterm.strategies.registry import REGISTRY
from polyterm.transport.clock import ManualClock
from tests.postgres import Cluster
from tests.service.engines import KEY, ended, opened, running, settings, short_folder, started, tick, won
from tests.waiting import eventually

SESSION = SessionInfo(id="s1", started_ms=KEY.epoch * 1000, strategies=tuple(entry.name for entry in REGISTRY))


def item(number: int) -> Input:
    payload = opened() if number == 1 else tick(82 - number, 0.9)
    return Input(number, getattr(payload, "at_ms", KEY.epoch * 1000), payload)


def checkpoint(number: int) -> StoredCheckpoint:
    return StoredCheckpoint(session="s1", number=number, at_ms=0, program="p", version=1, packed=pack(b"state"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db.journal"


def test_it_holds_the_newest_checkpoint_and_what_came_after(path: Path) -> None:
    journal = Journal(path, SESSION)
    assert read_journal(path) is None
    journal.begin(None)
    for number in range(1, 6):
        journal.add(item(number))
    found = read_journal(path)
    assert found is not None
    assert (found.session, found.checkpoint, found.inputs) == (SESSION, None, tuple(map(item, range(1, 6))))
    journal.begin(checkpoint(3))  # packed while two more came
    journal.add(item(6))
    found = read_journal(path)
    assert found is not None
    assert (found.checkpoint, [one.number for one in found.inputs]) == (checkpoint(3), [4, 5, 6])
    journal.close()


@pytest.mark.parametrize("missing", range(1, 60, 7))
def test_of_a_torn_end_everything_before_it_counts(path: Path, missing: int) -> None:
    journal = Journal(path, SESSION)
    journal.begin(checkpoint(1))
    for number in (2, 3, 4):
        journal.add(item(number))
    journal.close()
    path.write_bytes(path.read_bytes()[:-missing])
    found = read_journal(path)
    assert found is not None
    assert [one.number for one in found.inputs] == [2, 3]


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x04\x00\x00\x00abcd"])
def test_a_file_that_is_no_journal_is_none(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert read_journal(path) is None


def test_a_disk_that_takes_nothing_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path / "no folder" / "db.journal", SESSION)
    journal.begin(None)
    journal.add(item(1))
    journal.close()
    assert "cannot be written: No such file or directory" in caplog.text


def test_a_disk_that_becomes_full_leaves_none_that_lacks_inputs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path, SESSION)
    journal.begin(None)
    journal.add(item(1))
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda _fd, data: len(data) // 2)
        journal.add(item(2))
        assert list(path.parent.glob("db.*")) == []
        journal.begin(checkpoint(1))
        assert list(path.parent.glob("db.*")) == []
    journal.begin(checkpoint(1))  # there is room again
    journal.add(item(3))
    found = read_journal(path)
    assert found is not None
    assert [one.number for one in found.inputs] == [2, 3]
    journal.close()


async def nobody(events: Sequence[Event]) -> None:
    """Hears of them."""


async def test_an_engine_is_made_from_it(path: Path) -> None:
    journal = Journal(path, SESSION)
    journal.begin(None)
    for number in (1, 2, 3):
        journal.add(item(number))
    found = read_journal(path)
    assert found is not None
    recovery = await recover_from(found, REGISTRY, nobody)
    assert (recovery.session, recovery.inputs, recovery.cut, recovery.problem) == ("s1", 3, (KEY,), "")
    spoilt = msgspec.structs.replace(found, checkpoint=checkpoint(1))
    assert "cannot be read" in (await recover_from(spoilt, REGISTRY, nobody)).problem
    journal.close()


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path]]:
    with short_folder() as folder, short_folder() as after:
        yield folder, after


async def test_a_restart_while_the_server_is_away_keeps_positions_and_stores_every_trade_once(
    folders: tuple[Path, Path], postgres: str, cluster: Cluster
) -> None:
    folder, after = folders
    async with running(settings(folder).model_copy(update={"db": postgres})) as engine:
        engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
        store = engine.runtime.view.store
        assert store is not None
        await eventually(lambda: store.intake.empty)
        session = engine.runtime.view.session
        cluster.stop("immediate")
        shutil.copytree(folder / "data", after / "data", ignore=shutil.ignore_patterns("*.sock"))
    async with running(settings(after).model_copy(update={"db": postgres})) as engine:
        assert [position.session for position in engine.runtime.view.positions()] == [session]
        engine.feed(tick(70, 0.92), ended(), won("up"))
        await asyncio.to_thread(cluster.start)
        store = engine.runtime.view.store
        assert store is not None
        await eventually(lambda: store.intake.empty and not store.status.spool_rows, 20)
    name = postgres.rpartition("/")[2]
    trades = cluster.sql("SELECT session || ' ' || round(pnl::numeric, 9) FROM paper_trades", name)
    assert trades == f"{session} 9.000000000"
    assert cluster.sql("SELECT count(*) FROM checkpoints WHERE number = 0", name) == "1"


async def test_after_a_power_cut_the_database_is_waited_for(
    folders: tuple[Path, Path], postgres: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may hold an older journal than the one that was written last."""
    folder, after = folders
    monkeypatch.setattr(journal_module, "boot_id", lambda: "before the cut")
    async with running(settings(folder).model_copy(update={"db": postgres})) as engine:
        engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
        store = engine.runtime.view.store
        assert store is not None
        await eventually(lambda: store.intake.empty)
        session = engine.runtime.view.session
        cluster.stop("immediate")
        shutil.copytree(folder / "data", after / "data", ignore=shutil.ignore_patterns("*.sock"))
    monkeypatch.setattr(journal_module, "boot_id", lambda: "after it")
    async with started(settings(after).model_copy(update={"db": postgres})) as engine:
        view = engine.runtime.view
        await eventually(lambda: "restarted since its notes" in view.why, 10)
        await asyncio.to_thread(cluster.start)
        await eventually(lambda: view.phase == "running", 20)
        assert [position.session for position in view.positions()] == [session]


async def test_another_machine_goes_on_from_the_database(
    folders: tuple[Path, Path], postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, after = folders
    clock = ManualClock((KEY.end - 82) * 1000)
    monkeypatch.setattr(runtime_module, "ScaledClock", lambda **_: clock)
    async with running(settings(folder).model_copy(update={"db": postgres})) as engine:
        engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
        session = engine.runtime.view.session
    clock.advance_to((KEY.end - 75) * 1000)
    async with running(settings(after).model_copy(update={"db": postgres})) as engine:
        assert [position.session for position in engine.runtime.view.positions()] == [session]
        place = locate(postgres, after / "data")
        found = read_journal(place.beside(SUFFIX))
        assert found is not None
        assert found.session.id == engine.runtime.view.session
        assert found.checkpoint is not None
        assert found.checkpoint.number == 0
        clock.advance_to(KEY.end * 1000)
        engine.feed(tick(70, 0.92), ended(), won("up"))
        second = engine.runtime.view.session
    verified = await verify_session(locate(postgres, after / "data"), second)
    assert (verified.verdict, [window.finding for window in verified.windows]) == ("verified", ["equal"])
