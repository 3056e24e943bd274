"""A websocket that is kept alive: connect, subscribe, read, judge by data, reconnect with back-off, for ever."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from polyterm.errors import FeedError
from polyterm.transport.address import host_of, is_loopback
from polyterm.transport.backoff import Backoff
from polyterm.transport.clock import Clock
from polyterm.transport.health import RAW_KEPT, FeedHealth
from polyterm.transport.http import USER_AGENT
from polyterm.transport.reasons import failure_reason
from polyterm.transport.tap import SILENT, Tap

log = logging.getLogger("polyterm.feeds")
# The library's lower levels print whole frames, credentials included.
library_log = logging.getLogger("polyterm.websockets")
library_log.setLevel(logging.WARNING)

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
SEND_TIMEOUT_S: Final = 5.0
MAX_FRAME_BYTES: Final = 8 * 2**20
OUTBOX_FRAMES: Final = 256
SETTLED_AFTER_S: Final = 10.0
RETRY_AFTER_MAX_S: Final = 600.0

Send = Callable[[str], None]
"""Queues a text frame; never blocks. When ``OUTBOX_FRAMES`` wait, the connection is given up and opened anew. After the
connection has ended the frame is dropped: ``on_open`` of the next one subscribes afresh."""


class HangUpError(FeedError):
    """Raised by a channel to end its connection.

    ``retry_in_s`` None means the usual back-off, 0 at once: the second time in a row it waits like any other failure.
    """

    def __init__(self, reason: str, retry_in_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_in_s = retry_in_s


class CloseRule(msgspec.Struct, frozen=True):
    """What a venue means by a close code, and the range (s) from which the wait before the next try is drawn."""

    meaning: str
    min_s: float
    max_s: float


class Channel(Protocol):
    """What one venue's stream adds to a supervised socket. All callbacks are synchronous and must be quick."""

    @property
    def name(self) -> str: ...

    @property
    def keepalive(self) -> tuple[float, str] | None:
        """A text frame to send every so many seconds, if the venue wants one."""
        ...

    def url(self) -> str:
        """Where to connect now; asked before every attempt, so that a channel can go through its hosts."""
        ...

    def on_open(self, send: Send) -> None:
        """The socket is open: subscribe. ``send`` may be kept and used until ``on_close``."""
        ...

    def on_text(self, text: str) -> bool:
        """One text frame. True if it carried data; an answer to a keepalive or a subscription is none.

        Raises:
            ValueError, msgspec.DecodeError: the frame is malformed; it is counted, logged and skipped.
            HangUpError: the connection shall be ended.
        """
        ...

    def on_close(self) -> None:
        """The connection that ``on_open`` announced has ended; whatever it kept up to date is now in doubt."""
        ...


class Hosts:
    """Addresses in order of preference: stays with one that gave data, moves on from one that did not."""

    def __init__(self, urls: Sequence[str]) -> None:
        if not urls:
            raise ValueError("no address given")
        self._urls = tuple(urls)
        self._at = -1
        self._proven = False

    def next(self) -> str:
        """The address for the next attempt."""
        if not self._proven:
            self._at = (self._at + 1) % len(self._urls)
        self._proven = False
        return self._urls[self._at]

    def gave_data(self) -> None:
        self._proven = True


async def supervise(
    channel: Channel,
    health: FeedHealth,
    clock: Clock,
    rng: random.Random,
    *,
    silence_s: float,
    lifetime_s: float | None = None,
    closes: Mapping[int, CloseRule] | None = None,
    backoff: Backoff | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    tap: Tap = SILENT,
) -> None:
    """Keep ``channel`` connected until cancelled. All times are machine seconds.

    A connection without *data* for ``silence_s`` is given up although it may answer pings; one older than
    ``lifetime_s`` is renewed at once. ``closes`` explains the venue's own close codes. ``tap`` hears what is received.
    """
    health.stale_after_s = silence_s / 2
    backoff = backoff or Backoff()
    failures = 0
    url = channel.url()
    while True:
        health.connecting(host_of(url))
        began = clock.monotonic()
        connection = _Connection(channel, health, clock, silence_s, lifetime_s, tap)
        ending = await _attempt(connection, url, open_timeout_s, rng, closes or {})
        settled = connection.had_data and clock.monotonic() - began >= SETTLED_AFTER_S
        failures = 1 if settled else failures + 1
        retry_in_s = backoff.wait(failures, rng, ending.retry_in_s)
        previous, url = host_of(url), channel.url()
        moving = f"; trying {host_of(url)} next" if host_of(url) != previous else ""
        health.down(ending.reason + moving, retry_in_s)
        await asyncio.sleep(retry_in_s)


class _Ending(msgspec.Struct, frozen=True):
    reason: str
    retry_in_s: float | None


async def _attempt(
    connection: "_Connection", url: str, open_timeout_s: float, rng: random.Random, closes: Mapping[int, CloseRule]
) -> _Ending:
    try:
        await connection.run(url, open_timeout_s)
    except (FeedError, WebSocketException, OSError) as error:
        return _ending(error, host_of(url), rng, closes)
    except Exception as error:  # the one supervisor: a bug in a channel must not end its feed
        log.exception("feed.bug", extra={"host": host_of(url)})
        return _Ending(f"internal error: {type(error).__name__}: {error}", None)
    return _Ending(f"{host_of(url)} closed the connection", None)


def _ending(error: Exception, host: str, rng: random.Random, closes: Mapping[int, CloseRule]) -> _Ending:
    if isinstance(error, HangUpError):
        return _Ending(str(error), error.retry_in_s)
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        rule = closes.get(error.rcvd.code)
        if rule is not None:
            return _Ending(f"{host} {rule.meaning} ({error.rcvd.code})", rng.uniform(rule.min_s, rule.max_s))
    retry_in_s = _retry_after(error.response.headers.get("Retry-After")) if isinstance(error, InvalidStatus) else None
    return _Ending(failure_reason(error, host), retry_in_s)


def _retry_after(text: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header. The date form is rare and treated as absent."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return min(float(text), RETRY_AFTER_MAX_S)


class _Connection:
    """One connection from dialling to its end, whatever ends it."""

    def __init__(  # noqa: PLR0917 - private, and called in one place
        self, channel: Channel, health: FeedHealth, clock: Clock, silence_s: float, lifetime_s: float | None, tap: Tap
    ) -> None:
        self._tap = tap
        self.had_data = False
        self._channel = channel
        self._health = health
        self._clock = clock
        self._silence_s = silence_s
        self._lifetime_s = lifetime_s
        self._data_at = 0.0
        self._outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX_FRAMES)
        self._overflow = asyncio.Event()

    async def run(self, url: str, open_timeout_s: float) -> None:
        """Raises what ended the connection; never returns."""
        async with connect(
            url,
            open_timeout=open_timeout_s,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_FRAME_BYTES,
            compression=None,
            proxy=None if is_loopback(url) else True,
            user_agent_header=USER_AGENT,
            logger=library_log,
        ) as socket:
            self._data_at = self._clock.monotonic()
            self._health.opened()
            self._tap.hear("open", self._channel.name, host_of(url))
            try:
                self._channel.on_open(self._send)
                await self._serve(socket, host_of(url))
            finally:
                self._tap.hear("close", self._channel.name, host_of(url))
                self._channel.on_close()

    async def _serve(self, socket: ClientConnection, host: str) -> None:
        parts = [self._read(socket, host), self._write(socket), self._watch(host), self._fail_on_overflow(host)]
        if self._channel.keepalive is not None:
            parts.append(self._keep_alive(*self._channel.keepalive))
        if self._lifetime_s is not None:
            parts.append(self._expire(host, self._lifetime_s))
        # Not a TaskGroup: before Python 3.13 one that is failing swallows a cancellation of the same moment.
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _read(self, socket: ClientConnection, host: str) -> None:
        while True:
            frame = await socket.recv()  # bounded by _watch
            try:
                text = frame if isinstance(frame, str) else frame.decode()
                self._tap.hear("frame", self._channel.name, host, text)
                carried_data = self._channel.on_text(text)
            except (msgspec.DecodeError, ValueError) as error:
                self._health.note_malformed(str(frame[:RAW_KEPT]), error)
                continue
            if carried_data:
                self.had_data = True
                self._data_at = self._clock.monotonic()
                self._health.data()
                self._health.latency_s = socket.latency or None  # 0 until the first ping was answered

    def _send(self, text: str) -> None:
        try:
            self._outbox.put_nowait(text)
        except asyncio.QueueFull:
            self._overflow.set()

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            text = await self._outbox.get()
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send(text)

    async def _keep_alive(self, interval_s: float, text: str) -> None:
        while True:
            await asyncio.sleep(interval_s)
            self._send(text)

    async def _watch(self, host: str) -> None:
        while True:
            left_s = self._silence_s - (self._clock.monotonic() - self._data_at)
            if left_s <= 0:
                raise HangUpError(f"no data from {host} for {self._silence_s:g} s although the connection is open")
            await asyncio.sleep(left_s)

    async def _fail_on_overflow(self, host: str) -> None:
        await self._overflow.wait()
        raise HangUpError(f"{host} does not take our messages")

    async def _expire(self, host: str, lifetime_s: float) -> None:
        await asyncio.sleep(lifetime_s)
        raise HangUpError(f"the connection to {host} is renewed before the venue ends it", 0.0)
