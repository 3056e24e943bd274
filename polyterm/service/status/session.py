"""The server's side of the link: one attached client."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import WSMsgType, web
from pydantic import SecretStr

from polyterm import __version__
from polyterm.core.command import Ack, Command
from polyterm.core.playback import PlaybackOrder
from polyterm.core.query import Answer, Failed, Query
from polyterm.core.snapshot import Snapshot
from polyterm.service.link.thin import thinned
from polyterm.service.link.wire import (
    CLOSE_BAD_MESSAGE,
    CLOSE_BAD_TOKEN,
    PROTOCOL,
    Acked,
    Answered,
    Ask,
    ClientMessage,
    ClientRole,
    Hello,
    Ping,
    Pong,
    Send,
    ServerMessage,
    Steer,
    Steered,
    Welcome,
)
from polyterm.service.status.access import token_fits
from polyterm.service.status.hub import Hub
from polyterm.service.status.operations import Send as SendCommand
from polyterm.service.status.operations import Steer as SteerPlayer
from polyterm.service.status.operations import Viewed

HELLO_TIMEOUT_S: Final = 5.0
HEARTBEAT_S: Final = 10.0
MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_OUTBOX: Final = 1000
MAX_QUESTIONS: Final = 8
VIEWER_MAY: Final = ("kill", "pause")

log = logging.getLogger(__name__)
_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


class Session:
    """Answers, acknowledgements and events wait in an outbox; of snapshots only the newest does.

    A client whose outbox is full does not read: ``abort`` cuts it off. It can come back and ask for what it missed.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        role: ClientRole,
        view: Viewed,
        hub: Hub,
        *,
        send: SendCommand,
        steer: SteerPlayer,
        abort: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._abort = abort
        self._role = role
        self._view = view
        self._send = send
        self._steer = steer
        self._hub = hub
        self._outbox: deque[ServerMessage] = deque()
        self._snapshot: Snapshot | None = None
        self._sent: Snapshot | None = None
        self._wake = asyncio.Event()
        self._questions = 0

    async def run(self, expected: SecretStr | None) -> None:
        """Serve the client until it leaves; ``expected`` is the configured token."""
        if not await self._welcomed(expected):
            return
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write())
            self._hub.join(self)
            try:
                await self._read(tasks)
            finally:
                self._hub.leave(self)
                writer.cancel()

    def offer(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._wake.set()

    def tell(self, message: ServerMessage) -> None:
        if len(self._outbox) >= MAX_OUTBOX:
            log.warning("a console does not keep up and is cut off")
            self._abort()
            return
        self._outbox.append(message)
        self._wake.set()

    async def _welcomed(self, expected: SecretStr | None) -> bool:
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                frame = await self._socket.receive()
        except TimeoutError:
            await self._socket.close(code=CLOSE_BAD_MESSAGE, message=b"no hello")
            return False
        hello = _decode(frame.data) if frame.type is WSMsgType.TEXT else None
        if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
            await self._socket.close(code=CLOSE_BAD_MESSAGE, message=b"another protocol")
            return False
        # An operator has proved more than a token already: the socket file's permissions or the header.
        if hello.token is not None and self._role != "operator":
            if not token_fits(hello.token, expected):
                await self._socket.close(code=CLOSE_BAD_TOKEN, message=b"wrong token")
                return False
            self._role = "operator"
        self.tell(Welcome(PROTOCOL, __version__, self._view.session, self._role))
        log.info("%s attached as %s", hello.client[:80], self._role)
        return True

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        async for frame in self._socket:
            message = _decode(frame.data) if frame.type is WSMsgType.TEXT else None
            match message:
                case Ping(rid=rid):
                    self.tell(Pong(rid))
                case Send(rid=rid, command=command):
                    tasks.create_task(self._command(rid, command))
                case Ask(rid=rid, query=query):
                    if self._questions < MAX_QUESTIONS:
                        self._questions += 1
                        tasks.create_task(self._answer(rid, query))
                    else:
                        self.tell(Answered(rid, Failed("Too many questions at once: wait for the first answers.")))
                case Steer(rid=rid, order=order):
                    self.tell(Steered(rid, self._steered(order)))
                case Hello():
                    pass
                case None:
                    await self._socket.close(code=CLOSE_BAD_MESSAGE, message=b"not understood")

    async def _command(self, rid: int, command: Command) -> None:
        if self._role == "operator" or command.kind in VIEWER_MAY:
            ack = await self._send(command)
        else:
            state = self._view.trading_state
            ack = Ack(command.id, False, f"a viewer may not {command.kind}: give the token, or use the socket", state)
        self.tell(Acked(rid, ack))

    def _steered(self, order: PlaybackOrder) -> str:
        if self._role != "operator":
            return "a viewer may not steer the playback"
        return self._steer(order)

    async def _answer(self, rid: int, query: Query) -> None:
        answer: Answer = await self._view.ask(query)
        self._questions -= 1
        self.tell(Answered(rid, answer))

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    await self._socket.send_str(_encoder.encode(self._outbox.popleft()).decode())
                if self._snapshot is not None and (delta := thinned(self._sent, self._snapshot)) is not None:
                    self._sent = self._snapshot
                    await self._socket.send_str(_encoder.encode(delta).decode())
        except ConnectionError:
            pass  # it has left; reading notices


def _decode(text: str) -> ClientMessage | None:
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        return None
