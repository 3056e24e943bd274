"""The lease of a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from polyterm.errors import ConfigError, LeaseLost, StoreError
from polyterm.service import lease_postgres
from polyterm.service.lease import this_process
from polyterm.service.lease_postgres import HEARTBEAT_S, STALE_S, PostgresLease, Row, Watch
from polyterm.store.location import PostgresServer, locate
from tests.postgres import Cluster
from tests.waiting import eventually

Make = Callable[..., PostgresLease]


@pytest.fixture
async def make(postgres: str, tmp_path: Path) -> AsyncIterator[Make]:
    """A lease as of a machine of its own, named by its instance."""
    made: list[PostgresLease] = []

    def lease(name: str, *, pooled: bool = False, disk: str = "") -> PostgresLease:
        server = locate(postgres, tmp_path / (disk or name))
        assert isinstance(server, PostgresServer)
        made.append(PostgresLease(msgspec.structs.replace(server, pooled=pooled), this_process(name)))
        return made[-1]

    yield lease
    for one in made:
        await one.release()


@pytest.fixture
async def writing(postgres: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgres.replace("postgresql://", "postgresql+asyncpg://"))
    yield engine
    await engine.dispose()


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_postgres, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(lease_postgres, "STALE_S", 0.2)
    monkeypatch.setattr(lease_postgres, "HUNG_S", 0.4)


@pytest.mark.parametrize("pooled", [False, True])
async def test_of_many_that_start_at_once_one_holds_it(make: Make, *, pooled: bool) -> None:
    leases = [make(f"i{number}", pooled=pooled) for number in range(6)]
    assert sorted(await asyncio.gather(*(lease.take() for lease in leases))) == [False] * 5 + [True]


@pytest.mark.parametrize("pooled", [False, True])
async def test_what_is_given_back_can_be_taken_at_once(make: Make, *, pooled: bool) -> None:
    first, second = make("first", pooled=pooled), make("second", pooled=pooled)
    assert await first.take()
    assert not await second.take()
    assert second.holder().endswith("(instance first)")
    await first.release()
    assert not first.held
    assert await second.take()
    assert (first.fence, second.fence) == (1, 2)


async def test_a_living_owner_is_never_robbed(make: Make, hurried: None) -> None:
    first, second = make("first", pooled=True), make("second", pooled=True)
    assert await first.take()
    keeping = asyncio.create_task(first.keep())
    for _ in range(20):
        assert not await second.take()
        await asyncio.wait([keeping], timeout=0.02)
    assert await first.check()
    await cancelled(keeping)


async def test_behind_a_pooler_one_that_gives_no_sign_is_replaced(make: Make, hurried: None) -> None:
    first, second = make("first", pooled=True), make("second", pooled=True)
    assert await first.take()
    await eventually(second.take)
    assert not await first.check()
    with pytest.raises(LeaseLost, match=r"\(instance second\) has become the writer of this database"):
        await first.keep()
    assert not first.held


async def test_a_lost_connection_is_no_lost_lease(make: Make, cluster: Cluster, postgres: str, hurried: None) -> None:
    first, second = make("first"), make("second")
    assert await first.take()
    keeping = asyncio.create_task(first.keep())
    name = postgres.rpartition("/")[2]
    cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    for _ in range(10):
        try:
            assert not await second.take()
        except StoreError:  # its own connection was ended as well
            continue
    await eventually(first.check)
    assert not keeping.done()
    await cancelled(keeping)


async def test_a_session_without_a_sign_of_life_is_ended_in_the_end(make: Make, hurried: None) -> None:
    stopped, second = make("stopped"), make("second")
    assert await stopped.take()  # and never calls keep: its session lives, and holds the lock
    await eventually(second.take)
    with pytest.raises((LeaseLost, StoreError)):
        await stopped.keep()


async def test_the_next_on_the_same_disk_need_not_wait(make: Make) -> None:
    dead, heir = make("dead", disk="shared", pooled=True), make("heir", disk="shared", pooled=True)
    assert await dead.take()
    assert not await heir.take()
    assert heir.holder().endswith("(instance dead)")
    dead._file.unlock()  # as when it is killed
    assert await heir.take()
    assert heir.ran_before
    assert not dead.ran_before


async def test_a_write_of_one_that_lost_it_is_refused(make: Make, writing: AsyncEngine, hurried: None) -> None:
    first, second = make("first", pooled=True), make("second", pooled=True)
    assert await first.take()
    async with writing.begin() as connection:
        await first.guard(connection)
        await connection.exec_driver_sql("CREATE TABLE kept (n int)")
    await eventually(second.take)

    async def write() -> None:
        async with writing.begin() as connection:
            await first.guard(connection)
            await connection.exec_driver_sql("INSERT INTO kept VALUES (1)")

    with pytest.raises(LeaseLost, match=r"\(instance second\)"):
        await write()
    async with writing.begin() as connection:
        await second.guard(connection)
        assert (await connection.exec_driver_sql("SELECT count(*) FROM kept")).scalar_one() == 0


async def test_nobody_takes_it_in_the_middle_of_a_write(make: Make, writing: AsyncEngine, hurried: None) -> None:
    first, second = make("first", pooled=True), make("second", pooled=True)
    assert await first.take()

    async with writing.begin() as connection:
        await first.guard(connection)
        await connection.exec_driver_sql("CREATE TABLE kept (n int)")
        taking = asyncio.create_task(eventually(second.take))
        await asyncio.wait([taking], timeout=0.6)
        assert not taking.done()
    await taking


async def test_signs_of_life_go_on_while_the_owner_writes(make: Make, writing: AsyncEngine, hurried: None) -> None:
    first = make("first", pooled=True)
    assert await first.take()
    async with writing.begin() as connection:
        await first.guard(connection)
        keeping = asyncio.create_task(first.keep())
        await eventually(lambda: _beats(writing, 3))
        assert not keeping.done()
    await cancelled(keeping)


async def _beats(engine: AsyncEngine, wanted: int) -> bool:
    async with engine.connect() as connection:
        return bool((await connection.exec_driver_sql("SELECT beats FROM writer_lease")).scalar_one() >= wanted)


async def test_a_database_that_is_away_is_told_and_the_owner_stays(make: Make, cluster: Cluster, hurried: None) -> None:
    first, second = make("first"), make("second")
    assert await first.take()
    keeping = asyncio.create_task(first.keep())
    cluster.stop()
    await eventually(lambda: first.trouble)
    assert first.trouble.startswith("The database postgres@127.0.0.1:")
    assert first.held
    with pytest.raises(StoreError):
        await second.take()
    cluster.start()
    await eventually(lambda: not first.trouble)
    assert await first.check()
    await cancelled(keeping)


async def test_while_the_server_is_away_the_last_on_this_disk_goes_on(make: Make, cluster: Cluster) -> None:
    dead, heir, stranger = make("dead", disk="shared"), make("heir", disk="shared"), make("stranger")
    assert await dead.take()
    cluster.stop()
    dead._file.unlock()  # as when it is killed
    with pytest.raises(StoreError):
        await stranger.take()
    assert await heir.take()
    assert heir.trouble
    cluster.start()
    keeping = asyncio.create_task(heir.keep())
    await eventually(lambda: not heir.trouble)
    await cancelled(keeping)
    assert await heir.check()
    assert heir.fence == 1
    assert not await stranger.take()


async def test_who_went_on_alone_and_was_replaced_hears_of_it(make: Make, cluster: Cluster, hurried: None) -> None:
    dead, heir, other = make("dead", disk="shared"), make("heir", disk="shared"), make("other")
    assert await dead.take()
    dead._hang_up()
    dead._file.unlock()  # as when it is killed
    await eventually(other.take)
    cluster.stop()
    assert await heir.take()
    cluster.start()
    keeping = asyncio.create_task(heir.keep())
    with pytest.raises(LeaseLost, match=r"\(instance other\)"):
        await keeping


async def test_a_wrong_password_is_told_instead_of_waited_for(cluster: Cluster, postgres: str, tmp_path: Path) -> None:
    cluster.sql("CREATE USER guarded PASSWORD 'right'")
    server = locate(cluster.url(postgres.rpartition("/")[2], "guarded", "wrong"), tmp_path)
    assert isinstance(server, PostgresServer)
    with pytest.raises(ConfigError, match="does not accept the user and the password"):
        await PostgresLease(server, this_process("a")).take()
    cluster.sql("DROP USER guarded")


def test_only_looks_that_were_answered_count_as_watching() -> None:
    row, watch = Row(1, "t", "h", 5, released=False), Watch()
    assert watch.look(row, 100.0) == 0.0
    assert watch.look(row, 100.5) == 0.5
    assert watch.look(row, 160.5) == 0.5 + HEARTBEAT_S  # a minute in which nothing was heard of anybody
    assert watch.look(row._replace(beats=6), 161.0) == 0.0
    assert STALE_S >= 3 * HEARTBEAT_S
