"""What strategies bought in windows, summed up."""

from typing import NamedTuple

from polyterm.core.market import Coin, Horizon, Side


class SideTotals(NamedTuple):
    """The closed trades of one strategy on one side of one window: how many, when the first was entered (unix ms), the
    shares bought, and dollars earned under the touch model and after fees (None when a trade does not know)."""

    coin: Coin
    horizon: Horizon
    epoch: int
    strategy: str
    side: Side
    trades: int
    first_ms: int
    shares: float
    pnl: float
    costed_pnl: float | None
