"""The supervised socket against real websocket servers on loopback."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from polyterm.transport.backoff import Backoff
from polyterm.transport.clock import ManualClock, system_clock
from polyterm.transport.health import FeedHealth
from polyterm.transport.socket import OUTBOX_FRAMES, CloseRule, HangUpError, Hosts, Send, supervise
from tests.waiting import eventually

Handler = Callable[[ServerConnection], Awaitable[None]]

FAST = Backoff(base_s=0.02, cap_s=0.05)


class Echo:
    """A channel that subscribes, takes ``{"data": …}`` for data and anything else that is JSON for chatter."""

    name = "echo"

    def __init__(self, *urls: str, keepalive: tuple[float, str] | None = None) -> None:
        self.keepalive = keepalive
        self.hosts = Hosts(urls)
        self.send: Send | None = None
        self.data: list[object] = []
        self.chatter: list[object] = []
        self.closed = 0

    def url(self) -> str:
        return self.hosts.next()

    def on_open(self, send: Send) -> None:
        self.send = send
        send('"subscribe"')

    def on_text(self, text: str) -> bool:
        match msgspec.json.decode(text):
            case {"data": value}:
                self.data.append(value)
                self.hosts.gave_data()
                return True
            case {"hang_up": wait_s}:
                raise HangUpError("the venue says goodbye", wait_s)
            case {"bug": _}:
                raise KeyError("a bug")
            case other:
                self.chatter.append(other)
                return False

    def on_close(self) -> None:
        self.closed += 1


@asynccontextmanager
async def venue(handler: Handler) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/path?key=private"


@asynccontextmanager
async def refusing(status: int, **headers: str) -> AsyncIterator[str]:
    def refuse(_: ServerConnection, __: Request) -> Response:
        lines = Headers({name.replace("_", "-"): value for name, value in headers.items()})
        return Response(status, HTTPStatus(status).phrase, lines, b"no")

    async with serve(serve_data, "127.0.0.1", 0, process_request=refuse) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@asynccontextmanager
async def supervised(channel: Echo, *, backoff: Backoff = FAST, **options: object) -> AsyncIterator[FeedHealth]:
    clock = system_clock()
    health = FeedHealth(channel.name, clock)
    options = {"silence_s": 5.0, **options}
    task = asyncio.create_task(
        supervise(channel, health, clock, random.Random(1), backoff=backoff, **options)  # type: ignore[arg-type]
    )
    try:
        yield health
        assert not task.done(), "the supervisor must run for ever"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def serve_data(socket: ServerConnection) -> None:
    """Answer every frame with data."""
    async for _ in socket:
        await socket.send('{"data": 1}')


async def test_data_makes_the_feed_live() -> None:
    async with venue(serve_data) as url, supervised(channel := Echo(url)) as health:
        await eventually(lambda: channel.data == [1])
        row = health.row()
        assert row.state == "live"
        assert row.host == url.split("/")[2]
        assert row.age_s is not None
        assert row.age_s < 5


async def test_silence_is_judged_by_data_although_pings_are_answered() -> None:
    async def silent_after_the_first(socket: ServerConnection) -> None:
        await socket.send('{"data": 1}')
        async for _ in socket:
            await socket.send('"PONG"')

    async with venue(silent_after_the_first) as url:
        channel = Echo(url, keepalive=(0.02, '"PING"'))
        began = time.monotonic()
        async with supervised(channel, silence_s=0.2) as health:
            await eventually(lambda: health.reconnects == 1)
            assert 0.2 <= time.monotonic() - began < 2.0
            assert channel.chatter.count("PONG") >= 2
            assert channel.closed == 1
            await eventually(lambda: health.row().state == "live")


async def test_the_reason_of_silence_can_be_read() -> None:
    async def mute(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with venue(mute) as url, supervised(Echo(url), silence_s=0.05, backoff=Backoff(60, 60)) as health:
        await eventually(lambda: health.row().state == "down")
        host = url.split("/")[2]
        assert health.row().reason == f"no data from {host} for 0.05 s although the connection is open"


async def test_a_blocked_region_leads_to_the_next_host() -> None:
    async with refusing(451) as blocked, venue(serve_data) as good:
        channel = Echo(blocked, good)
        async with supervised(channel, backoff=Backoff(0.3, 0.3)) as health:
            await eventually(lambda: health.row().state == "down")
            first, second = blocked.split("/")[2], good.split("/")[2]
            assert health.row().reason == f"{first} refuses this region (HTTP 451); trying {second} next"
            await eventually(lambda: health.row().state == "live")
            assert health.row().host == second


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "refuses access"), (429, "asks us to slow down"), (503, "is out of order"), (404, "answered unexpectedly")],
)
async def test_a_refused_handshake_is_explained(status: int, words: str) -> None:
    async with refusing(status) as url, supervised(Echo(url), backoff=Backoff(60, 60)) as health:
        await eventually(lambda: health.row().state == "down")
        assert health.row().reason == f"{url.split('/')[2]} {words} (HTTP {status})"


async def test_the_wait_that_a_venue_asks_for_is_kept() -> None:
    async with refusing(429, Retry_After="7") as url, supervised(Echo(url)) as health:
        await eventually(lambda: health.row().state == "down")
        retry_in_s = health.row().retry_in_s
        assert retry_in_s is not None
        assert 5 < retry_in_s <= 7


async def test_an_unreachable_venue_is_tried_again() -> None:
    async with venue(serve_data) as url:
        pass  # the port is free again
    async with supervised(Echo(url), backoff=Backoff(60, 60)) as health:
        await eventually(lambda: health.row().state == "down")
        assert health.row().reason == f"{url.split('/')[2]} refuses the connection"
        retry_in_s = health.row().retry_in_s
        assert retry_in_s is not None
        assert 25 < retry_in_s <= 60


async def test_a_venue_that_never_answers_is_given_up() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with supervised(Echo(f"ws://{host}/"), open_timeout_s=0.05, backoff=Backoff(60, 60)) as health:
            await eventually(lambda: health.row().state == "down")
            assert health.row().reason == f"{host} does not answer"


async def test_after_a_lost_connection_it_subscribes_afresh() -> None:
    subscriptions: list[str | bytes] = []

    async def break_off(socket: ServerConnection) -> None:
        subscriptions.append(await socket.recv())
        await socket.send('{"data": 1}')
        if len(subscriptions) == 1:
            socket.transport.abort()
        await socket.wait_closed()

    async with venue(break_off) as url, supervised(channel := Echo(url)) as health:
        await eventually(lambda: channel.data == [1, 1])
        assert subscriptions == ['"subscribe"', '"subscribe"']
        assert (health.row().state, health.row().reconnects, channel.closed) == ("live", 1, 1)


async def test_a_malformed_frame_is_counted_and_survived() -> None:
    async def babble(socket: ServerConnection) -> None:
        for frame in ("not json " + "x" * 500, b"\xff\xfe", '{"data": 1}'):
            await socket.send(frame)
        await socket.wait_closed()

    async with venue(babble) as url, supervised(channel := Echo(url)) as health:
        await eventually(lambda: channel.data == [1])
        assert health.row().malformed == 2
        assert health.row().reconnects == 0


async def test_a_bug_in_a_channel_costs_a_connection_and_not_the_feed(caplog: pytest.LogCaptureFixture) -> None:
    sent = iter(['{"bug": 1}', '{"data": 1}'])

    async def provoke(socket: ServerConnection) -> None:
        await socket.send(next(sent))
        await socket.wait_closed()

    async with venue(provoke) as url, supervised(channel := Echo(url)) as health:
        await eventually(lambda: channel.data == [1])
        assert health.row().state == "live"
    assert [record.exc_info is not None for record in caplog.records if record.message == "feed.bug"] == [True]


async def test_a_channel_can_ask_for_a_fresh_connection_at_once() -> None:
    sent = iter(['{"hang_up": 0.0}', '{"data": 1}'])

    async def say_goodbye(socket: ServerConnection) -> None:
        await socket.send(next(sent))
        await socket.wait_closed()

    async with venue(say_goodbye) as url, supervised(channel := Echo(url), backoff=Backoff(60, 60)):
        await eventually(lambda: channel.data == [1], timeout_s=5)


async def test_at_once_does_not_become_a_loop() -> None:
    async def always_say_goodbye(socket: ServerConnection) -> None:
        await socket.send('{"hang_up": 0.0}')
        await socket.wait_closed()

    async with venue(always_say_goodbye) as url, supervised(Echo(url), backoff=Backoff(60, 60)) as health:
        await eventually(lambda: health.reconnects == 1 and health.row().state == "down")
        retry_in_s = health.row().retry_in_s
        assert retry_in_s is not None
        assert retry_in_s > 25


async def test_a_venues_own_close_codes_are_explained() -> None:
    async def turn_away(socket: ServerConnection) -> None:
        await socket.close(4001, "no")

    rules = {4001: CloseRule("does not accept our API credentials", 300, 600)}
    async with venue(turn_away) as url, supervised(Echo(url), closes=rules) as health:
        await eventually(lambda: health.row().state == "down")
        assert health.row().reason == f"{url.split('/')[2]} does not accept our API credentials (4001)"
        retry_in_s = health.row().retry_in_s
        assert retry_in_s is not None
        assert 290 < retry_in_s <= 600


async def test_an_old_connection_is_renewed_before_the_venue_ends_it() -> None:
    async with venue(serve_data) as url, supervised(channel := Echo(url), lifetime_s=0.1, backoff=Backoff(60, 60)):
        await eventually(lambda: len(channel.data) == 2, timeout_s=5)


async def test_more_frames_than_the_socket_takes_cost_the_connection() -> None:
    class Flood(Echo):
        def on_open(self, send: Send) -> None:
            for _ in range(OUTBOX_FRAMES + 1):
                send('"too much"')

    async with venue(serve_data) as url, supervised(Flood(url), backoff=Backoff(60, 60)) as health:
        await eventually(lambda: health.row().state == "down")
        assert health.row().reason == f"{url.split('/')[2]} does not take our messages"


async def test_cancelling_closes_the_connection_properly() -> None:
    codes: list[int | None] = []

    async def watch(socket: ServerConnection) -> None:
        await socket.send('{"data": 1}')
        await socket.wait_closed()
        codes.append(socket.close_code)

    async with venue(watch) as url:
        async with supervised(channel := Echo(url)):
            await eventually(lambda: channel.data == [1])
        await eventually(lambda: codes == [1000])
        assert channel.closed == 1


async def test_cancelling_works_at_every_moment_of_a_dying_connection() -> None:
    async def say_one_thing(socket: ServerConnection) -> None:
        await socket.send('{"data": 1}')

    clock = system_clock()
    async with venue(say_one_thing) as url:
        for turns in range(100):
            health = FeedHealth("echo", clock)
            backoff = Backoff(0.0001, 0.0001)
            task = asyncio.create_task(
                supervise(Echo(url), health, clock, random.Random(1), silence_s=5, backoff=backoff)
            )
            await eventually(lambda health=health: health.opens)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            _, pending = await asyncio.wait([task], timeout=5)
            assert not pending, f"not cancelled after {turns} turns of the loop"


async def test_this_machine_is_reached_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    async with venue(serve_data) as url, supervised(channel := Echo(url)):
        await eventually(lambda: channel.data == [1])


async def test_waits_grow_while_connections_die_young_and_start_anew_after_a_long_one() -> None:
    clock = ManualClock(0)
    waits: list[float] = []

    class Watched(FeedHealth):
        def down(self, reason: str, retry_in_s: float) -> None:
            waits.append(retry_in_s)
            super().down(reason, retry_in_s)

    async def short(socket: ServerConnection) -> None:
        if len(waits) == 3:
            clock.advance_to(60_000)
        await socket.send('{"data": 1}')

    async with venue(short) as url:
        health = Watched("echo", clock)
        backoff = Backoff(0.01, 10)
        task = asyncio.create_task(supervise(Echo(url), health, clock, random.Random(1), silence_s=99, backoff=backoff))
        await eventually(lambda: len(waits) >= 4)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for wait, ceiling in zip(waits, (0.01, 0.02, 0.04, 0.01), strict=False):
        assert ceiling / 2 <= wait <= ceiling


def test_hosts_are_left_only_when_they_gave_no_data() -> None:
    hosts = Hosts(["a", "b", "c"])
    assert [hosts.next(), hosts.next()] == ["a", "b"]
    hosts.gave_data()
    assert hosts.next() == "b"
    assert [hosts.next(), hosts.next()] == ["c", "a"]


def test_there_must_be_a_host() -> None:
    with pytest.raises(ValueError, match="no address"):
        Hosts([])
