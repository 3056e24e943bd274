"""What consoles see, in sections whose versions grow only when something in them changed."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from polyterm.core.command import TradingState
from polyterm.core.input import Payload, WindowEnded, WindowOpened
from polyterm.core.market import COINS, HORIZONS, Coin, Horizon, MarketKey
from polyterm.core.snapshot import (
    CoinConflict,
    ConflictPair,
    Conflicts,
    FeedRow,
    Feeds,
    Leaderboard,
    LeaderboardRow,
    Lineup,
    PositionRow,
    Positions,
    Snapshot,
    Status,
    TickRow,
    Ticks,
)
from polyterm.core.tick import Tick
from polyterm.engine.outlook import NOTHING_SEEN, Outlook
from polyterm.service.clusters import Gathering

POINTS: Final = 60
"""Points of a sparkline; each is the newest value of its share of the window."""

Section = TypeVar("Section", Status, Ticks, Leaderboard, Conflicts, Positions, Feeds)


class EngineViews(Protocol):
    """What a snapshot reads of the engine."""

    @property
    def trading_state(self) -> TradingState: ...
    @property
    def trading_reason(self) -> str: ...
    def leaderboard_rows(self) -> tuple[LeaderboardRow, ...]: ...
    def position_rows(self) -> tuple[PositionRow, ...]: ...
    def conflicts(
        self,
    ) -> tuple[tuple[str, ...], tuple[ConflictPair, ...], tuple[CoinConflict, ...], tuple[Lineup, ...]]: ...
    def pnl_since(self, market_ms: int) -> tuple[float, float]: ...
    def exposure(self) -> float: ...


Outlooks = Callable[[tuple[Coin, Horizon]], Outlook]


def _nothing_seen(_: tuple[Coin, Horizon]) -> Outlook:
    return NOTHING_SEEN


class Trail:
    """One series on its way through its window, thinned to ``POINTS`` as it goes."""

    def __init__(self, tick: Tick) -> None:
        self.key = tick.key
        self.tick = tick
        self.outlook: Outlook | None = None
        self.spots: list[float | None] = []
        self.mids: list[float | None] = []
        self.add(tick)

    def copy(self) -> "Trail":
        copied = Trail(self.tick)
        copied.spots, copied.mids = list(self.spots), list(self.mids)
        return copied

    def add(self, tick: Tick) -> None:
        self.tick = tick
        self.outlook = None
        share = min(POINTS - 1, (tick.slot - self.key.epoch) * POINTS // self.key.seconds)
        for values, value in ((self.spots, _drawable(tick.spot)), (self.mids, _drawable(tick.up_mid))):
            while len(values) <= share:
                values.append(None)  # no tick was made in that share: a gap
            values[share] = value if value is not None else values[share]


class Seen(NamedTuple):
    """What a screen has seen of the running windows."""

    trails: dict[tuple[Coin, Horizon], Trail]
    windows: tuple[MarketKey, ...]


class Screen:
    """What passes by on the way to the engine and has to be shown: the newest ticks and the running windows."""

    def __init__(self, series: Sequence[tuple[Coin, Horizon]]) -> None:
        self._series = tuple(series)
        self._trails: dict[tuple[Coin, Horizon], Trail] = {}
        self._windows: dict[MarketKey, None] = {}

    def include(self, series: tuple[Coin, Horizon]) -> None:
        """Show that one as well, in the order of the coins."""
        found = {*self._series, series}
        self._series = tuple(sorted(found, key=lambda one: (COINS.index(one[0]), HORIZONS.index(one[1]))))

    def saved(self) -> Seen:
        return Seen({series: trail.copy() for series, trail in self._trails.items()}, tuple(self._windows))

    def go_back(self, seen: Seen) -> None:
        """Show what was shown then."""
        self._trails = {series: trail.copy() for series, trail in seen.trails.items()}
        self._windows = dict.fromkeys(seen.windows)

    def watch(self, payload: Payload) -> None:
        match payload:
            case Tick(key=key):
                trail = self._trails.get((key.coin, key.horizon))
                if trail is None or trail.key != key:
                    self._trails[key.coin, key.horizon] = Trail(payload)
                else:
                    trail.add(payload)
            case WindowOpened(key=key):
                self._windows[key] = None
            case WindowEnded(key=key):
                self._windows.pop(key, None)

    @property
    def windows(self) -> tuple[MarketKey, ...]:
        """Running windows in the order of the series."""
        order = {series: place for place, series in enumerate(self._series)}
        return tuple(sorted(self._windows, key=lambda key: (order.get((key.coin, key.horizon), len(order)), key.epoch)))

    def newest(self, coin: Coin, horizon: Horizon) -> Tick | None:
        trail = self._trails.get((coin, horizon))
        return None if trail is None else trail.tick

    def rows(self, note: Callable[[Coin, Horizon], str], outlook: Outlooks = _nothing_seen) -> tuple[TickRow, ...]:
        """``outlook`` is asked once a tick, however often rows are wanted."""
        return tuple(self._row(series, note(*series), outlook) for series in self._series)

    def _row(self, series: tuple[Coin, Horizon], note: str, outlook: Outlooks) -> TickRow:
        trail = self._trails.get(series)
        if trail is None:
            return TickRow(*series, None, (), (), note)
        if trail.outlook is None:
            trail.outlook = _readable_outlook(outlook(series))
        seen = trail.outlook
        return TickRow(
            *series, trail.tick, tuple(trail.spots), tuple(trail.mids), note,
            fair=seen.fair, edge=seen.edge, volatility=seen.volatility, regime=seen.regime,
        )  # fmt: skip


class Sections:
    """Holds the newest of each section and gives a version to what is new."""

    def __init__(self) -> None:
        self._newest: dict[type[msgspec.Struct], msgspec.Struct] = {}

    def newest(self, candidate: Section) -> Section:
        """``candidate`` with the next version, or the section that is held already when it says the same."""
        held = self._newest.get(type(candidate))
        if isinstance(held, type(candidate)):
            same = msgspec.structs.replace(candidate, version=held.version)
            if same == held:
                return held
            candidate = msgspec.structs.replace(candidate, version=held.version + 1)
        self._newest[type(candidate)] = candidate
        return candidate

    def snapshot(
        self,
        status: Status,
        engine: EngineViews,
        ticks: tuple[TickRow, ...],
        feeds: Sequence[FeedRow],
        gathering: Gathering | None = None,
    ) -> Snapshot:
        strategies, pairs, coins, lineup = engine.conflicts()
        gathered = (gathering.order, gathering.camps) if gathering is not None else ((), ())
        return Snapshot(
            status=self.newest(status),
            ticks=self.newest(Ticks(1, ticks)),
            leaderboard=self.newest(Leaderboard(1, engine.leaderboard_rows())),
            conflicts=self.newest(Conflicts(1, strategies, pairs, coins, lineup, *gathered)),
            positions=self.newest(Positions(1, tuple(_readable_position(row) for row in engine.position_rows()))),
            feeds=self.newest(Feeds(1, tuple(_readable(row) for row in feeds))),
        )


def _drawable(value: float | None) -> float | None:
    """To six digits: the path is only ever drawn."""
    return None if value is None else float(f"{value:.6g}")


def _readable_position(row: PositionRow) -> PositionRow:
    """A mark to a hundredth of a cent, dollars to the cent."""
    return msgspec.structs.replace(
        row,
        mark=None if row.mark is None else round(row.mark, 4),
        unrealised=None if row.unrealised is None else round(row.unrealised, 2),
    )


def _readable(row: FeedRow) -> FeedRow:
    """Ages, rates and countdowns to a tenth, round trips to a millisecond: finer than anyone reads, and a change of
    each would travel."""
    return msgspec.structs.replace(
        row,
        age_s=None if row.age_s is None else round(row.age_s, 1),
        messages_per_s=round(row.messages_per_s, 1),
        retry_in_s=None if row.retry_in_s is None else round(row.retry_in_s, 1),
        latency_ms=None if row.latency_ms is None else round(row.latency_ms, 1 if row.latency_ms < 10 else None),
    )


def _readable_outlook(seen: Outlook) -> Outlook:
    """Probabilities to a hundredth of a cent, volatility to a tenth of a percent."""
    fair, edge, volatility = seen.fair, seen.edge, seen.volatility
    return Outlook(
        None if fair is None else round(fair, 4),
        None if edge is None else round(edge, 4),
        None if volatility is None else round(volatility, 3),
        seen.regime,
    )
