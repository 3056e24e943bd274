"""A whole engine on a real PostgreSQL whose lease goes to somebody else."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from polyterm.core.command import Command
from polyterm.errors import LeaseLost
from polyterm.service import lease_postgres
from polyterm.service.runtime import Runtime
from polyterm.settings import ServiceSettings, Settings
from polyterm.store.location import locate
from polyterm.store.relay import SPOOL_SUFFIX
from tests.postgres import Cluster
from tests.service.engines import ENTRIES, Quiet, opened, request, short_folder, tick
from tests.waiting import eventually


def settings(folder: Path, url: str, instance: str) -> Settings:
    return Settings(
        _env_file=None,
        db=url,
        data_dir=folder / instance,
        runtime_dir=folder / "run",
        service=ServiceSettings(instance=instance),
    )


def engine(folder: Path, url: str, instance: str) -> Runtime:
    return Runtime(settings(folder, url, instance), assemble=Quiet, entries=ENTRIES)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_postgres, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(lease_postgres, "STALE_S", 0.4)


async def test_the_second_takes_over_when_the_first_ends(cluster: Cluster, postgres: str, hurried: None) -> None:
    with short_folder() as folder:
        first, second = engine(folder, postgres, "first"), engine(folder, postgres, "second")
        stops = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(first.run(stops[0]))
        await eventually(lambda: first.view.phase == "running")
        waiting = asyncio.create_task(second.run(stops[1]))
        await eventually(lambda: second.view.phase == "observing")
        code, health = await request(folder / "run" / "second.sock", "GET", "/health")
        assert (code, health["role"]) == (200, "observer")
        assert "(instance first) writes its database" in health["role_reason"]
        first.handle(opened())
        first.handle(tick(80, 0.9))
        stops[0].set()
        await running
        await eventually(lambda: second.view.phase == "running")
        stops[1].set()
        await waiting
    name = postgres.rpartition("/")[2]
    assert cluster.sql("SELECT count(*) FROM ticks", name) == "1"
    assert cluster.sql("SELECT fence, released FROM writer_lease", name) == "2|t"


async def test_a_kill_holds_on_whatever_machine_comes_next(postgres: str, hurried: None) -> None:
    with short_folder() as folder:
        first, second = engine(folder, postgres, "first"), engine(folder, postgres, "second")
        stops = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(first.run(stops[0]))
        await eventually(lambda: first.view.phase == "running")
        assert (await first.send(Command("k", "kill", "me", "socket", "drill"))).accepted
        await eventually(lambda: first.view.store is not None and first.view.store.pending == 0)
        waiting = asyncio.create_task(second.run(stops[1]))
        await eventually(lambda: second.view.phase == "observing")
        assert second.view.trading_state == "KILLED"
        stops[0].set()
        await running
        await eventually(lambda: second.view.phase == "running")
        assert (second.view.trading_state, second.view.snapshot().status.trading_reason) == ("KILLED", "drill")
        stops[1].set()
        await waiting


async def test_one_that_was_replaced_ends_and_delivers_nothing(cluster: Cluster, postgres: str, hurried: None) -> None:
    name = postgres.rpartition("/")[2]
    with short_folder() as folder:
        first = engine(folder, postgres, "first")
        running = asyncio.create_task(first.run(asyncio.Event()))
        await eventually(lambda: first.view.phase == "running")
        first.handle(opened())
        await eventually(lambda: first.view.store is not None and first.view.store.pending == 0)
        other = msgspec.json.encode({"pid": 1, "host": "elsewhere", "instance": "other", "since_ms": 1}).decode()
        cluster.sql(f"UPDATE writer_lease SET fence = fence + 1, token = 'theirs', holder = '{other}'", name)
        first.handle(tick(80, 0.9))
        with pytest.raises(LeaseLost, match=r"process 1 on elsewhere \(instance other\) has become the writer"):
            await running
        assert cluster.sql("SELECT count(*) FROM ticks", name) == "0"
        spool = locate(postgres, folder / "first").beside(SPOOL_SUFFIX)
        assert not spool.exists() or list(spool.parent.glob(f"{spool.name}.lost-*")) == []
