"""What other tests rely on: the PostgreSQL of a test run can be stopped, frozen and started again with its data."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.postgres import Cluster


@pytest.fixture
def own() -> Iterator[Cluster]:
    server = Cluster()
    server.start()
    yield server
    server.close()
    assert not server.root.exists()


async def test_data_and_port_survive_a_stop_and_a_crash(own: Cluster) -> None:
    own.sql("CREATE TABLE kept (n int)")
    url = own.url()
    for mode in ("fast", "immediate"):
        own.sql("INSERT INTO kept VALUES (1)")
        own.stop(mode)
        with pytest.raises(OSError):  # noqa: PT011 -- refused, with a number that the platform chooses
            await asyncpg.connect(url)
        own.start()
        assert own.url() == url
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 2
    await connection.close()


async def test_a_frozen_server_answers_nobody_until_it_is_thawed(postgres: str, cluster: Cluster) -> None:
    connection = await asyncpg.connect(postgres)
    cluster.freeze()
    question = asyncio.ensure_future(connection.fetchval("SELECT 7"))
    done, _ = await asyncio.wait([question], timeout=0.1)
    assert not done
    cluster.thaw()
    assert await question == 7
    await connection.close()


def test_every_database_is_empty(postgres: str, cluster: Cluster) -> None:
    name = postgres.rpartition("/")[2]
    assert cluster.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == "0"
