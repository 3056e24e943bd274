"""The one table of strategies. Its order is the order in which they are asked on a tick."""

from typing import Final

from polyterm.core.market import Coin
from polyterm.strategies.base import EVERY_HORIZON, Limits
from polyterm.strategies.contrarian import Contrarian, ContrarianParameters
from polyterm.strategies.cross_asset import CrossAsset, CrossAssetParameters
from polyterm.strategies.drift import DriftAwareFairValue, DriftParameters, DriftUpOnly
from polyterm.strategies.endgame import Endgame, EndgameMomentum, EndgameParameters
from polyterm.strategies.entry import Entry
from polyterm.strategies.fair_value import (
    FairValue,
    FairValueEwma,
    FairValueParameters,
    FairValueWithDrift,
    FairValueWithDriftParameters,
)
from polyterm.strategies.later import LATER
from polyterm.strategies.microstructure import Microstructure, MicrostructureParameters
from polyterm.strategies.mispricing import Mispricing, MispricingParameters
from polyterm.strategies.oracle_confirmed import (
    MispricingOracleConfirmed,
    SpotLagOracleConfirmed,
    UpOnlyOracleConfirmed,
    UpOnlyParameters,
)
from polyterm.strategies.regime import Regime, RegimeParameters
from polyterm.strategies.spot_lag import SpotLag, SpotLagParameters
from polyterm.strategies.spot_lag_timed import SpotLagTimed, SpotLagTimedParameters, timed_exit
from polyterm.strategies.time_conditional import TimeConditional, TimeConditionalParameters

HOUR_S: Final = 3600

# Both families speak of seconds to expiry and of fractions, so they mean the same on a window of any length.
_SPOT_LAG: Final = Limits(horizons=EVERY_HORIZON, closed_after=("extreme_stop",))
_ENDGAME: Final = Limits(horizons=EVERY_HORIZON)


def _spot_lag(name: str, parameters: SpotLagParameters, factory: type[SpotLag] = SpotLag) -> Entry:
    return Entry(name, "SpotLag", factory, parameters, _SPOT_LAG)


def _timed(hold_s: int, take_profit: float, lookback_ticks: int, max_followed: float) -> Entry:
    limits = Limits(closed_after=(timed_exit(hold_s), "take_profit", "extreme_stop"))
    parameters = SpotLagTimedParameters(
        lookback_ticks, min_move=0.0003, max_followed=max_followed, hold_s=hold_s, take_profit=take_profit
    )
    return Entry(f"SpotLag_{hold_s}sec", "SpotLag", SpotLagTimed, parameters, limits)


def _drift(name: str, hours: int, min_return: float, factory: type[DriftAwareFairValue] = DriftAwareFairValue) -> Entry:
    return Entry(name, "FairValue", factory, DriftParameters(lookback_s=hours * HOUR_S, min_return=min_return))


def _mispricing(
    name: str, min_distance: float, cheap: float, dear: float, factory: type[Mispricing] = Mispricing
) -> Entry:
    parameters = MispricingParameters(min_distance=min_distance, cheap_up_mid=cheap, dear_up_mid=dear)
    return Entry(name, "Mispricing", factory, parameters)


def _contrarian(name: str, lookback_ticks: int, min_run: float, *coins: Coin) -> Entry:
    parameters = ContrarianParameters(lookback_ticks=lookback_ticks, min_run=min_run)
    return Entry(name, "Contrarian", Contrarian, parameters, Limits(coins=coins) if coins else Limits())


def _endgame(name: str, parameters: EndgameParameters, factory: type[Endgame] = Endgame) -> Entry:
    return Entry(name, "Endgame", factory, parameters, _ENDGAME)


REGISTRY: Final[tuple[Entry, ...]] = (
    Entry("FairValue_RealizedVol", "FairValue", FairValue, FairValueParameters()),
    Entry("FairValue_EWMA", "FairValue", FairValueEwma, FairValueParameters(min_edge=0.85 * 0.03)),
    Entry("FairValue_WithDrift", "FairValue", FairValueWithDrift, FairValueWithDriftParameters()),
    _drift("FV_Drift_1H", 1, 0.003),
    _drift("FV_Drift_4H", 4, 0.005),
    _drift("FV_Drift_24H", 24, 0.010),
    _drift("FV_UpOnly_4H", 4, 0.002, DriftUpOnly),
    _spot_lag("SpotLagSimple", SpotLagParameters(10, 0.0005, 0.5)),
    _spot_lag("SpotLag_Fast", SpotLagParameters(5, 0.0003, 0.3)),
    _spot_lag("SpotLag_Confirmed", SpotLagParameters(15, 0.0010, 0.4)),
    _spot_lag("SpotLag_Aggressive", SpotLagParameters(8, 0.0002, 0.6)),
    _timed(5, 0.05, 5, 0.3),
    _timed(10, 0.08, 5, 0.3),
    _timed(30, 0.10, 5, 0.4),
    _timed(60, 0.12, 5, 0.4),
    _timed(120, 0.15, 8, 0.4),
    _timed(300, 0.20, 8, 0.5),
    _mispricing("MispricingOnly", 0.0010, 0.45, 0.55),
    _mispricing("Mispricing_Strict", 0.0010, 0.35, 0.65),
    _mispricing("Mispricing_Loose", 0.0005, 0.48, 0.52),
    _mispricing("Mispricing_Extreme", 0.0020, 0.25, 0.75),
    _spot_lag("SpotLag_CLConfirmed", SpotLagParameters(8, 0.0003, 0.5), SpotLagOracleConfirmed),
    _spot_lag("SpotLag_Aggressive_CL", SpotLagParameters(8, 0.0002, 0.6), SpotLagOracleConfirmed),
    _mispricing("Mispricing_CLConfirmed", 0.0010, 0.45, 0.55, MispricingOracleConfirmed),
    Entry(
        "UpOnly_CLConfirmed", "Mispricing", UpOnlyOracleConfirmed, UpOnlyParameters(), Limits(max_entries_per_window=1)
    ),
    _contrarian("Contrarian", 30, 0.0003),
    _contrarian("Contrarian_SOL", 20, 0.0005, "sol"),
    _contrarian("Contrarian_Scalp", 15, 0.0002),
    _contrarian("Contrarian_Strong", 40, 0.0008),
    _endgame("Endgame", EndgameParameters(0.90, 60, 5, 0.0010, 0.30)),
    _endgame("Endgame_Conservative", EndgameParameters(0.95, 30, 5, 0.0020, 0.25)),
    _endgame("Endgame_Aggressive", EndgameParameters(0.85, 90, 10, 0.0005, 0.35)),
    _endgame("Endgame_Safe", EndgameParameters(0.97, 20, 3, 0.0030, 0.20)),
    _endgame("Endgame_Momentum", EndgameParameters(0.90, 45, 5, 0.0010, 0.30), EndgameMomentum),
    Entry("TimeConditional", "Time", TimeConditional, TimeConditionalParameters()),
    Entry("Regime", "Regime", Regime, RegimeParameters()),
    Entry("Microstructure", "Microstructure", Microstructure, MicrostructureParameters()),
    Entry("CrossAsset", "Cross-asset", CrossAsset, CrossAssetParameters(), Limits(coins=("eth", "sol", "xrp"))),
    *LATER,
)
