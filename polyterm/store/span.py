"""Which part of a source is wanted: a time, and coins."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import Coin, MarketKey
from polyterm.core.tick import Tick
from polyterm.errors import ConfigError

Stamped = tuple[int, Payload]

_MS_SINCE: Final = 100_000_000_000
"""From there on a number is unix milliseconds, below it unix seconds."""


class Span(msgspec.Struct, frozen=True):
    """Ticks stamped from ``from_ms`` (inclusive) to ``to_ms`` (exclusive), unix ms; None leaves that end open.

    A window counts when any part of it lies within, and then with its start, its end and its outcome.
    """

    from_ms: int | None = None
    to_ms: int | None = None
    coins: tuple[Coin, ...] | None = None

    def contains(self, at_ms: int) -> bool:
        return (self.from_ms is None or at_ms >= self.from_ms) and (self.to_ms is None or at_ms < self.to_ms)

    def touches(self, key: MarketKey) -> bool:
        after = self.from_ms is None or key.end * 1000 > self.from_ms
        return after and (self.to_ms is None or key.epoch * 1000 < self.to_ms)

    def wants(self, payload: Payload) -> bool:
        match payload:
            case Tick():
                return self._wants_coin(payload.key) and self.contains(payload.at_ms)
            case WindowOpened() | WindowEnded() | Outcome():
                return self._wants_coin(payload.key) and self.touches(payload.key)
            case _:
                return True

    def _wants_coin(self, key: MarketKey) -> bool:
        return self.coins is None or key.coin in self.coins


def within(span: Span, payloads: Iterable[Stamped]) -> Iterator[Stamped]:
    return (stamped for stamped in payloads if span.wants(stamped[1]))


def parse_moment(text: str) -> int:
    """Unix ms of ``2026-02-01``, ``2026-02-01T12:30`` (UTC unless it says otherwise), unix seconds or unix ms.

    Raises:
        ConfigError: it is none of these.
    """
    try:
        ms = _ms(text)
    except ValueError:
        ms = None
    if ms is None or not 0 <= ms < _MS_SINCE * 1000:
        raise ConfigError(
            f"{text!r} is no time: write a date like 2026-02-01, a time like 2026-02-01T12:30, or unix seconds."
        )
    return int(ms)


def _ms(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    return number * 1000 if number < _MS_SINCE else number
