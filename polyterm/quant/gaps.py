"""Where a series has gaps: ticks that were not made, and what the ticks that were made lack."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from polyterm.core.gap import Gap, GapFeed
from polyterm.core.input import Payload, WindowEnded
from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.tick import BOOK_MAX_AGE_MS, SPOT_MAX_AGE_MS, Tick

# A print a second; the chain's rounds come every 34 s, and are watched only where there is no stream.
SETTLEMENT_MAX_AGE_MS: Final = 5_000
ORACLE_MAX_AGE_MS: Final = 90_000

NOT_RUNNING: Final = "the engine was not running"
LATE: Final = "the engine was late"

Series = tuple[Coin, Horizon]


class _Open(NamedTuple):
    """A gap that may go on: its first and last second so far, and how many of those between lack the value."""

    first: int
    last: int
    missing: int
    reason: str


class GapWatch:
    """Sees what enters the engine, in order. ``newest`` are the newest slots (unix s) that earlier sessions stored.

    A gap is told when it is over; one of a feed also when its window is, so that each belongs to one window. Limits are
    market milliseconds, ``stretch`` times as long on a fast clock. Feeds that have never said anything are not missed.
    """

    def __init__(self, newest: Mapping[Series, int] | None = None, stretch: float = 1.0) -> None:
        self._newest = dict(newest or {})
        self._began: set[Series] = set()
        self._heard: set[tuple[Series, GapFeed]] = set()
        self._open: dict[tuple[MarketKey, GapFeed], _Open] = {}
        self._max_age_ms: dict[GapFeed, float] = {
            "book": BOOK_MAX_AGE_MS * stretch,
            "spot": SPOT_MAX_AGE_MS * stretch,
            "settlement": SETTLEMENT_MAX_AGE_MS * stretch,
            "oracle": max(ORACLE_MAX_AGE_MS, SETTLEMENT_MAX_AGE_MS * stretch),
        }

    def see(self, payload: Payload) -> tuple[Gap, ...]:
        """The gaps that ended with it."""
        match payload:
            case Tick():
                return (*self._between(payload), *self._lacking(payload))
            case WindowEnded(key=key):
                return tuple(self._over(key))
            case _:
                return ()

    def _between(self, tick: Tick) -> Iterator[Gap]:
        """Seconds since the newest tick, or since the start of the first window that was ever seen."""
        series = (tick.key.coin, tick.key.horizon)
        newest = self._newest.get(series)
        first = tick.key.epoch if newest is None else newest + 1
        if tick.slot > first:
            reason = LATE if series in self._began else NOT_RUNNING
            yield Gap(*series, "ticks", first * 1000, tick.slot * 1000, tick.slot - first, reason)
        self._began.add(series)
        self._newest[series] = max(tick.slot, first - 1)

    def _lacking(self, tick: Tick) -> Iterator[Gap]:
        key, slot = tick.key, tick.slot
        for other in [known for known, _ in self._open if known != key and known.coin == key.coin]:
            if other.horizon == key.horizon:
                yield from self._over(other)
        for feed, age_ms in _ages(tick):
            place = (key, feed)
            found, limit_ms = self._open.get(place), self._max_age_ms[feed]
            if age_ms is not None:
                self._heard.add(((key.coin, key.horizon), feed))
            if age_ms is not None and age_ms <= limit_ms:
                if found is not None:
                    yield self._told(place)
            elif ((key.coin, key.horizon), feed) in self._heard or feed in {"book", "spot"}:
                reason = "nothing was heard of it" if age_ms is None else "it fell silent"
                opened = found or _Open(slot, slot, 0, reason)
                self._open[place] = opened._replace(last=slot, missing=opened.missing + 1)

    def _over(self, key: MarketKey) -> Iterator[Gap]:
        for place in [place for place in self._open if place[0] == key]:
            yield self._told(place)

    def _told(self, place: tuple[MarketKey, GapFeed]) -> Gap:
        (key, feed), found = place, self._open.pop(place)
        return Gap(
            key.coin, key.horizon, feed, found.first * 1000, (found.last + 1) * 1000, found.missing, found.reason
        )


def _ages(tick: Tick) -> Iterator[tuple[GapFeed, int | None]]:
    """Market milliseconds since each feed was heard, None where it gave nothing."""
    quoted = tick.up_bid is not None or tick.up_ask is not None
    yield "book", tick.book_age_ms if quoted and tick.invalid != "book_quarantined" else None
    yield "spot", None if tick.spot is None else tick.spot_age_ms
    yield "settlement", None if tick.twap is None else tick.twap_age_ms
    yield "oracle", None if tick.oracle is None else tick.oracle_age_ms
