"""Running digests of what goes into the engine and what comes out."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from polyterm.core.digest import SessionDigest, WindowDigest
from polyterm.core.event import (
    Event,
    PositionOpened,
    StrikeSet,
    TradeClosed,
    TradeCorrected,
    WindowClosed,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.input import Fill, Input, Outcome, WindowEnded, WindowOpened
from polyterm.core.market import MarketKey
from polyterm.core.tick import Tick
from polyterm.engine.books import Series, series_of

DIGEST_BYTES: Final = 16

_encode: Final = msgspec.msgpack.Encoder().encode


class _Running:
    def __init__(self) -> None:
        self.count = 0
        self._hash = blake2b(digest_size=DIGEST_BYTES)

    def add(self, encoded: bytes) -> None:
        self.count += 1
        self._hash.update(encoded)

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


class _Window:
    def __init__(self, first_input: int) -> None:
        self.first_input = first_input
        self.inputs = _Running()
        self.events = _Running()


class RunningDigests:
    """Of one session. Give it every input with the events that the engine made of it, in order.

    A window's digest takes in what names the window; commands and disabled strategies name none and count for the
    session alone, like everything about a window that is closed already.
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._events = _Running()
        self._last_input = 0
        self._windows: dict[MarketKey, _Window] = {}
        self._closed: dict[Series, int] = {}

    def add(self, item: Input, events: Sequence[Event]) -> tuple[WindowDigest, ...]:
        """The digests of the windows that were closed by this input."""
        self._last_input = item.number
        self._add_input(item)
        closed = []
        for event in events:
            encoded = _encode(event)
            self._events.add(encoded)
            key = _key_of(event)
            window = None if key is None else self._windows.get(key)
            if window is None:
                continue
            window.events.add(encoded)
            if isinstance(event, WindowClosed):
                closed.append(self._close(event, window))
        return tuple(closed)

    def summary(self) -> SessionDigest:
        return SessionDigest(self._last_input, self._events.count, self._events.hex)

    def _add_input(self, item: Input) -> None:
        payload = item.payload
        if not isinstance(payload, Tick | WindowOpened | WindowEnded | Outcome | Fill):
            return
        key = payload.key
        window = self._windows.get(key)
        if window is None and isinstance(payload, Tick | WindowOpened):
            window = self._begin(key, item.number)
        if window is not None:
            window.inputs.add(_encode(item))

    def _begin(self, key: MarketKey, number: int) -> _Window | None:
        series = series_of(key)
        if key.epoch <= self._closed.get(series, -1):
            return None
        for other in [other for other in self._windows if series_of(other) == series and other.epoch < key.epoch]:
            if not self._windows[other].events.count:  # never opened, so nothing will close it
                del self._windows[other]
        window = self._windows[key] = _Window(number)
        return window

    def _close(self, event: WindowClosed, window: _Window) -> WindowDigest:
        del self._windows[event.key]
        self._closed[series_of(event.key)] = event.key.epoch
        return WindowDigest(
            session=self._session,
            key=event.key,
            first_input=window.first_input,
            last_input=event.id.input,
            closed_ms=event.at_ms,
            inputs=window.inputs.count,
            events=window.events.count,
            inputs_digest=window.inputs.hex,
            events_digest=window.events.hex,
            session_events=self._events.count,
            session_digest=self._events.hex,
        )


def _key_of(event: Event) -> MarketKey | None:
    match event:
        case PositionOpened():
            return event.position.key
        case TradeClosed():
            return event.trade.key
        case TradeCorrected():
            return event.after.key
        case WindowStarted() | StrikeSet() | WindowClosed() | WindowSettled():
            return event.key
        case _:
            return None
