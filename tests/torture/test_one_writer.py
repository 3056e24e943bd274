"""Of instances that start at once one writes; its successor comes in time, and a writer that slept writes nothing.

``POLYTERM_TORTURE_ROUNDS`` (50) sets how often two start at once.
"""

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.postgres import Cluster
from tests.service.engines import short_folder
from tests.torture.instances import Instance, started
from tests.waiting import eventually

ROUNDS = int(os.environ.get("POLYTERM_TORTURE_ROUNDS", "50"))
NAPS = 5
STATED_S = {"sqlite": 2.0, "postgres": 12.0, "pooler": 12.0}
"""Within which the README promises a successor, and a second for a slow machine to say so."""
KINDS = ("sqlite", "postgres", "pooler")

Say = Callable[[str], None]


def pair(folder: Path, kind: str, url: str) -> tuple[Instance, Instance]:
    if kind == "sqlite":
        return Instance(folder, "one"), Instance(folder, "two")
    address = url + ("?pgbouncer=true" if kind == "pooler" else "")
    return Instance(folder, "one", address), Instance(folder, "two", address)


def sessions(folder: Path, cluster: Cluster, kind: str, url: str) -> int:
    if kind != "sqlite":
        return int(cluster.sql("SELECT count(*) FROM sessions", url.rpartition("/")[2]))
    with closing(sqlite3.connect(folder / "data" / "polyterm.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM sessions").fetchone()[0])


class Races:
    """Two that start at once, again and again, on one database."""

    def __init__(self, folder: Path, cluster: Cluster, kind: str, url: str) -> None:
        self.won: Counter[str] = Counter()
        self.took_s: list[float] = []
        self._written = 0
        self._one, self._two = pair(folder, kind, url)
        self._sessions = lambda: sessions(folder, cluster, kind, url)

    async def run(self, *, kill: bool) -> None:
        async with started(self._one, self._two):
            await eventually(self._one.is_settled, 60)
            await eventually(self._two.is_settled, 60)
            roles = [await self._one.owns(), await self._two.owns()]
            assert sorted(roles) == [False, True]
            writer, other = (self._one, self._two) if roles[0] else (self._two, self._one)
            self.won[writer.name] += 1
            self._written += 1
            assert self._sessions() == self._written
            if kill:
                began = time.monotonic()
                await writer.end(signal.SIGKILL)
                await eventually(other.owns, 60)
                self.took_s.append(time.monotonic() - began)
                self._written += 1
                assert self._sessions() == self._written
                writer = other
            else:
                assert await other.end() == 0  # first, or it would take over
            assert await writer.end() == 0


@pytest.mark.torture
@pytest.mark.parametrize("kind", KINDS)
async def test_of_two_that_start_at_once_one_writes(cluster: Cluster, postgres: str, say: Say, kind: str) -> None:
    """Every fifth round the writer is killed: the other one has to come in time."""
    with short_folder() as folder:
        races = Races(folder, cluster, kind, postgres)
        for number in range(1, ROUNDS + 1):
            await races.run(kill=number % 5 == 0)
            if number % 5 == 0 or number == ROUNDS:
                won = " : ".join(str(races.won[name]) for name in ("one", "two"))
                worst = f", successor after {max(races.took_s):.1f} s at most" if races.took_s else ""
                say(f"{kind}: {number} of {ROUNDS} rounds, one writer each ({won}){worst}")
        assert max(races.took_s, default=0.0) < STATED_S[kind]


class Nap:
    """A writer that is stopped, and resumed when another one writes."""

    def __init__(self, folder: Path, cluster: Cluster, kind: str, url: str) -> None:
        self._sleeper, self._successor = pair(folder, kind, url)
        self._session = ""
        self._count = lambda text: int(cluster.sql(text, url.rpartition("/")[2]))

    def written(self) -> int:
        return self._count(f"SELECT count(*) FROM ticks WHERE session = '{self._session}'")

    async def take(self) -> float:
        """How long the successor took to come, in seconds."""
        async with started(self._sleeper):
            await eventually(self._sleeper.owns, 60)
            self._session = (await self._sleeper.health())["session"]
            await eventually(self.written, 20)
            async with started(self._successor):
                await eventually(self._successor.observes, 60)
                began = time.monotonic()
                self._sleeper.process.send_signal(signal.SIGSTOP)
                await eventually(self._successor.owns, 90)
                took_s = time.monotonic() - began
                before = self.written()
                self._sleeper.process.send_signal(signal.SIGCONT)
                assert await self._sleeper.ended(30) != 0
                assert b"(instance two) has become the writer of this database" in self._sleeper.errors
                assert self.written() == before
                assert await self._successor.owns()
                assert await self._successor.end() == 0
        return took_s


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["postgres", "pooler"])
async def test_a_writer_that_slept_writes_nothing_beside_its_successor(
    cluster: Cluster, postgres: str, say: Say, kind: str
) -> None:
    with short_folder() as folder:
        for number in range(1, NAPS + 1):
            took_s = await Nap(folder, cluster, kind, postgres).take()
            say(f"{kind}: nap {number} of {NAPS}: successor after {took_s:.1f} s, nothing written on waking")


@pytest.mark.torture
async def test_a_sqlite_writer_that_sleeps_stays_the_writer(say: Say) -> None:
    with short_folder() as folder:
        one, two = pair(folder, "sqlite", "")
        async with started(one):
            await eventually(one.owns, 60)
            async with started(two):
                await eventually(two.observes, 60)
                one.process.send_signal(signal.SIGSTOP)
                until = time.monotonic() + 15

                async def watched() -> bool:
                    assert await two.observes()
                    return time.monotonic() > until

                await eventually(watched, 30)
                one.process.send_signal(signal.SIGCONT)
                await eventually(one.owns, 20)
                assert await one.end() == 0
                await eventually(two.owns, 20)
                assert await two.end() == 0
    say("sqlite: a stopped writer keeps the lock, and goes on when it is resumed")
