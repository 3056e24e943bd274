"""The client's side of the link: one websocket to an engine, over a Unix socket or TCP, reopened when it drops."""

import asyncio
import importlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from polyterm.core.command import Ack, Command
from polyterm.core.event import Event
from polyterm.core.playback import PlaybackOrder
from polyterm.core.query import Answer, Query
from polyterm.core.snapshot import SnapshotDelta
from polyterm.errors import ConfigError, LinkError
from polyterm.service.link.port import Connection
from polyterm.service.link.thin import Whole
from polyterm.service.link.wire import (
    CLOSE_BAD_MESSAGE,
    CLOSE_BAD_TOKEN,
    PROTOCOL,
    Acked,
    Answered,
    Ask,
    ClientMessage,
    EventBatch,
    Hello,
    Ping,
    Pong,
    Send,
    ServerMessage,
    Steer,
    Steered,
    Welcome,
)

TIMEOUT_S: Final = 5.0
PING_INTERVAL_S: Final = 2.0
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
COMPRESSION: Final = 15
"""Over a network: the logarithm of the window within which repetitions are found. A socket file has bytes enough."""
_CLOSE_TIMEOUT_S: Final = 1.0
_BACKOFF_S: Final = (0.25, 0.5, 1.0, 2.0, 5.0)
_STARTING_RETRY_S: Final = 0.1

_encode: Final = msgspec.json.Encoder().encode
_Reply = Answer | Ack | Steered | Pong

_decoder: Final[msgspec.json.Decoder[ServerMessage]] = msgspec.json.Decoder(ServerMessage)

# A console is on the screen sooner when aiohttp, 0.15 s of imports, comes while it is painted.
if TYPE_CHECKING:
    import aiohttp


class LinkClient:
    """A ``Link`` to ``unix:/path/to.sock`` or ``http://host:port``.

    An engine may still be starting for ``starting_s``: until then a failure to reach it is no news, and the next try
    follows at once.

    Raises:
        ConfigError: when the address has neither form.
    """

    def __init__(
        self, address: str, *, token: str | None = None, client: str = "console", starting_s: float = 0.0
    ) -> None:
        self.on_connection: Callable[[Connection], None] = _ignore
        self.on_snapshot: Callable[[SnapshotDelta], None] = _ignore
        self.on_events: Callable[[tuple[Event, ...]], None] = _ignore
        self.connection = Connection("connecting", address)
        self._address = address
        self._socket_path, self._url = _parse(address)
        self._token = token
        self._starting_s = starting_s
        self._hello = Hello(PROTOCOL, client, token)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._rids: Iterator[int] = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[_Reply]] = {}
        self._whole = Whole()

    async def run(self) -> None:
        """Connect, and reconnect with back-off, until cancelled."""
        await asyncio.to_thread(importlib.import_module, "aiohttp")
        loop = asyncio.get_running_loop()
        expected_by = loop.time() + self._starting_s
        failures = 0
        while True:
            self._tell(Connection("connecting", self._address, self.connection.reason))
            try:
                await self._session()
                reason = "the engine closed the connection"
            except LinkError as error:
                reason = str(error)
            finally:
                self._hang_up()
            if self.connection.state == "connected":
                failures, expected_by = 0, 0.0
            elif loop.time() < expected_by:
                await asyncio.sleep(_STARTING_RETRY_S)
                continue
            else:
                failures += 1
            delay = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            self._tell(Connection("disconnected", self._address, reason, retry_in_s=delay))
            await asyncio.sleep(delay)

    async def ask(self, query: Query) -> Answer:
        rid = next(self._rids)
        answer = await self._request(rid, Ask(rid, query))
        if isinstance(answer, Ack | Steered | Pong):
            raise LinkError("The engine answered a question with something else.")
        return answer

    async def send(self, command: Command) -> Ack:
        rid = next(self._rids)
        ack = await self._request(rid, Send(rid, command))
        if not isinstance(ack, Ack):
            raise LinkError("The engine answered a command with something else.")
        return ack

    async def steer(self, order: PlaybackOrder) -> str:
        rid = next(self._rids)
        answer = await self._request(rid, Steer(rid, order))
        if not isinstance(answer, Steered):
            raise LinkError("The engine answered the player's keys with something else.")
        return answer.refused

    async def _request(self, rid: int, message: ClientMessage) -> _Reply:
        socket = self._socket
        if socket is None:
            raise LinkError(f"Not connected to the engine: {self.connection.reason or 'still connecting'}.")
        future: asyncio.Future[_Reply] = asyncio.get_running_loop().create_future()
        self._waiting[rid] = future
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await socket.send_str(_encode(message).decode())
                return await future
        except TimeoutError:
            raise LinkError(f"The engine did not answer within {TIMEOUT_S:g} s.") from None
        except ConnectionError as error:
            raise LinkError(f"The connection to the engine broke: {error}.") from None
        finally:
            self._waiting.pop(rid, None)

    async def _session(self) -> None:
        import aiohttp  # noqa: PLC0415 - see above

        connector = aiohttp.UnixConnector(path=self._socket_path) if self._socket_path else aiohttp.TCPConnector()
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    socket = await session.ws_connect(
                        f"{self._url}/link",
                        max_msg_size=MAX_MESSAGE_BYTES,
                        timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                        compress=0 if self._socket_path else COMPRESSION,
                    )
            except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
                raise LinkError(self._why(error)) from None
            async with socket:
                await self._welcome(socket)
                await self._converse(socket)

    async def _welcome(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await socket.send_str(_encode(self._hello).decode())
                first = await socket.receive()
        except TimeoutError:
            raise LinkError(f"the engine at {self._address} did not say welcome within {TIMEOUT_S:g} s") from None
        except ConnectionError as error:
            raise LinkError(f"the connection to {self._address} broke: {error}") from None
        message = self._message(first)
        if message is None:
            raise LinkError(_closed(socket.close_code))
        if not isinstance(message, Welcome):
            raise LinkError(f"what listens at {self._address} is not a polyterm engine")
        self._socket = socket
        self._whole = Whole()
        self._tell(Connection("connected", self._address, role=message.role, engine_version=message.version))

    async def _converse(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        """Read until the socket closes, while a ping measures the round trip and notices a dead peer."""
        pings = asyncio.create_task(self._pings(socket))
        try:
            while (message := self._message(await socket.receive())) is not None:
                self._take(message)
        finally:
            pings.cancel()
            await asyncio.wait([pings])
        if not pings.cancelled():
            pings.result()
        raise LinkError(_closed(socket.close_code))

    async def _pings(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        loop = asyncio.get_running_loop()
        while True:
            rid, sent = next(self._rids), loop.time()
            try:
                await self._request(rid, Ping(rid))
            except LinkError:
                await socket.close()
                raise
            latency_ms = (loop.time() - sent) * 1000
            self._tell(msgspec.structs.replace(self.connection, latency_ms=latency_ms))
            await asyncio.sleep(PING_INTERVAL_S)

    def _take(self, message: ServerMessage) -> None:
        match message:
            case SnapshotDelta():
                self.on_snapshot(self._whole.of(message))
            case EventBatch(events=events):
                self.on_events(events)
            case Answered(rid=rid, answer=answer):
                self._settle(rid, answer)
            case Acked(rid=rid, ack=ack):
                self._settle(rid, ack)
            case Steered(rid=rid) | Pong(rid=rid):
                self._settle(rid, message)
            case Welcome():
                pass

    def _settle(self, rid: int, answer: _Reply) -> None:
        future = self._waiting.get(rid)
        if future is not None and not future.done():
            future.set_result(answer)

    def _message(self, frame: "aiohttp.WSMessage") -> ServerMessage | None:
        """The frame's message, None when the frame is the end of the connection."""
        import aiohttp  # noqa: PLC0415 - see above

        if frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
            return None
        if frame.type is not aiohttp.WSMsgType.TEXT:
            raise LinkError(f"the connection to {self._address} broke: {frame.data}")
        try:
            return _decoder.decode(frame.data)
        except msgspec.DecodeError as error:
            raise LinkError(f"the engine at {self._address} speaks another version: {error}") from None

    def _hang_up(self) -> None:
        self._socket = None
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(LinkError("The connection to the engine closed before it answered."))

    def _tell(self, connection: Connection) -> None:
        self.connection = connection
        self.on_connection(connection)

    def _why(self, error: Exception) -> str:
        import aiohttp  # noqa: PLC0415 - see above

        cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        match cause:
            case TimeoutError():
                return f"{self._address} did not answer within {TIMEOUT_S:g} s"
            case FileNotFoundError() | ConnectionRefusedError():
                return f"no engine is listening at {self._address}"
            case PermissionError():
                return f"{self._address} belongs to another user"
            case aiohttp.WSServerHandshakeError(status=401 | 403):
                return f"the engine at {self._address} wants a valid token"
            case aiohttp.WSServerHandshakeError(status=status):
                return f"{self._address} answered HTTP {status} instead of a polyterm link"
            case _:
                return f"{self._address} cannot be reached: {cause}"


def _parse(address: str) -> tuple[str | None, str]:
    """(path of a Unix socket or None, base URL)."""
    if address.startswith("unix:") and len(address) > len("unix:"):
        return address.removeprefix("unix:"), "http://localhost"
    if address.startswith(("http://", "https://")):
        return None, address.rstrip("/")
    raise ConfigError(f"The address {address!r} is neither unix:/path nor http://host:port.")


def _closed(code: int | None) -> str:
    if code == CLOSE_BAD_TOKEN:
        return "the engine refused the token"
    if code == CLOSE_BAD_MESSAGE:
        return "the engine did not understand this console: the versions differ"
    return "the engine closed the connection"


def _ignore(_: object) -> None:
    """The default of every callback."""
