"""What every venue server looks at: the world, market time, the books, and which results are public."""

from typing import Final

import msgspec

from polyterm.core.market import Coin, MarketKey, Side
from polyterm.sim.events import (
    LevelChanged,
    MarketListed,
    MarketResolved,
    MarketTraded,
    TickSizeChanged,
    WorldEvent,
)
from polyterm.sim.faults import Faults
from polyterm.sim.venues.books import LevelMove, MarketBook
from polyterm.sim.views import MarketView
from polyterm.sim.world import World

PRICE_TO_BEAT_AFTER_S: Final = 60
"""When the page shows the strike of a window whose predecessor it does not know."""


class Listing(msgspec.Struct, frozen=True):
    """The names of one market. ``number`` is its id in the venue's database."""

    key: MarketKey
    condition_id: str
    up_token: str
    down_token: str

    @property
    def number(self) -> int:
        return int(self.condition_id[2:9], 16)

    def token(self, side: Side) -> str:
        return self.up_token if side == "up" else self.down_token


class Result(msgspec.Struct, frozen=True):
    """A published outcome."""

    outcome: Side
    at_ms: int


class PricedTrade(msgspec.Struct, frozen=True):
    """A trade with its price in dollars: the market's tick may change right after it."""

    event: MarketTraded
    price: float


class MarketStep:
    """What one market did in one step of the world."""

    __slots__ = ("best_before", "book", "levels", "listed", "listing", "moves", "resolved", "reticked", "trades")

    def __init__(self, listing: Listing, book: MarketBook) -> None:
        self.listing = listing
        self.book = book
        self.best_before = book.best()
        self.levels: dict[tuple[bool, int], float] = {}
        self.moves: tuple[LevelMove, ...] = ()
        self.trades: list[PricedTrade] = []
        self.reticked: TickSizeChanged | None = None
        self.resolved: MarketResolved | None = None
        self.listed = False


class Step(msgspec.Struct, frozen=True):
    """One advance: every event in order, and the same told market by market with the books as they are afterwards."""

    at_ms: int
    events: tuple[WorldEvent, ...]
    markets: tuple[MarketStep, ...]


class Scene:
    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.now_ms = world.now_ms
        self._listings: dict[MarketKey, Listing] = {}
        self._books: dict[MarketKey, MarketBook] = {}
        self._results: dict[MarketKey, Result] = {}
        self._withheld: list[MarketResolved] = []
        self._by_token: dict[str, tuple[Listing, Side]] = {}
        self._by_condition: dict[str, Listing] = {}
        self._learn_listings()

    @property
    def coins(self) -> tuple[Coin, ...]:
        return self.world.coins

    def advance(self, to_ms: int) -> Step:
        """Move the world to ``to_ms`` and keep the books."""
        events = self._publishable(self.world.advance(to_ms), to_ms)
        self.now_ms = to_ms
        if any(isinstance(event, MarketListed) for event in events):
            self._learn_listings()
        steps: dict[MarketKey, MarketStep] = {}
        for event in events:
            if isinstance(event, LevelChanged | MarketTraded | TickSizeChanged | MarketListed | MarketResolved):
                step = self._step_of(event.key, steps)
                if step is not None:
                    self._note(event, step)
        for step in steps.values():
            step.moves = step.book.apply(step.levels)
        return Step(to_ms, tuple(events), tuple(steps.values()))

    def _step_of(self, key: MarketKey, steps: dict[MarketKey, MarketStep]) -> MarketStep | None:
        step = steps.get(key)
        if step is None and key in self._listings:
            step = steps[key] = MarketStep(self._listings[key], self._books[key])
        return step

    def _note(
        self, event: LevelChanged | MarketTraded | TickSizeChanged | MarketListed | MarketResolved, step: MarketStep
    ) -> None:
        step.book.changed_ms = event.at_ms
        match event:
            case LevelChanged():
                step.levels[event.is_bid, event.price_ticks] = event.size
            case MarketTraded():
                price = event.price_ticks / step.book.ticks_per_dollar
                step.trades.append(PricedTrade(event, price))
                step.book.volume += price * event.size
                step.book.last_trade = price if event.side == "up" else 1 - price
            case TickSizeChanged():
                step.levels.clear()
                step.book.retick(event.new_ticks_per_dollar)
                step.reticked = event
            case MarketListed():
                step.listed = True
            case MarketResolved():
                step.resolved = event
                self._results[event.key] = Result(event.outcome, event.at_ms)

    def _publishable(self, events: list[WorldEvent], now_ms: int) -> list[WorldEvent]:
        """The events that the venue lets out; results that it held back come at ``now_ms`` once the fault is over."""
        free: list[WorldEvent] = []
        for event in events:
            if isinstance(event, MarketResolved) and self._holds_back(event.key.coin):
                self._withheld.append(event)
            else:
                free.append(event)
        for event in [event for event in self._withheld if not self._holds_back(event.key.coin)]:
            self._withheld.remove(event)
            free.append(MarketResolved(event.key, now_ms, event.outcome))
        return free

    def _holds_back(self, coin: Coin) -> bool:
        return self.faults.active("late_resolution", "gamma", coin)

    def _learn_listings(self) -> None:
        """Take up new markets and forget those that the world no longer knows."""
        views = {view.key: view for view in self.world.markets()}
        for key, view in views.items():
            if key not in self._listings:
                self._listings[key] = Listing(key, view.condition_id, view.up_token, view.down_token)
                self._books[key] = MarketBook(view, self.now_ms)
        for key in [key for key in self._listings if key not in views]:
            del self._listings[key], self._books[key]
            self._results.pop(key, None)
        listings = self._listings.values()
        self._by_condition = {listing.condition_id: listing for listing in listings}
        self._by_token = {listing.token(side): (listing, side) for listing in listings for side in ("up", "down")}

    def listing(self, key: MarketKey) -> Listing | None:
        return self._listings.get(key)

    def by_token(self, token: str) -> tuple[Listing, Side] | None:
        return self._by_token.get(token)

    def by_condition(self, condition_id: str) -> Listing | None:
        return self._by_condition.get(condition_id)

    def book(self, key: MarketKey) -> MarketBook:
        return self._books[key]

    def view(self, key: MarketKey) -> MarketView | None:
        return self.world.market(key)

    def result(self, key: MarketKey) -> Result | None:
        """The outcome, once it is public."""
        return self._results.get(key)

    def price_to_beat(self, view: MarketView) -> float | None:
        """The strike as the venue's page shows it: only after the window before has been resolved."""
        before = MarketKey(view.key.coin, view.key.horizon, view.key.epoch - view.key.seconds)
        if before in self._listings:
            return view.strike if before in self._results else None
        shown_ms = (view.key.epoch + PRICE_TO_BEAT_AFTER_S) * 1000
        return view.strike if self.now_ms >= shown_ms else None
