"""The one table of strategies. Its order is the order in which they are asked on a tick."""

from typing import Final

from polyterm.strategies.base import EVERY_HORIZON, Limits
from polyterm.strategies.endgame import Endgame, EndgameMomentum, EndgameParameters
from polyterm.strategies.entry import Entry
from polyterm.strategies.spot_lag import SpotLag, SpotLagParameters

# Both families speak of seconds to expiry and of fractions, so they mean the same on a window of any length.
_SPOT_LAG: Final = Limits(horizons=EVERY_HORIZON, closed_after=("extreme_stop",))
_ENDGAME: Final = Limits(horizons=EVERY_HORIZON)


def _spot_lag(name: str, parameters: SpotLagParameters) -> Entry:
    return Entry(name, "SpotLag", SpotLag, parameters, _SPOT_LAG)


def _endgame(name: str, parameters: EndgameParameters, factory: type[Endgame] = Endgame) -> Entry:
    return Entry(name, "Endgame", factory, parameters, _ENDGAME)


REGISTRY: Final[tuple[Entry, ...]] = (
    _spot_lag("SpotLagSimple", SpotLagParameters(10, 0.0005, 0.5)),
    _spot_lag("SpotLag_Fast", SpotLagParameters(5, 0.0003, 0.3)),
    _spot_lag("SpotLag_Confirmed", SpotLagParameters(15, 0.0010, 0.4)),
    _spot_lag("SpotLag_Aggressive", SpotLagParameters(8, 0.0002, 0.6)),
    _endgame("Endgame", EndgameParameters(0.90, 60, 5, 0.0010, 0.30)),
    _endgame("Endgame_Conservative", EndgameParameters(0.95, 30, 5, 0.0020, 0.25)),
    _endgame("Endgame_Aggressive", EndgameParameters(0.85, 90, 10, 0.0005, 0.35)),
    _endgame("Endgame_Safe", EndgameParameters(0.97, 20, 3, 0.0030, 0.20)),
    _endgame("Endgame_Momentum", EndgameParameters(0.90, 45, 5, 0.0010, 0.30), EndgameMomentum),
)
