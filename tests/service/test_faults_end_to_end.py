"""Every fault of the simulated venues against a whole engine: seen, no trade on bad data, healed, and how fast."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from polyterm.core.event import WindowSettled
from polyterm.core.input import Payload
from polyterm.core.market import Grade, MarketKey
from polyterm.core.query import EventsAnswer, EventsQuery
from polyterm.core.snapshot import FeedRow
from polyterm.core.tick import Tick
from polyterm.service.assembly import Venues
from polyterm.service.runtime import Runtime
from polyterm.service.sources import Emit
from polyterm.settings import ClockSettings, Credentials, FeedSettings, Settings
from polyterm.sim.box import Box
from polyterm.sim.faults import VenueName
from polyterm.transport.clock import Clock, freshness_ms
from tests.service.engines import short_folder
from tests.waiting import eventually

EPOCH = 1_790_000_100
SEEN_WITHIN_S = 10.0
HEALED_WITHIN_S = 15.0


class Trial:
    """An engine on a simulator, and what the books really were at every moment."""

    def __init__(self, box: Box, folder: Path, speed: float) -> None:
        self.box = box
        self.speed = speed
        self.tradable: list[Tick] = []
        self.runtime = Runtime(settings(box, folder), assemble=self._assemble)
        self.truth: dict[MarketKey, list[tuple[int, float | None, float | None]]] = {}
        self._noted_ms = -1

    def _assemble(self, settings: Settings, clock: Clock, emit: Emit) -> Venues:
        def tee(payload: Payload) -> None:
            self.take(payload)
            emit(payload)

        return Venues(settings, clock, tee)

    def note_truth(self) -> None:
        if self.box.now_ms == self._noted_ms:
            return
        self._noted_ms = self.box.now_ms
        for view in self.box.scene.world.markets():
            if view.state == "open":
                unit = view.ticks_per_dollar
                bid = view.bids[0][0] / unit if view.bids else None
                ask = view.asks[0][0] / unit if view.asks else None
                self.truth.setdefault(view.key, []).append((self.box.now_ms, bid, ask))

    def feed(self, name: str) -> FeedRow:
        return next(row for row in self.runtime.view.snapshot().feeds.rows if row.name == name)

    def ticks(self) -> list[Tick]:
        return [row.tick for row in self.runtime.view.snapshot().ticks.rows if row.tick is not None]

    def all_tradable_books(self) -> bool:
        """Every coin's newest tick is recent and nothing is wrong with its book or its spot."""
        now_s = self.box.now_ms // 1000
        fine = {None, "mid_at_edge", "book_one_sided"}
        ticks = self.ticks()
        return len(ticks) == 4 and all(tick.slot >= now_s - 10 and tick.invalid in fine for tick in ticks)

    async def settled_grades(self) -> set[Grade]:
        answer = await self.runtime.view.ask(EventsQuery(limit=1000))
        assert isinstance(answer, EventsAnswer)
        return {event.grade for event in answer.events if isinstance(event, WindowSettled)}

    def take(self, payload: Payload) -> None:
        if isinstance(payload, Tick) and payload.invalid is None:
            self.tradable.append(payload)

    def assert_tradable_ticks_were_true(self) -> int:
        """Both quotes of every tick that could be traded on stood in the real book within the freshness limit."""
        limit_ms = freshness_ms(5_000, self.speed) + int(1_500 * self.speed)
        for tick in self.tradable:
            moments = [at for at in self.truth[tick.key] if abs(at[0] - tick.at_ms) <= limit_ms]
            assert any(bid == tick.up_bid for _, bid, _ in moments), f"bid {tick.up_bid} of {tick.key} never stood"
            assert any(ask == tick.up_ask for _, _, ask in moments), f"ask {tick.up_ask} of {tick.key} never stood"
        return len(self.tradable)


@asynccontextmanager
async def trial(speed: float = 5.0, left_s: int = 800) -> AsyncIterator[Trial]:
    """Started ``left_s`` market seconds before the running window ends."""
    with short_folder() as folder:
        async with Box(seed=5, speed=speed, market0_ms=(EPOCH + 900 - left_s) * 1000) as box:
            case, stop = Trial(box, folder, speed), asyncio.Event()
            running = asyncio.create_task(case.runtime.run(stop))
            watching = asyncio.create_task(watch(case))
            try:
                await eventually(lambda: running.done() or case.all_tradable_books(), 20)
                yield case
            finally:
                watching.cancel()
                stop.set()
                await running


def settings(box: Box, folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        demo=True,
        data_dir=folder / "data",
        runtime_dir=folder / "run",
        clock=ClockSettings(**msgspec.to_builtins(box.endpoints.clock)),
        feeds=FeedSettings(**msgspec.to_builtins(box.endpoints.feeds)),
        credentials=Credentials(**msgspec.to_builtins(box.endpoints.credentials)),
    )


async def watch(case: Trial) -> None:
    while True:
        case.note_truth()
        await asyncio.sleep(0.01)


async def seconds_until(predicate: Callable[[], object], limit_s: float) -> float:
    began = time.monotonic()
    await eventually(predicate, limit_s)
    return time.monotonic() - began


def books_doubted(case: Trial) -> bool:
    return any(tick.invalid in {"book_quarantined", "book_crossed", "book_stale"} for tick in case.ticks())


FAULTS = {
    ("silence", "binance"): lambda case: (
        case.feed("binance").state in {"stale", "down"}
        and all(tick.invalid == "spot_stale" for tick in case.ticks() if tick.invalid != "mid_at_edge")
    ),
    ("silence", "market"): lambda case: case.feed("polymarket").state in {"stale", "down"} and books_doubted(case),
    ("silence", "settlement"): lambda case: case.feed("settlement").state in {"stale", "down"},
    ("disconnect", "market"): lambda case: case.feed("polymarket").state == "down" and books_doubted(case),
    ("disconnect", "binance"): lambda case: case.feed("binance").state == "down",
    ("lost_delta", "market"): books_doubted,
    ("crossed_book", "market"): books_doubted,
    ("http_451", "binance"): lambda case: "451" in case.feed("binance").reason,
    ("http_429", "gamma"): lambda case: "429" in case.feed("gamma").reason,
    ("malformed", "market"): lambda case: case.feed("polymarket").malformed > 0,
    ("unknown_type", "market"): lambda case: case.feed("polymarket").unknown > 0,
}


FEED = {"binance": "binance", "market": "polymarket", "settlement": "settlement", "gamma": "gamma"}


@pytest.mark.parametrize(("name", "venue"), FAULTS, ids=lambda value: value)
async def test_a_fault_is_seen_does_no_harm_and_heals(
    name: str, venue: VenueName, measured: Callable[[str], None]
) -> None:
    seen = FAULTS[name, venue]
    # The catalogue is asked for the next window two minutes ahead, so that is when a refusal shows.
    async with trial(left_s=135 if venue == "gamma" else 800) as case:
        case.box.faults.on(name, venue=venue)
        if name == "http_451":
            case.box.faults.on("disconnect", venue="binance", for_s=0)
        seen_s = await seconds_until(lambda: seen(case), SEEN_WITHIN_S)
        case.box.faults.off(name, venue=venue)
        healed_s = await seconds_until(
            lambda: case.all_tradable_books() and case.feed(FEED[venue]).state == "live", HEALED_WITHIN_S
        )
        ticks = case.assert_tradable_ticks_were_true()
        assert ticks > 0
    measured(f"fault {name} at {venue}: seen in {seen_s:.1f} s, healed in {healed_s:.1f} s, {ticks} ticks true")


async def test_late_results_are_said_and_settle_on_the_stream_meanwhile(measured: Callable[[str], None]) -> None:
    async with trial(speed=30, left_s=60) as case:
        case.box.faults.on("late_resolution", venue="gamma")
        seen_s = await seconds_until(lambda: "results are late" in case.feed("gamma").reason, 20)
        assert await case.settled_grades() == {"stream"}
        assert all(not row.pending for row in case.runtime.view.snapshot().positions.rows)
        case.box.faults.off("late_resolution", venue="gamma")
        began = time.monotonic()

        async def all_official() -> bool:
            return "official" in await case.settled_grades() and not case.feed("gamma").reason

        await eventually(all_official, HEALED_WITHIN_S)
        healed_s = time.monotonic() - began
    measured(f"fault late_resolution: seen in {seen_s:.1f} s, healed in {healed_s:.1f} s")
