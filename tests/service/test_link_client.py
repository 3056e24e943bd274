import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from polyterm.core.command import Ack, Command
from polyterm.core.query import EventsAnswer, EventsQuery, PositionsAnswer, PositionsQuery
from polyterm.errors import ConfigError, LinkError
from polyterm.service.link import oneshot
from polyterm.service.link.client import LinkClient
from polyterm.service.link.port import Connection
from polyterm.service.link.wire import CLOSE_BAD_TOKEN, Acked, Answered, Ask, ClientMessage, Hello, Send
from tests.service.scripted import polite, say, scripted_engine
from tests.waiting import eventually

KILL = Command(id="c1", kind="kill", actor="me", origin="console")


@asynccontextmanager
async def running(client: LinkClient) -> AsyncIterator[LinkClient]:
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_answers_find_their_questions_in_any_order(tmp_path: Path) -> None:
    held: list[Ask] = []

    async def backwards(socket: web.WebSocketResponse, message: ClientMessage) -> None:
        await polite(socket, message)
        if isinstance(message, Ask):
            held.append(message)
            if len(held) == 2:
                for ask in reversed(held):
                    answer = EventsAnswer(()) if isinstance(ask.query, EventsQuery) else PositionsAnswer(())
                    await say(socket, Answered(ask.rid, answer))

    async with scripted_engine(tmp_path / "e.sock", backwards) as address, running(LinkClient(address)) as client:
        await eventually(lambda: client.connection.state == "connected")
        answers = await asyncio.gather(client.ask(EventsQuery()), client.ask(PositionsQuery()))
    assert answers == [EventsAnswer(()), PositionsAnswer(())]


async def test_it_reports_the_round_trip_and_its_role(tmp_path: Path) -> None:
    async with scripted_engine(tmp_path / "e.sock", polite) as address, running(LinkClient(address)) as client:
        await eventually(lambda: client.connection.latency_ms is not None)
        assert client.connection.role == "operator"
        assert client.connection.engine_version == "0"
        assert 0 < (client.connection.latency_ms or 0) < 1000


async def test_a_dropped_connection_is_reopened_and_what_waited_fails_at_once(tmp_path: Path) -> None:
    async def drops(socket: web.WebSocketResponse, message: ClientMessage) -> None:
        if isinstance(message, Send):
            await socket.close()
        await polite(socket, message)

    seen: list[Connection] = []
    async with scripted_engine(tmp_path / "e.sock", drops) as address:
        client = LinkClient(address)
        client.on_connection = seen.append
        async with running(client):
            await eventually(lambda: client.connection.state == "connected")
            with pytest.raises(LinkError, match="closed before it answered"):
                await client.send(KILL)
            await eventually(lambda: client.connection.state == "connected")
    lost = next(one for one in seen if one.state == "disconnected")
    assert lost.reason == "the engine closed the connection"
    assert lost.retry_in_s == 0.25


async def test_an_engine_that_comes_later_is_found(tmp_path: Path) -> None:
    path = tmp_path / "e.sock"
    async with running(LinkClient(f"unix:{path}")) as client:
        await eventually(lambda: client.connection.state == "disconnected")
        assert client.connection.reason == f"no engine is listening at unix:{path}"
        with pytest.raises(LinkError, match="Not connected"):
            await client.send(KILL)
        async with scripted_engine(path, polite):
            await eventually(lambda: client.connection.state == "connected")


async def test_an_engine_that_is_starting_is_awaited_without_an_alarm(tmp_path: Path) -> None:
    path = tmp_path / "e.sock"
    client = LinkClient(f"unix:{path}", starting_s=60.0)
    seen: list[Connection] = []
    client.on_connection = seen.append
    async with running(client):
        await eventually(lambda: len(seen) >= 3)
        async with scripted_engine(path, polite):
            await eventually(lambda: client.connection.state == "connected")
            assert {one.state for one in seen} == {"connecting", "connected"}
        await eventually(lambda: client.connection.state == "disconnected")  # it had been there: this is news


async def test_an_engine_that_does_not_start_in_time_is_news(tmp_path: Path) -> None:
    async with running(LinkClient(f"unix:{tmp_path / 'e.sock'}", starting_s=0.2)) as client:
        await eventually(lambda: client.connection.state == "disconnected")
        assert "no engine is listening" in client.connection.reason


async def test_a_refused_token_is_said_in_words(tmp_path: Path) -> None:
    async def refuses(socket: web.WebSocketResponse, _: ClientMessage) -> None:
        await socket.close(code=CLOSE_BAD_TOKEN)

    async with (
        scripted_engine(tmp_path / "e.sock", refuses) as address,
        running(LinkClient(address, token="x")) as client,
    ):
        await eventually(lambda: client.connection.state == "disconnected")
        assert client.connection.reason == "the engine refused the token"


async def test_what_is_not_an_engine_is_said_in_words(tmp_path: Path) -> None:
    async def babbles(socket: web.WebSocketResponse, _: ClientMessage) -> None:
        await socket.send_str('{"type":"from the future"}')

    async with scripted_engine(tmp_path / "e.sock", babbles) as address, running(LinkClient(address)) as client:
        await eventually(lambda: client.connection.state == "disconnected")
        assert "speaks another version" in client.connection.reason


async def test_a_command_can_be_sent_in_one_call(tmp_path: Path) -> None:
    tokens: list[str | None] = []

    async def obeys(socket: web.WebSocketResponse, message: ClientMessage) -> None:
        await polite(socket, message)
        if isinstance(message, Hello):
            tokens.append(message.token)
        if isinstance(message, Send):
            await say(socket, Acked(message.rid, Ack(message.command.id, True, "", "KILLED", "s/1/0")))

    async with scripted_engine(tmp_path / "e.sock", obeys) as address:
        ack = await oneshot.send(address, KILL, token="secret")
    assert ack == Ack("c1", True, "", "KILLED", "s/1/0")
    assert tokens == ["secret"]


async def test_one_call_without_an_engine_fails_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=r"^The engine cannot be used: no engine is listening at unix:.*\.$"):
        await oneshot.send(f"unix:{tmp_path}/none.sock", KILL)


@pytest.mark.parametrize("address", ["", "unix:", "/tmp/x", "tcp://1.2.3.4"])
def test_an_address_of_neither_form_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="neither unix:/path nor http"):
        LinkClient(address)
