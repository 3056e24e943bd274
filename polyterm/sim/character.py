"""How each coin behaves: the numbers that make the world resemble the recorded markets (measured in 2025 and 2026)."""

from typing import Final

import msgspec

from polyterm.core.market import Coin


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """One coin and its markets.

    Attributes:
        price: where the exchange price starts, dollars, give or take a tenth.
        decimals: of the exchange's price tick.
        volatility: annualised, jumps included; the root mean square over many days.
        loading: weight of the move that all coins share; two coins correlate by the product of theirs.
        basis_noise_bp: standard deviation of the coin's own, quick part of the basis.
        quote_size: median coins at the exchange's best prices.
        trades_per_s: of the exchange's aggregated trades.
        trade_size: median coins of such a trade.
        half_spread: median distance of a maker's quote from fair value, in cents, before rounding outwards.
        half_spread_sd: of its logarithm.
        best_size: median shares at the best price.
        deep_size: median shares at each price behind it.
        market_trades_per_s: trades in a running market.
    """

    price: float
    decimals: int
    volatility: float
    loading: float
    basis_noise_bp: float
    quote_size: float
    trades_per_s: float
    trade_size: float
    half_spread: float
    half_spread_sd: float
    best_size: float
    deep_size: float
    market_trades_per_s: float


# Loadings: two coins end a window on the same side with probability 1/2 + asin(r)/pi, so that 84 % (BTC-ETH) and 82 %
# (BTC-SOL, ETH-SOL) mean r = 0.88 and 0.84. XRP was not measured and is set a little looser.
CHARACTERS: Final[dict[Coin, Character]] = {
    "btc": Character(
        price=64_000.0, decimals=2, volatility=0.55, loading=0.936, basis_noise_bp=0.4,
        quote_size=2.0, trades_per_s=3.0, trade_size=0.01,
        half_spread=0.08, half_spread_sd=0.8, best_size=245.0, deep_size=455.0, market_trades_per_s=0.8,
    ),
    "eth": Character(
        price=1_900.0, decimals=2, volatility=0.73, loading=0.936, basis_noise_bp=0.4,
        quote_size=20.0, trades_per_s=2.5, trade_size=0.2,
        half_spread=0.15, half_spread_sd=0.9, best_size=120.0, deep_size=220.0, market_trades_per_s=0.4,
    ),
    "sol": Character(
        price=80.0, decimals=2, volatility=0.82, loading=0.902, basis_noise_bp=0.4,
        quote_size=300.0, trades_per_s=1.5, trade_size=5.0,
        half_spread=0.75, half_spread_sd=1.15, best_size=70.0, deep_size=120.0, market_trades_per_s=0.2,
    ),
    "xrp": Character(
        price=1.4, decimals=4, volatility=0.93, loading=0.88, basis_noise_bp=0.4,
        quote_size=8_000.0, trades_per_s=1.5, trade_size=200.0,
        half_spread=2.9, half_spread_sd=0.78, best_size=60.0, deep_size=100.0, market_trades_per_s=0.2,
    ),
}  # fmt: skip
