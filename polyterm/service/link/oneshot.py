"""One question or one command to a running engine, for the commands of the command line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from polyterm.core.command import Ack, Command
from polyterm.core.query import Answer, Query
from polyterm.core.snapshot import Snapshot, SnapshotDelta
from polyterm.errors import LinkError
from polyterm.service.link.client import TIMEOUT_S, LinkClient
from polyterm.service.link.port import Connection

_CLIENT: Final = "command"


async def ask(address: str, query: Query, *, token: str | None = None) -> Answer:
    """Raises LinkError when the engine cannot be reached or does not answer within 5 s."""
    async with _connected(LinkClient(address, token=token, client=_CLIENT)) as client:
        return await client.ask(query)


async def send(address: str, command: Command, *, token: str | None = None) -> Ack:
    """Raises LinkError when the engine cannot be reached or does not answer within 5 s."""
    async with _connected(LinkClient(address, token=token, client=_CLIENT)) as client:
        return await client.send(command)


async def status(address: str, *, token: str | None = None) -> Snapshot:
    """All sections as they are now. Raises LinkError when the engine cannot be reached."""
    client = LinkClient(address, token=token, client=_CLIENT)
    first: asyncio.Future[SnapshotDelta] = asyncio.get_running_loop().create_future()

    def keep(delta: SnapshotDelta) -> None:
        if not first.done():
            first.set_result(delta)

    client.on_snapshot = keep
    async with _connected(client):
        try:
            async with asyncio.timeout(TIMEOUT_S):
                delta = await first
        except TimeoutError:
            raise LinkError(f"The engine at {address} sent no status within {TIMEOUT_S:g} s.") from None
    # The first delta after a welcome has every section; convert says so if one is missing.
    try:
        return msgspec.convert(delta, Snapshot, from_attributes=True)
    except msgspec.ValidationError as error:
        raise LinkError(f"The engine at {address} sent an incomplete status: {error}.") from None


@asynccontextmanager
async def _connected(client: LinkClient) -> AsyncIterator[LinkClient]:
    """The client once it is connected; the first failure is final."""
    settled: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    def watch(connection: Connection) -> None:
        if connection.state != "connecting" and not settled.done():
            settled.set_result(connection)

    client.on_connection = watch
    running = asyncio.create_task(client.run())
    try:
        connection = await settled
        if connection.state == "disconnected":
            raise LinkError(f"The engine cannot be used: {connection.reason}.")
        yield client
    finally:
        running.cancel()
        await asyncio.wait([running])
