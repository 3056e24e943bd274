"""The contract of a strategy, and rules: strategies that are plain expressions over features."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final, Protocol, cast, final

import msgspec

from polyterm.core.market import COINS, Coin, Horizon, MarketKey, Side
from polyterm.core.signal import HOLD, Signal
from polyterm.core.tick import Tick
from polyterm.quant.features import Features, Flag, Number
from polyterm.quant.primitives import known
from polyterm.quant.tick_features import TickFeatures

EVERY_HORIZON: Final[tuple[Horizon, ...]] = ("5m", "15m", "1h", "4h")


class Held(msgspec.Struct, frozen=True):
    """A strategy's own open position on this tick.

    ``r`` is the mark return (mid of the side over the entry price, minus 1; nan without a two-sided book), ``peak_r``
    its highest value since the entry, this tick included.
    """

    side: Side
    entry_ms: int
    entry_price: float
    held_s: float
    r: float
    peak_r: float


class Context(msgspec.Struct, frozen=True):
    """What a strategy sees besides its tick and its position; shared by all strategies of a series."""

    features: TickFeatures


class Limits(msgspec.Struct, frozen=True):
    """Where and how often a strategy may enter; the book enforces it.

    ``closed_after``: after an exit for one of these reasons the strategy stays out for the rest of that window.
    ``max_entries_per_window``: None is any number. ``cooldown_s``: market seconds without entry after any exit.
    """

    coins: tuple[Coin, ...] = COINS
    horizons: tuple[Horizon, ...] = ("15m",)
    closed_after: tuple[str, ...] = ()
    max_entries_per_window: int | None = None
    cooldown_s: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        """For people, one limit each."""
        most = self.max_entries_per_window
        entries = f"{'any number of' if most is None else most} {'entry' if most == 1 else 'entries'} in a window"
        words = [" ".join(self.coins), f"windows of {' '.join(self.horizons)}", entries]
        if self.closed_after:
            words.append(f"out for the rest of the window after {', '.join(self.closed_after)}")
        if self.cooldown_s:
            words.append(f"{self.cooldown_s} s without entry after an exit")
        return tuple(words)


class Strategy(ABC):
    """One instance serves one (coin, horizon). The docstring of a subclass says its rule in words."""

    resets: ClassVar[str] = "Look-backs begin anew with every window."

    @abstractmethod
    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        """What to do now. Asked on every tick in every trading state, so it must not assume that it is obeyed."""

    # Not abstract: only strategies with a memory of their own need it.
    def accepted(self, signal: Signal, key: MarketKey) -> None:  # noqa: B027
        """The engine acted on ``signal``. The only place where a strategy may change its memory of its own doings."""

    def state(self) -> object:
        """What it remembers, for ``restore`` in a later process: None, numbers, texts, bytes, lists and dicts of them.

        Asked a few times per window, between two ticks. A strategy that is no rule and leaves this out begins anew with
        every restart.
        """
        return None

    # Not abstract: only strategies with a memory of their own need it.
    def restore(self, state: object) -> None:  # noqa: B027
        """Go on from what ``state`` gave, on an instance that has seen nothing. Raise what speaks against it."""


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One way into a position; ``up`` is looked at before ``down``, and a side that is left out is never taken.

    ``size`` None means the book's own stake.
    """

    reason: str
    up: Flag = False
    down: Flag = False
    size: Number | None = None
    confidence: Number | None = None
    edge: Number | None = None


class HeldValues(Protocol):
    """What an exit may look at: ``Held``, or its columns."""

    @property
    def entry_price(self) -> Number: ...

    @property
    def held_s(self) -> Number: ...

    @property
    def r(self) -> Number: ...

    @property
    def peak_r(self) -> Number: ...


class Rule(Strategy):
    """A strategy without memory, written once for single ticks and for columns.

    Allowed in ``entry``, ``exit`` and what they call on ``self``: ``+ - *``, comparisons in parentheses, ``&``, ``|``,
    ``abs`` and what ``Features`` offers; ``grammar`` finds what is not.
    """

    restarts_on_entry: ClassVar[bool] = False
    """Whether ``entry`` sees no observation as old as the rule's own last entry: as if the window had begun there."""

    _asked_slot = -1
    _entry_slot: int | None = None

    @abstractmethod
    def entry(self, f: Features) -> Iterator[Branch]:
        """Ways in, in order; the first true one is taken."""

    @abstractmethod
    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        """Conditions and reasons, in order; the first true one is taken."""

    @final
    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        if position is not None:
            for leave, reason in self.exit(cast("Features", context.features), position):
                if cast("bool", leave):
                    return Signal("sell", position.side, reason)
            return HOLD
        self._asked_slot = tick.slot
        features = context.features if self._entry_slot is None else context.features.since(self._entry_slot)
        for branch in self.entry(cast("Features", features)):
            if cast("bool", branch.up):
                return _buy("up", branch)
            if cast("bool", branch.down):
                return _buy("down", branch)
        return HOLD

    @final
    def accepted(self, signal: Signal, key: MarketKey) -> None:
        if self.restarts_on_entry and signal.action == "buy":
            self._entry_slot = self._asked_slot

    @final
    def state(self) -> int | None:
        return self._entry_slot

    @final
    def restore(self, state: object) -> None:
        self._entry_slot = state if isinstance(state, int) else None


def _buy(side: Side, branch: Branch) -> Signal:
    return Signal(
        "buy",
        side,
        branch.reason,
        _scalar(branch.size),
        confidence=_scalar(branch.confidence),
        edge=_scalar(branch.edge),
    )


def _scalar(value: Number | None) -> float | None:
    return None if value is None else known(cast("float", value))
