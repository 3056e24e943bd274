"""A recording as it is read: its inputs in their order, and where its windows begin."""

import asyncio
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.tick import Tick
from polyterm.store.span import Stamped

PIECE: Final = 512

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[tuple[int, Payload]]).decode


class Tape:
    """Kept compressed in memory: a day of four coins is some 10 to 40 megabytes.

    ``starts`` are the places of the inputs that begin a window which no input before them speaks of: windows of
    several coins that begin together are one. ``complete`` once there is no more to come.
    """

    def __init__(self) -> None:
        self.length = 0
        self.ticks = 0
        self.starts: list[int] = []
        self.series: list[tuple[Coin, Horizon]] = []
        self.complete = False
        self._newest_epoch = -1
        self._begun: dict[MarketKey, int] = {}
        self._pieces: list[bytes] = []
        self._unpacked: tuple[int, list[Stamped]] = (-1, [])

    def append(self, piece: Sequence[Stamped], packed: bytes) -> None:
        """``packed`` is ``pack(piece)``. All pieces but the last have the same length."""
        for place, (_, payload) in enumerate(piece, start=self.length):
            self._note(place, payload)
        self._pieces.append(packed)
        self.length += len(piece)

    def _note(self, place: int, payload: Payload) -> None:
        if isinstance(payload, Tick):
            self.ticks += 1
        if isinstance(payload, WindowOpened):
            self._begun.setdefault(payload.key, place)
            if payload.key.epoch > self._newest_epoch:
                self._newest_epoch = payload.key.epoch
                self.starts.append(place)
        if isinstance(payload, Tick | WindowOpened | WindowEnded | Outcome):
            series = (payload.key.coin, payload.key.horizon)
            if series not in self.series:
                self.series.append(series)

    def at(self, place: int) -> Stamped:
        """The input there; quick when places are asked for in their order."""
        number, within = divmod(place, PIECE)
        if self._unpacked[0] != number:
            self._unpacked = (number, _decode(zlib.decompress(self._pieces[number])))
        return self._unpacked[1][within]

    def window_at(self, place: int) -> int:
        """The number, from 1, of the window that has begun last or begins there; 0 before the first."""
        return bisect_right(self.starts, place)

    def ticks_of(self, key: MarketKey, before: int) -> tuple[Tick, ...]:
        """The ticks of a window at places before ``before``."""
        begun = self._begun.get(key)
        if begun is None:
            return ()
        found = []
        for place in range(begun, before):
            at_ms, payload = self.at(place)
            if isinstance(payload, Tick) and payload.key == key:
                found.append(payload)
            elif at_ms > key.end * 1000:
                break
        return tuple(found)


def pack(piece: Sequence[Stamped]) -> bytes:
    return zlib.compress(_encode(piece), 1)


class Reading:
    """Reads ``payloads`` onto a tape in a thread, since that blocks and takes long.

    ``grown`` is called after each piece and at the end.
    """

    def __init__(self, payloads: Iterable[Stamped], tape: Tape, grown: Callable[[], None]) -> None:
        self._payloads = payloads
        self._tape = tape
        self._grown = grown
        self._cancelled = False

    async def run(self) -> None:
        """Returns when everything is on the tape. Cancelled, it leaves the thread to end with its piece."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, self._read, loop)
        finally:
            self._cancelled = True
        self._tape.complete = True
        self._grown()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        for piece in _pieces(self._payloads):
            packed = pack(piece)
            if self._cancelled:
                return
            loop.call_soon_threadsafe(self._take, piece, packed)

    def _take(self, piece: Sequence[Stamped], packed: bytes) -> None:
        self._tape.append(piece, packed)
        self._grown()


def _pieces(payloads: Iterable[Stamped]) -> Iterator[list[Stamped]]:
    following = iter(payloads)
    while piece := list(islice(following, PIECE)):
        yield piece
