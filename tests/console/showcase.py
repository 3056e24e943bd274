"""One evening of a busy console, drawn from a seeded generator: what the pictures of README show. None of it happened.

Twenty strategies in five families over sixty windows; a family mostly takes one side, and some families oppose
others. Half of them have no edge at all.
"""

import itertools
import random
from typing import Final

import msgspec

from polyterm.core.event import PositionOpened, TradeClosed
from polyterm.core.market import COINS, Side
from polyterm.core.position import Leg
from polyterm.core.snapshot import CoinConflict, ConflictPair, Conflicts, Leaderboard, LeaderboardRow, Lineup, Positions
from tests.console import scenes

# Of each family how likely it takes the side of the crowd, and the probability that a trade of it wins.
FAMILIES: Final = {
    "SpotLag": (0.92, 0.57, ("SpotLag_Fast", "SpotLag_Confirmed", "SpotLag_10sec", "SpotLag_30sec", "SpotLag_60sec")),
    "FairValue": (0.80, 0.55, ("FairValue_RealizedVol", "FairValue_EWMA", "FairValue_WithDrift")),
    "Mispricing": (0.30, 0.51, ("MispricingOnly", "Mispricing_Strict", "Mispricing_Loose", "Mispricing_Extreme")),
    "Contrarian": (0.08, 0.46, ("Contrarian", "Contrarian_SOL", "Contrarian_Scalp", "Contrarian_Strong")),
    "Endgame": (0.65, 0.53, ("Endgame", "Endgame_Safe", "Endgame_Aggressive", "Endgame_Momentum")),
}
FAMILY_OF: Final = {name: family for family, (_, _, names) in FAMILIES.items() for name in names}
WINDOWS: Final = 60
_REASONS: Final = {
    "SpotLag": "spot_lag_detected", "FairValue": "edge_over_market", "Mispricing": "oracle_above_strike",
    "Contrarian": "run_faded", "Endgame": "endgame_favourite",
}  # fmt: skip
_random = random.Random(11)


def _standing(name: str, ago_s: int) -> LeaderboardRow:
    """Every trade buys 100 shares between 40 and 60 cents and wins or loses the most of them."""
    chance, total, peak, fall, squares, wins = FAMILIES[FAMILY_OF[name]][1], 0.0, 0.0, 0.0, 0.0, 0
    equity = [0.0]
    trades = _random.randint(14, 140)
    for _ in range(trades):
        won = _random.random() < chance
        result = _random.uniform(8, 30) if won else -_random.uniform(8, 32)
        total, wins, squares = total + result, wins + won, squares + result * result
        peak = max(peak, total)
        fall = max(fall, peak - total)
        equity.append(round(total, 2))
    side: Side = _random.choice(("up", "down"))
    return LeaderboardRow(
        strategy=name,
        family=FAMILY_OF[name],
        trades=trades,
        wins=wins,
        open=0,
        pnl_touch=total + 1.72 * trades,
        pnl_costed=total,
        last_side=side,
        last_reason=_REASONS[FAMILY_OF[name]],
        last_ms=scenes.NOW_MS - ago_s * 1000,
        squares=squares,
        drawdown=fall,
        equity=tuple(equity[:: max(1, len(equity) // 40)]),
    )


def _sides() -> list[dict[str, Side]]:
    """Who took which side in each window; not everybody trades in each."""
    windows = []
    for _ in range(WINDOWS):
        crowd, other = _random.choice((("up", "down"), ("down", "up")))
        sides = {}
        for name, family in FAMILY_OF.items():
            if _random.random() < 0.6:
                sides[name] = crowd if _random.random() < FAMILIES[family][0] else other
        windows.append(sides)
    return windows


_SIDES: Final = _sides()
_ROWS: Final = tuple(_standing(name, 3 + 17 * place) for place, name in enumerate(FAMILY_OF))


def _pair(first: str, second: str) -> ConflictPair:
    met = [sides for sides in _SIDES if first in sides and second in sides]
    return ConflictPair(first, second, len(met), sum(sides[first] != sides[second] for sides in met))


def _lineup(coin: str, sides: dict[str, Side]) -> Lineup:
    up, down = (tuple(name for name, side in sides.items() if side == which) for which in ("up", "down"))
    return Lineup(scenes.KEYS[coin], up, down, 100.0 * len(up), 100.0 * len(down))


_HELD: Final = (
    ("SpotLag_Fast", "btc", "up", 0.58, 0.625, 41), ("FairValue_EWMA", "btc", "up", 0.61, 0.625, 12),
    ("Contrarian", "btc", "down", 0.41, 0.375, 75), ("SpotLag_30sec", "eth", "down", 0.60, 0.5875, 9),
    ("MispricingOnly", "eth", "up", 0.39, 0.4125, 200), ("Contrarian_SOL", "sol", "down", 0.33, 0.305, 131),
    ("Mispricing_Loose", "xrp", "up", 0.47, 0.505, 160),
)  # fmt: skip
_POSITIONS: Final = tuple(
    scenes.holding(
        name, coin, side, (entry, mark), entry_ms=scenes.NOW_MS - ago * 1000, reason=_REASONS[FAMILY_OF[name]]
    )
    for name, coin, side, entry, mark, ago in _HELD
)


def _opened(number: int, bought: tuple[str, str, Side, float, float, int]) -> PositionOpened:
    name, coin, side, price, _, ago_s = bought
    held = scenes.EVENTS[5].position
    position = msgspec.structs.replace(
        held, strategy=name, key=scenes.KEYS[coin], side=side, entry_price=price, reason=_REASONS[FAMILY_OF[name]]
    )
    return PositionOpened(scenes.event_id(number), scenes.NOW_MS - ago_s * 1000, position)


def _closed(number: int, name: str, coin: str, ended: tuple[str, float, int]) -> TradeClosed:
    reason, costed, ago_s = ended
    legs = (Leg("touch", 100.0, 0.5, 0.0, pnl=costed + 1.72), Leg("costed", 100.0, 0.5, 1.72, pnl=costed))
    trade = msgspec.structs.replace(
        scenes.EVENTS[2].trade, strategy=name, key=scenes.KEYS[coin], exit_reason=reason, legs=legs
    )
    return TradeClosed(scenes.event_id(number), scenes.NOW_MS - ago_s * 1000, trade)


EVENTS: Final = (
    *scenes.EVENTS[:2],
    *(_opened(10 + place, held) for place, held in enumerate(sorted(_HELD, key=lambda held: -held[5]))),
    _closed(20, "SpotLag_10sec", "btc", ("hold time is over", 6.28, 7)),
    _closed(21, "Contrarian_Scalp", "eth", ("stop", -14.05, 5)),
)
_OPEN: Final = {held[0] for held in _HELD}
SHOWCASE: Final = msgspec.structs.replace(
    scenes.FULL,
    status=msgspec.structs.replace(
        scenes.STATUS,
        open_positions=len(_HELD),
        exposure=sum(100 * held[3] for held in _HELD),
        pnl_costed=sum(row.pnl_costed for row in _ROWS),
        pnl_touch=sum(row.pnl_touch for row in _ROWS),
    ),
    leaderboard=Leaderboard(1, tuple(msgspec.structs.replace(row, open=int(row.strategy in _OPEN)) for row in _ROWS)),
    conflicts=Conflicts(
        1,
        tuple(FAMILY_OF),
        tuple(itertools.starmap(_pair, itertools.combinations(FAMILY_OF, 2))),
        tuple(CoinConflict(coin, 15, conflicted) for coin, conflicted in zip(COINS, (12, 11, 9, 7), strict=True)),
        (_lineup("btc", _SIDES[0]), _lineup("eth", _SIDES[1])),
        tuple(FAMILY_OF),
    ),
    positions=Positions(1, _POSITIONS),
)
