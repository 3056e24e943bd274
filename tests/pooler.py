"""A transaction pooler in front of a PostgreSQL, as Supabase has it on port 6543: every transaction may get another
session of the server, and with it nothing that an earlier one left behind. It encrypts when it has a certificate."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.postgres import Cluster

_SSL_REQUEST = 80877103
_CANCEL_REQUEST = 80877102
_VERSION = 196608


class _Session:
    """A connection of the pooler to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer


class Pooler:
    """``greeting`` is what the server told at the start; ``handed_out`` counts sessions given to transactions."""

    def __init__(self, cluster: Cluster, database: str, certificate: ssl.SSLContext | None) -> None:
        self.handed_out = 0
        self.port = 0
        self._cluster, self._database, self._certificate = cluster, database, certificate
        self._free: asyncio.Queue[_Session] = asyncio.Queue()
        self._greeting = b""
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def open(self, sessions: int) -> None:
        for _ in range(sessions):
            path = self._cluster.root / f".s.PGSQL.{self._cluster.port}"
            session = _Session(*await asyncio.open_unix_connection(str(path)))
            names = f"user\0postgres\0database\0{self._database}\0\0".encode()
            session.writer.write(struct.pack("!ii", 8 + len(names), _VERSION) + names)
            self._greeting = b""
            while not self._greeting.endswith(b"Z\0\0\0\5I"):
                self._greeting += await _message(session.reader)
            self._free.put_nowait(session)

    async def close(self) -> None:
        for writer in self._clients.values():
            writer.close()
        await asyncio.gather(*self._clients)
        while not self._free.empty():
            self._free.get_nowait().writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            if await self._greet(reader, writer):
                await self._pass_on(reader, writer)
        writer.close()
        del self._clients[task]

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            length, code = struct.unpack("!ii", await reader.readexactly(8))
            await reader.readexactly(length - 8)
            if code == _CANCEL_REQUEST:
                return False
            if code != _SSL_REQUEST:
                writer.write(self._greeting)
                return True
            writer.write(b"S" if self._certificate else b"N")
            if self._certificate:
                plain = writer.transport
                try:
                    await writer.start_tls(self._certificate)
                except AttributeError:  # the client hung up over the certificate: 3.11 leaves the stream without an end
                    writer._transport = plain
                    return False

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = asyncio.ensure_future(_message(reader))
        while (await asked)[:1] != b"X":
            session = await self._free.get()
            self.handed_out += 1
            waiting: list[bool] = []
            answered = asyncio.ensure_future(self._answer(session, writer, waiting))
            try:
                while not answered.done():
                    if asked.done():
                        message = await asked
                        waiting += [True] * (message[:1] in b"QS")
                        session.writer.write(message)
                        asked = asyncio.ensure_future(_message(reader))
                    await asyncio.wait([asked, answered], return_when=asyncio.FIRST_COMPLETED)
            finally:
                answered.cancel()
                self._free.put_nowait(session)

    async def _answer(self, session: _Session, writer: asyncio.StreamWriter, waiting: list[bool]) -> None:
        """All that the server says, until it owes no answer and no transaction is open."""
        while True:
            message = await _message(session.reader)
            writer.write(message)
            if message[:1] == b"Z":
                waiting.pop()
                if message[-1:] == b"I" and not waiting:
                    return


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


@asynccontextmanager
async def pooling(
    cluster: Cluster, database: str, sessions: int = 3, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[Pooler]:
    pooler = Pooler(cluster, database, certificate)
    await pooler.open(sessions)
    server = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    pooler.port = server.sockets[0].getsockname()[1]
    try:
        yield pooler
    finally:
        server.close()
        await pooler.close()
        await server.wait_closed()
