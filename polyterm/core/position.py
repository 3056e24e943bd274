"""Open and closed holdings of one strategy, with one leg per fill model."""

from typing import Literal

import msgspec

from polyterm.core.market import Grade, MarketKey, Side

FillModel = Literal["touch", "costed", "realistic"]
LegStatus = Literal["full", "partial", "none", "pending"]


class Leg(msgspec.Struct, frozen=True, gc=False):
    """A holding as one fill model saw it. ``fee`` is the dollars paid so far; ``pnl`` is net of it, None while open."""

    model: FillModel
    shares: float
    entry_price: float
    fee: float
    status: LegStatus = "full"
    exit_price: float | None = None
    pnl: float | None = None


class Conditions(msgspec.Struct, frozen=True, gc=False):
    """The market at an entry or an exit; sizes are at the touch of the side that was traded."""

    spot: float | None
    up_mid: float | None
    bid_size: float | None
    ask_size: float | None
    spread: float | None
    spread_pct: float | None
    imbalance: float | None
    time_remaining_s: int


class Position(msgspec.Struct, frozen=True, gc=False):
    """An open holding. ``peak_r`` is the highest mark return since entry, ``session`` the one that opened it."""

    strategy: str
    key: MarketKey
    side: Side
    entry_ms: int
    entry_price: float
    shares: float
    reason: str
    strength: float | None
    entry: Conditions
    strike: float | None
    strike_grade: Grade | None
    legs: tuple[Leg, ...]
    peak_r: float
    session: str = ""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A closed holding. ``outcome`` and ``grade`` are set when it was settled, None after an early exit.

    ``session`` is the one that opened it; a later one may have closed it. Empty is the one that closed it.
    """

    strategy: str
    key: MarketKey
    side: Side
    entry_ms: int
    exit_ms: int
    entry_reason: str
    exit_reason: str
    strength: float | None
    entry: Conditions
    exit: Conditions | None
    strike: float | None
    strike_grade: Grade | None
    legs: tuple[Leg, ...]
    exit_spot: float | None
    outcome: Side | None = None
    grade: Grade | None = None
    session: str = ""

    def leg(self, model: FillModel) -> Leg:
        for leg in self.legs:
            if leg.model == model:
                return leg
        raise KeyError(model)

    @property
    def pnl(self) -> float:
        """Dollars under the touch model, the reference of the field."""
        return self.leg("touch").pnl or 0.0

    @property
    def costed_pnl(self) -> float:
        """Dollars after the venue's fee."""
        return self.leg("costed").pnl or 0.0
