"""Which windows run: found ahead of time, opened and ended on the second, given their strike, and judged."""

import asyncio
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

import msgspec

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import Coin, Grade, Horizon, MarketKey, Reference, outranks, window_epoch
from polyterm.core.snapshot import FeedRow
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.errors import FeedError
from polyterm.feeds.board import Board
from polyterm.feeds.polymarket.channel import MarketFeed
from polyterm.feeds.polymarket.discovery import MarketInfo
from polyterm.feeds.polymarket.rest import RestError
from polyterm.feeds.polymarket.wire import MarketResolved
from polyterm.feeds.references import References
from polyterm.transport.backoff import Backoff
from polyterm.transport.clock import Clock
from polyterm.transport.health import FeedHealth

Series = tuple[Coin, Horizon]
Emit = Callable[[Payload], None]

OFFICIAL_SOURCE: Final = "gamma"
SETTLEMENT_GRADES: Final[tuple[Grade, ...]] = ("stream", "official")

# Market seconds.
FIND_BEFORE_S: Final = 120
STRIKE_AFTER_S: Final = 60
RESULT_AFTER_S: Final = 15
# The venue usually says within 90 s, at times within the hour. A settlement at stream grade is right in 99.85 %.
RESULT_WITHIN_S: Final = 24 * 3600
UNSETTLED_WITHIN_S: Final = 7 * 24 * 3600
# Also of answers: the venue or we may have been away.
RESULT_ANSWERS: Final = 5
UNSETTLED_ANSWERS: Final = 100
JUDGE_WITHIN_S: Final = 3600
UNSUBSCRIBE_AFTER_S: Final = 60
RESULT_LATE_S: Final = 120
# The wait between two questions about one window grows from here; on a fast clock it is at least ASK_PAUSE_S.
ASK_AGAIN_S: Final = 10
ASK_GROWTH: Final = 1.5
ASK_GROWTH_LIMIT: Final = 8.0
RESULT_GROWTH_LIMIT: Final = 90.0
# Machine seconds.
ASK_PAUSE_S: Final = 1.0
FIND_BEFORE_LEAST_S: Final = 5.0
LOOK_EVERY_S: Final = 0.25


class Catalogue(Protocol):
    """What is asked about windows; see Discovery."""

    @property
    def host(self) -> str: ...

    async def market(self, key: MarketKey, *, fresh: bool = False) -> MarketInfo: ...


class _Window:
    """One window from when it is first looked for until its official result. ``ask_ms`` is when to ask the catalogue
    next (market time), None when there is nothing to ask; ``answers`` counts those since it began or ended."""

    def __init__(self, key: MarketKey, ask_ms: int) -> None:
        self.key = key
        self.info: MarketInfo | None = None
        self.problem = ""
        self.subscribed = False
        self.opened = False
        self.ended = False
        self.strike: Reference | None = None
        self.judged: Grade | None = None
        self.voided = False
        self.ask_ms: int | None = ask_ms
        self.answers = 0

    @property
    def owes_result(self) -> bool:
        return self.opened and self.ended and self.judged != "official" and not self.voided

    def is_given_up(self, ended_ms: int) -> bool:
        """Whether nothing is to be expected any more ``ended_ms`` after its end, though the result is owed."""
        if self.judged in SETTLEMENT_GRADES:
            return self.answers >= RESULT_ANSWERS and ended_ms >= RESULT_WITHIN_S * 1000
        return self.answers >= UNSETTLED_ANSWERS and ended_ms >= UNSETTLED_WITHIN_S * 1000

    @property
    def tokens(self) -> tuple[str, ...]:
        return () if self.info is None else (self.info.up_token, self.info.down_token)


class WindowDesk:
    """Follows the running and the next window of each series.

    ``advance`` moves windows on and must be called in every slot before ticks are made; ``run`` asks the catalogue, one
    question at a time. A window is opened once its market is known, ended on its last second whatever the feeds do, and
    judged as soon as both its prices are known; a better-graded judgement follows when there is one, the last of them
    the venue's own.
    """

    def __init__(
        self,
        clock: Clock,
        board: Board,
        discovery: Catalogue,
        market_feed: MarketFeed,
        *,
        series: Sequence[Series],
        emit: Emit,
        rng: random.Random,
    ) -> None:
        self.health = FeedHealth("gamma", clock, stale_after_s=math.inf)  # it is asked a few times per window
        self._clock = clock
        self._discovery = discovery
        self._market_feed = market_feed
        self._series = tuple(series)
        self._emit = emit
        self._rng = rng
        self._references = References(board, clock, tuple(dict.fromkeys(coin for coin, _ in series)))
        self._windows: dict[MarketKey, _Window] = {}
        self._given_up = 0
        self._voided: list[MarketKey] = []
        self._find_before_ms = self._market_ms(FIND_BEFORE_S, FIND_BEFORE_LEAST_S)
        market_feed.on_resolved = self._on_resolved

    def resume(self, unresolved: Iterable[UnresolvedWindow]) -> None:
        """Take up windows of earlier sessions: one that still runs keeps its strike, the others are asked for until the
        venue says how they ended."""
        now_ms = self._clock.market_ms()
        for known in unresolved:
            key, is_over = known.key, known.key.end * 1000 <= now_ms
            if not is_over and (key.coin, key.horizon) not in self._series:
                continue
            if key not in self._windows:
                window = self._windows[key] = _Window(key, now_ms + self._market_ms(RESULT_AFTER_S) * is_over)
                window.opened, window.ended, window.judged = is_over, is_over and known.closed, known.grade
            self._references.keep(key.coin, key.epoch, known.strike)
            if known.final is not None and known.final.grade != "spot":
                self._references.keep(key.coin, key.end, known.final)

    def market(self, key: MarketKey) -> MarketInfo | None:
        window = self._windows.get(key)
        return None if window is None else window.info

    def strike(self, key: MarketKey) -> Reference | None:
        window = self._windows.get(key)
        return None if window is None else window.strike

    def basis(self, coin: Coin) -> float | None:
        """Running median of ln(spot / settlement price)."""
        return self._references.basis(coin)

    def note(self, series: Series) -> str:
        """Why the series has no market now; empty when it has one."""
        window = self._windows.get(self._running(series))
        if window is not None and window.info is not None:
            return ""
        problem = "" if window is None else window.problem
        return problem or self.health.reason or "looking for the market"

    def row(self) -> FeedRow:
        """The catalogue's health; a live one may still owe results, which it usually publishes within 90 s."""
        row = self.health.row()
        reasons = [*self._late(), *self._unsettled()]
        return row if row.reason or not reasons else msgspec.structs.replace(row, reason="; ".join(reasons))

    def _late(self) -> Iterator[str]:
        now_ms = self._clock.market_ms()
        limit_ms = self._market_ms(RESULT_LATE_S)
        waits = [now_ms - window.key.end * 1000 for window in self._windows.values() if window.owes_result]
        late = [wait for wait in waits if wait > limit_ms]
        if late:
            yield f"{len(late)} official results are late, the oldest by {max(late) // 1000} s; it keeps asking"

    def _unsettled(self) -> Iterator[str]:
        if self._given_up:
            yield f"official results that never came: {self._given_up}"
        if self._voided:
            yield f"markets that ended without a winner: {len(self._voided)}, the last {self._voided[-1]}"

    def advance(self) -> None:
        """Bring every window to the present."""
        now_ms = self._clock.market_ms()
        self._references.observe(now_ms // 1000)
        for series in self._series:
            running = self._running(series)
            self._track(running, now_ms)
            self._track(running.next(), running.next().epoch * 1000 - self._find_before_ms)
        for window in sorted(self._windows.values(), key=lambda window: window.key.epoch):
            self._advance_window(window, now_ms)
        self._clean_up(now_ms)

    def _running(self, series: Series) -> MarketKey:
        coin, horizon = series
        return MarketKey(coin, horizon, window_epoch(self._clock.market_ms() // 1000, horizon))

    def _track(self, key: MarketKey, ask_ms: int) -> None:
        if key not in self._windows:
            self._windows[key] = _Window(key, ask_ms)

    def _advance_window(self, window: _Window, now_ms: int) -> None:
        key = window.key
        if now_ms < key.epoch * 1000:
            return
        if now_ms < key.end * 1000:
            self._find_strike(window)
            if window.info is not None and not window.opened:
                window.opened = True
                self._emit(WindowOpened(key, window.strike, window.info.fee))
            return
        if not window.ended:
            window.ended = True
            window.ask_ms = key.end * 1000 + self._market_ms(RESULT_AFTER_S)
            window.answers = 0
            final = self._references.best(key.coin, key.end)
            if window.opened:
                self._emit(WindowEnded(key, final))
        if now_ms < key.end * 1000 + self._market_ms(JUDGE_WITHIN_S):  # no price of its end comes later than that
            self._judge(window)

    def _find_strike(self, window: _Window) -> None:
        found = self._references.best(window.key.coin, window.key.epoch)
        if found is not None and (window.strike is None or outranks(found.grade, window.strike.grade)):
            window.strike = found

    def _judge(self, window: _Window) -> None:
        """Emit our own judgement of an ended window when it is the first, or better graded than the last."""
        key = window.key
        if not window.opened or window.judged in SETTLEMENT_GRADES:
            return
        judged = self._references.judge(key.coin, key.epoch, key.end)
        if judged is not None and (window.judged is None or outranks(judged.grade, window.judged)):
            window.judged = judged.grade
            source = f"{judged.final.source} against {judged.strike.source}"
            self._emit(Outcome(key, judged.side, judged.grade, source, judged.final.price, judged.strike))

    def _clean_up(self, now_ms: int) -> None:
        for window in list(self._windows.values()):
            ended_ms = now_ms - window.key.end * 1000
            if window.subscribed and ended_ms >= UNSUBSCRIBE_AFTER_S * 1000:
                window.subscribed = False
                self._market_feed.unsubscribe(window.tokens)
            if not window.ended or window.subscribed:
                continue
            given_up = window.owes_result and window.is_given_up(ended_ms)
            if given_up:
                self._given_up += 1
                self.health.warn("feed.result_never_came", window=str(window.key), judged=window.judged or "not at all")
            if given_up or not window.owes_result:
                del self._windows[window.key]
        oldest = min((window.key.epoch for window in self._windows.values()), default=None)
        if oldest is not None:
            self._references.forget_before(oldest)

    async def run(self) -> None:
        """Ask the catalogue what is due, one question at a time, until cancelled."""
        backoff, failures = Backoff(), 0
        self.health.connecting(self._discovery.host)
        while True:
            window = self._due()
            if window is None:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            try:
                await self._ask(window)
                failures = 0
            except RestError as error:
                failures += 1
                retry_in_s = backoff.wait(failures, self._rng, error.retry_in_s)
                self.health.down(str(error), retry_in_s)
                await asyncio.sleep(retry_in_s)

    def _due(self) -> _Window | None:
        """The window whose question has waited longest."""
        now_ms = self._clock.market_ms()
        due = [(window.ask_ms, window) for window in self._windows.values() if window.ask_ms is not None]
        ask_ms, window = min(due, key=lambda pair: pair[0], default=(now_ms + 1, None))
        return window if ask_ms <= now_ms else None

    async def _ask(self, window: _Window) -> None:
        """An answer that does not help is asked for again later. Raises RestError when the venue cannot be asked."""
        fresh = window.answers > 0 or window.info is not None or window.ended
        window.ask_ms = None  # whoever sets it meanwhile knows something newer
        asked_s = self._clock.monotonic()
        try:
            info = await self._discovery.market(window.key, fresh=fresh)
        except RestError:
            window.ask_ms = self._clock.market_ms()
            raise
        except FeedError as error:
            window.problem = str(error)
            self.health.warn("feed.market_not_found", error=str(error))
        else:
            self._learn(window, info)
        self.health.latency_s = self._clock.monotonic() - asked_s
        self.health.data()
        window.answers += 1
        if window.ask_ms is None:
            window.ask_ms = self._ask_again_ms(window)

    def learn(self, info: MarketInfo) -> None:
        """Take what the catalogue says of a window that is being followed, as if it had been asked."""
        window = self._windows.get(info.key)
        if window is not None:
            self._learn(window, info)

    def _learn(self, window: _Window, info: MarketInfo) -> None:
        key, window.info, window.problem = window.key, info, ""
        if info.price_to_beat is not None:
            self._references.learn(key.coin, key.epoch, info.price_to_beat, OFFICIAL_SOURCE)
        if info.final_price is not None:
            self._references.learn(key.coin, key.end, info.final_price, OFFICIAL_SOURCE)
        if not window.subscribed and not window.ended and key in self._windows:
            window.subscribed = True
            self._market_feed.subscribe(window.tokens)
        if info.voided and window.owes_result:
            window.voided = True
            self._voided.append(key)
            self.health.warn("feed.market_voided", window=str(key), judged=window.judged or "not at all")
        if info.outcome is not None and window.opened and window.judged != "official":
            window.judged = "official"
            strike = self._references.best(key.coin, key.epoch)
            self._emit(Outcome(key, info.outcome, "official", OFFICIAL_SOURCE, info.final_price, strike))

    def _ask_again_ms(self, window: _Window) -> int | None:
        """When to ask next: for a market not found, for a strike that only the venue can still better, for a result."""
        if window.judged == "official" or window.voided:
            return None
        limit = RESULT_GROWTH_LIMIT if window.ended else ASK_GROWTH_LIMIT
        growth = min(ASK_GROWTH ** min(window.answers, UNSETTLED_ANSWERS), limit)
        again_ms = self._clock.market_ms() + int(self._market_ms(ASK_AGAIN_S, ASK_PAUSE_S) * growth)
        if window.info is None or window.ended:
            return again_ms
        if window.strike is not None and window.strike.grade in SETTLEMENT_GRADES:
            return None
        return max(again_ms, (window.key.epoch + STRIKE_AFTER_S) * 1000)

    def _on_resolved(self, message: MarketResolved) -> None:
        """The channel mentions a result: ask for the official one now."""
        for window in self._windows.values():
            if window.ended and window.info is not None and _same_id(window.info.condition_id, message.market):
                window.ask_ms = self._clock.market_ms()

    def _market_ms(self, market_s: float, least_s: float = 1.0) -> int:
        """``market_s`` in milliseconds, stretched where a fast clock makes that less than ``least_s`` on the wall."""
        return int(max(market_s, least_s * self._clock.speed) * 1000)


def _same_id(first: str, second: str) -> bool:
    """Condition ids come with and without leading zeros."""
    return first.lower().removeprefix("0x").lstrip("0") == second.lower().removeprefix("0x").lstrip("0")
