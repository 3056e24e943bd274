"""What an analysis of conflicts says. Shares of meetings are left to whoever shows them: the counts are here."""

from typing import Final, Literal

import msgspec

from polyterm.core.market import Coin, MarketKey

By = Literal["window", "trade"]

LISTED: Final = 15
NEWEST_WINDOWS: Final = 20
NEVER_LEAST: Final = 10
LISTED_LEAST: Final = 20


class CoinReport(msgspec.Struct, frozen=True):
    """``windows`` with any trade, and those in which both sides were bought; the means are over the latter."""

    coin: Coin
    windows: int
    conflicted: int
    mean_up: float | None
    mean_down: float | None


class PairReport(msgspec.Struct, frozen=True):
    """``pnl`` is what both earned in the windows that both traded, under the touch model, every trade once."""

    first: str
    second: str
    met: int
    agreed: int
    conflicted: int
    pnl: float


class CampReport(msgspec.Struct, frozen=True):
    """All pairs of members together, and the pair that agrees least."""

    name: str
    members: tuple[str, ...]
    found: bool
    met: int
    agreed: int
    conflicted: int
    weakest: PairReport | None


class BetweenReport(msgspec.Struct, frozen=True):
    """All pairs with one member of each, and the pair that conflicts least."""

    first: str
    second: str
    met: int
    agreed: int
    conflicted: int
    weakest: PairReport | None


class Earned(msgspec.Struct, frozen=True):
    """Dollars under the touch model, and after fees; None when some trade does not know its fee."""

    touch: float
    costed: float | None


class NettedWindow(msgspec.Struct, frozen=True):
    """Shares bought of both sides. ``parts`` is what all trades earned, ``netted`` what their surplus would have."""

    key: MarketKey
    up_trades: int
    down_trades: int
    up_shares: float
    down_shares: float
    parts: Earned
    netted: Earned

    @property
    def net_shares(self) -> float:
        """Above 0 for Up."""
        return self.up_shares - self.down_shares


class ConflictReport(msgspec.Struct, frozen=True, kw_only=True):
    """``strategies`` are in the order of their clusters; pairs that never met are left out. ``newest`` windows come
    latest first. ``never`` conflicted and earned most together; ``agreeing`` and ``conflicting`` lead their lists."""

    by: By
    camp_share: float
    trades: int
    windows: int
    conflicted: int
    coins: tuple[CoinReport, ...]
    strategies: tuple[str, ...]
    pairs: tuple[PairReport, ...]
    camps: tuple[CampReport, ...]
    between: tuple[BetweenReport, ...]
    parts: Earned
    netted: Earned
    newest: tuple[NettedWindow, ...]
    never: tuple[PairReport, ...]
    agreeing: tuple[PairReport, ...]
    conflicting: tuple[PairReport, ...]
