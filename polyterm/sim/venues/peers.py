"""Connected clients of a venue's websocket, and how one that reads too slowly is let go."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

import msgspec
from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

log = logging.getLogger(__name__)

QUEUE_FRAMES: Final = 4096
PING_S: Final = 20.0
MAX_FRAME_BYTES: Final = 64 * 1024


class _Close(msgspec.Struct, frozen=True):
    code: int
    reason: str


class Peer:
    """One client. Frames wait in a bounded queue: when it is full the client is dropped, the world never waits."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._request = request
        self._socket = socket
        self._queue: asyncio.Queue[bytes | _Close] = asyncio.Queue(QUEUE_FRAMES)
        self._dropped = False

    def send(self, frame: bytes) -> None:
        self._put(frame)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye after everything that is still in the queue."""
        self._put(_Close(code, reason))

    def drop(self) -> None:
        """Break the connection without a goodbye."""
        self._dropped = True
        if self._request.transport is not None:
            self._request.transport.abort()

    def _put(self, item: bytes | _Close) -> None:
        if self._dropped:
            return
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            log.warning("a client of %s read too slowly and was dropped", self._request.path)
            self.drop()

    async def serve(self, on_text: Callable[[str], None]) -> None:
        """Read and write until the client or the venue hangs up."""
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write())
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    on_text(message.data)
            writer.cancel()

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            try:
                if isinstance(item, _Close):
                    await self._socket.close(code=item.code, message=item.reason.encode())
                    return
                await self._socket.send_frame(item, WSMsgType.TEXT)
            except (ClientConnectionResetError, ConnectionError):
                return  # the reader sees the same end and finishes


AnyPeer = TypeVar("AnyPeer", bound=Peer)


class Audience(Generic[AnyPeer]):
    """The clients of one websocket endpoint."""

    def __init__(self) -> None:
        self._peers: set[AnyPeer] = set()

    def __iter__(self) -> Iterator[AnyPeer]:
        return iter(tuple(self._peers))

    def __bool__(self) -> bool:
        return bool(self._peers)

    def drop(self) -> None:
        for peer in self:
            peer.drop()

    def close(self) -> None:
        for peer in self:
            peer.close(WSCloseCode.GOING_AWAY, "the simulator ends")

    async def attend(
        self,
        request: web.Request,
        make: Callable[[web.Request, web.WebSocketResponse], AnyPeer],
        on_text: Callable[[AnyPeer, str], None],
    ) -> web.WebSocketResponse:
        """Shake hands and serve one client. Frames are sent uncompressed: deflate would cost more than all the rest."""
        socket = web.WebSocketResponse(heartbeat=PING_S, compress=False, max_msg_size=MAX_FRAME_BYTES)
        await socket.prepare(request)
        peer = make(request, socket)
        self._peers.add(peer)
        try:
            await peer.serve(lambda text: on_text(peer, text))
        finally:
            self._peers.discard(peer)
        return socket
