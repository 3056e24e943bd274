"""A peer that speaks the link's protocol from a script, to test the client against what a real server rarely does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import web

from polyterm.service.link.wire import PROTOCOL, Ask, ClientMessage, Hello, Ping, Pong, Send, ServerMessage, Welcome

Script = Callable[[web.WebSocketResponse, ClientMessage], Awaitable[None]]
_decoder = msgspec.json.Decoder(ClientMessage)


async def say(socket: web.WebSocketResponse, message: ServerMessage) -> None:
    await socket.send_str(msgspec.json.encode(message).decode())


async def polite(socket: web.WebSocketResponse, message: ClientMessage) -> None:
    """Welcomes and pongs."""
    match message:
        case Hello():
            await say(socket, Welcome(PROTOCOL, "0", "s", "operator"))
        case Ping(rid=rid):
            await say(socket, Pong(rid))
        case Ask() | Send():
            pass


@asynccontextmanager
async def scripted_engine(path: Path, script: Script) -> AsyncIterator[str]:
    """Serves ``/link`` on a Unix socket and gives the address."""

    async def link(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for frame in socket:
            await script(socket, _decoder.decode(frame.data))
        return socket

    app = web.Application()
    app.router.add_get("/link", link)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(path)).start()
        yield f"unix:{path}"
    finally:
        await runner.cleanup()
