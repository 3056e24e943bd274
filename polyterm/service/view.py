"""What can be told of a run from outside, at any moment of it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Literal

from polyterm import __version__
from polyterm.core.command import TradingState
from polyterm.core.details import SettingsAnswer, WindowsAnswer
from polyterm.core.event import Event
from polyterm.core.market import Coin, Horizon, MarketKey
from polyterm.core.position import Position
from polyterm.core.query import (
    Answer,
    EventsAnswer,
    EventsQuery,
    Failed,
    PositionsAnswer,
    PositionsQuery,
    Query,
    SettingsQuery,
    StrategyQuery,
    TradesQuery,
    WhyQuery,
    WindowQuery,
    WindowsQuery,
)
from polyterm.core.snapshot import Mode, Role, Snapshot, Status
from polyterm.engine.engine import Engine
from polyterm.engine.why import why
from polyterm.errors import StoreError
from polyterm.service.clusters import Gathering
from polyterm.service.details import stored_window, strategy_answer, window_answer, with_running
from polyterm.service.latch import Latched
from polyterm.service.lease import Lease
from polyterm.service.sequencer import Sequencer
from polyterm.service.snapshots import Screen, Sections
from polyterm.service.sources import Sources
from polyterm.service.status.operations import Found, Health, Market, Totals
from polyterm.store.queries import Reader
from polyterm.store.reports.archive import Archive, Archives
from polyterm.store.reports.strategy import record
from polyterm.store.reports.trades import wanted_in
from polyterm.store.reports.window import newest_lines
from polyterm.store.store import Store, StoreStatus
from polyterm.transport.clock import Clock

ASK_TIMEOUT_S: Final = 4.0
EVENTS_KEPT: Final = 1000
DAY_MS: Final = 86_400_000

_NONE: Final = StoreStatus("ok", "", 0)

Phase = Literal["starting", "observing", "running", "ending"]


class View:
    """Reads the parts of a run; the runtime says which of them are there and how far it has come.

    ``why`` says what a start waits for, or who is observed; ``latched`` is what an observer knows of the trading state;
    ``problems`` are what else is wrong, by where it came from.
    """

    def __init__(
        self,
        *,
        session: str,
        mode: Mode,
        clock: Clock,
        engine: Engine,
        sequencer: Sequencer,
        screen: Screen,
        settings: SettingsAnswer,
    ) -> None:
        self.session = session
        self.mode: Mode = mode
        self.settings = settings
        self.started_ms = clock.market_ms()
        self.phase: Phase = "starting"
        self.why = ""
        self.latched: Latched | None = None
        self.problems: dict[str, str] = {}
        self.lease: Lease | None = None
        self.sources: Sources | None = None
        self.store: Store | None = None
        self.reader: Reader | None = None
        self._clock = clock
        self._engine = engine
        self._sequencer = sequencer
        self._screen = screen
        self._sections = Sections()
        self._gathering = Gathering(lambda: engine.accounts.conflicts)
        self._opened = asyncio.Event()
        self._recent: deque[Event] = deque(maxlen=EVENTS_KEPT)

    def opened(self, store: Store, reader: Reader, sources: Sources) -> None:
        """There is a database now; who asked before gets an answer."""
        self.store, self.reader, self.sources = store, reader, sources
        self._opened.set()

    def remember(self, events: tuple[Event, ...]) -> None:
        """Keep events for those who ask for the newest."""
        self._recent.extend(events)

    @property
    def role(self) -> Role:
        return "observer" if self.phase == "observing" else "owner"

    @property
    def role_reason(self) -> str:
        return self.why if self.phase == "observing" else ""

    @property
    def trading_state(self) -> TradingState:
        """An observer shows what the latch says, which is the state of whoever trades."""
        return self.latched.state if self.latched else self._engine.trading_state

    async def ask(self, query: Query) -> Answer:
        match query:
            case EventsQuery(limit=limit):
                return EventsAnswer(tuple(self._recent)[-limit:] if limit > 0 else ())
            case PositionsQuery():
                return PositionsAnswer(self._engine.open_positions())
            case WhyQuery():
                return self._why(query)
            case SettingsQuery():
                return self.settings
            case StrategyQuery() | TradesQuery() | WindowsQuery() | WindowQuery():
                return await self._ask_store(query)

    async def _ask_store(self, query: StrategyQuery | TradesQuery | WindowsQuery | WindowQuery) -> Answer:
        try:
            match query:
                case StrategyQuery():
                    return await self._strategy(query)
                case TradesQuery():
                    return await self._read(lambda reader: reader.trades(query, self._clock.market_ms()))
                case WindowsQuery():
                    return await self._windows(query)
                case WindowQuery(key=key):
                    return await self._window(key)
        except StoreError as error:
            return Failed(str(error))

    async def _strategy(self, query: StrategyQuery) -> Answer:
        """Its rule in any case; what it has earned where that can be read."""
        book = next((book for book in self._engine.accounts.books if book.name == query.strategy), None)
        if book is None:
            return Failed(f"There is no strategy {query.strategy}.")
        wanted = wanted_in(query.period, self._clock.market_ms(), strategy=query.strategy)
        try:
            found = await self.stored(lambda archive: record(archive, wanted))
        except StoreError as error:
            return strategy_answer(book.entry, None, str(error))
        return strategy_answer(book.entry, found)

    async def _windows(self, query: WindowsQuery) -> Answer:
        coin, horizon = query.coin, query.horizon
        lines = await self.stored(lambda archive: newest_lines(archive, coin, horizon, query.limit))
        running = [key for key in self._screen.windows if (key.coin, key.horizon) == (coin, horizon)]
        newest = [self._screen.newest(key.coin, key.horizon) for key in running]
        return WindowsAnswer(with_running(lines, running, newest))

    async def _window(self, key: MarketKey) -> Answer:
        stored = await self.stored(lambda archive: stored_window(archive, key))
        return await window_answer(stored, self._engine.open_positions(), self._screen.newest(key.coin, key.horizon))

    def _why(self, query: WhyQuery) -> Answer:
        if self.phase == "observing":
            return Failed(f"This instance {self.why}.")
        desk = self._engine.desks.get((query.coin, query.horizon))
        newest = self._screen.newest(query.coin, query.horizon)
        return why(desk, query.strategy, newest, self._engine.trading_state)

    async def archives(self) -> Archives:
        """Raises StoreError when there is nothing to read from."""
        return await self._read(_archives)

    async def stored(self, question: Callable[[Archive], Awaitable[Found]]) -> Found:
        """Raises StoreError when it is not answered in time."""

        async def ask(reader: Reader) -> Found:
            async with reader.archives.archive() as archive:
                return await question(archive)

        return await self._read(ask)

    async def _read(self, question: Callable[[Reader], Awaitable[Found]]) -> Found:
        if self.phase == "observing":
            raise StoreError(f"This instance {self.why}.")
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                while self.reader is None:
                    await self._opened.wait()
                return await question(self.reader)
        except TimeoutError:
            raise StoreError(f"The database did not answer within {ASK_TIMEOUT_S:g} s.") from None

    def positions(self) -> tuple[Position, ...]:
        return self._engine.open_positions()

    def markets(self) -> tuple[Market, ...]:
        if self.sources is None:
            return ()
        return tuple(self.sources.market(key) for key in self._screen.windows)

    def health(self) -> Health:
        reasons = tuple(self._reasons())
        starting = self.phase == "starting"
        return Health(
            status="starting" if starting else "degraded" if reasons else "ok",
            reasons=reasons,
            mode=self.mode,
            role=self.role,
            role_reason=self.role_reason,
            session=self.session,
            version=__version__,
        )

    def _reasons(self) -> Iterator[str]:
        if self.phase != "observing" and self.why:
            yield self.why
        if self.sources is not None:
            for row in self.sources.rows():
                if row.state not in {"live", "off"}:
                    yield f"{row.name} is {row.state}" + (f": {row.reason}" if row.reason else "")
        if self.store is not None and self.store.status.state != "ok":
            yield f"the database is {self.store.status.state}: {self.store.status.reason}"
        if self.lease is not None and self.lease.trouble:
            yield self.lease.trouble
        yield from filter(None, self.problems.values())
        for strategy in self._engine.leaderboard_rows():
            if strategy.disabled is not None:
                yield f"{strategy.strategy} is disabled: {strategy.disabled}"

    def totals(self) -> Totals:
        sequencer, lease = self._sequencer, self.lease
        return Totals(
            ticks=sequencer.ticks,
            events=sequencer.events,
            lease_held=lease is not None and lease.held,
            fence=0 if lease is None else lease.fence,
        )

    def snapshot(self) -> Snapshot:
        sources = self.sources
        return self._sections.snapshot(
            self._status(),
            self._engine,
            self._screen.rows(sources.note if sources else _no_note, self._engine.outlook),
            sources.rows() if sources else (),
            self._gathering,
        )

    async def refresh(self) -> None:
        """Bring up to date what only those who look need, and what takes time."""
        await self._gathering.refresh()

    def _status(self) -> Status:
        market_ms = self._clock.market_ms()
        touch, costed = self._engine.pnl_since(market_ms - market_ms % DAY_MS)
        store = self._store_status()
        return Status(
            version=1,
            session=self.session,
            mode=self.mode,
            role=self.role,
            role_reason=self.role_reason,
            trading_state=self.trading_state,
            trading_reason=self.latched.reason if self.latched else self._engine.trading_reason,
            market_ms=market_ms,
            speed=self._clock.speed,
            started_ms=self.started_ms,
            windows=self._screen.windows,
            pnl_touch=touch,
            pnl_costed=costed,
            open_positions=len(self._engine.open_positions()),
            exposure=self._engine.exposure(),
            store_state=store.state,
            store_reason=store.reason,
            store_pending=store.pending,
            engine_us=self._sequencer.engine_us,
            inputs=self._sequencer.inputs,
            clock_skew_ms=self.sources.clock_skew_ms() if self.sources else None,
            spool_rows=store.spool_rows,
            spool_age_s=int(store.spool_age_s),
        )

    def _store_status(self) -> StoreStatus:
        if self.store is not None:
            return self.store.status
        return (
            StoreStatus("slow", self.why or "The database is being opened.", 0) if self.phase == "starting" else _NONE
        )


async def _archives(reader: Reader) -> Archives:
    return reader.archives


def _no_note(_: Coin, __: Horizon) -> str:
    return ""
