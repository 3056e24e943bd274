"""The strategies that were reported later, in words: experimental, because some of their numbers are our choice.

The later Endgame variants are left out: they were the same rules with a larger size, which scales a result and decides
nothing.
"""

from typing import Any, Final

from polyterm.strategies.base import Limits
from polyterm.strategies.entry import Entry
from polyterm.strategies.oracle_divergence import (
    FinalSecondsParameters,
    OracleDivergence,
    OracleFinalSeconds,
    OracleParameters,
)
from polyterm.strategies.parameters import Parameters
from polyterm.strategies.probability_edge import LaggingTableEdge, LaggingTableParameters, TableEdge, TableParameters
from polyterm.strategies.spot_lag_exits import (
    QuickThenTrailing,
    QuickThenTrailingParameters,
    RangeAdapted,
    RangeAdaptedParameters,
    TakeProfit,
    TakeProfitParameters,
    Trailing,
    TrailingParameters,
)
from polyterm.strategies.spot_lag_time_aware import (
    LagWithProbabilityEdge,
    ProbabilityEdgeParameters,
    TimeAware,
    TimeAwareParameters,
    TimeAwareTakeProfit,
    TimeAwareTakeProfitParameters,
)
from polyterm.strategies.spot_lag_value import (
    CheapLag,
    CheapLagParameters,
    CorrectSide,
    CorrectSideParameters,
    ExtremeReversal,
    ExtremeReversalParameters,
    RightSideTrailing,
    RightSideTrailingParameters,
)

_ONCE: Final = Limits(max_entries_per_window=1)


def _later(name: str, family: str, factory: Any, parameters: Parameters) -> Entry:
    return Entry(name, family, factory, parameters, _ONCE, experimental=True)


def _lag(name: str, factory: Any, parameters: Parameters) -> Entry:
    return _later(f"SpotLag_{name}", "SpotLag", factory, parameters)


def _trail(name: str, activate: float, trail: float, floor: float) -> Entry:
    return _lag(name, Trailing, TrailingParameters(activate=activate, trail=trail, floor=floor))


def _right_side(version: int, min_move: float, max_followed: float, min_distance: float) -> Entry:
    parameters = RightSideTrailingParameters(
        min_move=min_move,
        max_followed=max_followed,
        min_distance=min_distance,
        activate=0.05,
        trail=0.10,
        floor=0.03,
    )
    return _lag(f"Trail_V{version}", RightSideTrailing, parameters)


def _divergence(name: str, min_distance: float, max_price: float) -> Entry:
    parameters = OracleParameters(
        min_distance=min_distance, max_price=max_price, min_remaining_s=30, max_remaining_s=900
    )
    return _later(name, "Oracle", OracleDivergence, parameters)


def _final(name: str, min_distance: float, max_price: float, max_remaining_s: float) -> Entry:
    parameters = FinalSecondsParameters(
        min_distance=min_distance, max_price=max_price, min_remaining_s=1, max_remaining_s=max_remaining_s
    )
    return _later(name, "Oracle", OracleFinalSeconds, parameters)


def _pure(name: str, min_edge: float) -> Entry:
    return _later(f"PureProb_{name}", "Probability", TableEdge, TableParameters(min_edge=min_edge))


def _lagging(name: str, min_edge: float) -> Entry:
    return _later(f"LagProb_{name}", "Probability", LaggingTableEdge, LaggingTableParameters(min_edge=min_edge))


LATER: Final[tuple[Entry, ...]] = (
    _lag("TP3", TakeProfit, TakeProfitParameters(take_profit=0.03)),
    _lag("TP6", TakeProfit, TakeProfitParameters(take_profit=0.06)),
    _trail("Trailing", 0.05, 0.10, 0.03),
    _trail("TrailTight", 0.03, 0.05, 0.02),
    _trail("TrailWide", 0.08, 0.15, 0.05),
    _lag("TP3_Trailing", QuickThenTrailing, QuickThenTrailingParameters(activate=0.05, trail=0.08, floor=0.04)),
    _lag("VolAdapt", RangeAdapted, RangeAdaptedParameters()),
    _divergence("CL_Divergence", 0.0010, 0.70),
    _divergence("CL_Divergence_Aggro", 0.0005, 0.80),
    _divergence("CL_Divergence_Safe", 0.0020, 0.50),
    _final("CL_FinalSeconds", 0.0010, 0.15, 30),
    _final("CL_FinalSeconds_Ultra", 0.0005, 0.10, 15),
    _lag("LateValue", CheapLag, CheapLagParameters(max_price=0.50, min_remaining_s=60, max_remaining_s=180)),
    _lag("DeepValue", CheapLag, CheapLagParameters(max_price=0.30, min_remaining_s=90, max_remaining_s=300)),
    _lag("CorrectSide", CorrectSide, CorrectSideParameters()),
    _lag(
        "ExtremeReversal",
        ExtremeReversal,
        ExtremeReversalParameters(min_move=0.0005, activate=0.05, trail=0.10, floor=0.03),
    ),
    _lag("TimeAware", TimeAware, TimeAwareParameters()),
    _lag(
        "TimeAware_Aggro",
        TimeAware,
        TimeAwareParameters(
            early_distance=0.0010, middle_distance=0.0007, late_distance=0.0003, min_underdog_price=0.10
        ),
    ),
    _lag(
        "TimeAware_Safe",
        TimeAware,
        TimeAwareParameters(
            early_distance=0.0020, middle_distance=0.0015, late_distance=0.0010, min_underdog_price=0.50
        ),
    ),
    _lag("TimeAware_TP", TimeAwareTakeProfit, TimeAwareTakeProfitParameters()),
    _lag("LateOnly", TimeAware, TimeAwareParameters(max_remaining_s=180)),
    _lag("ProbEdge", LagWithProbabilityEdge, ProbabilityEdgeParameters()),
    _right_side(1, 0.0004, 0.4, 0.0003),
    _right_side(2, 0.0003, 0.5, 0.0002),
    _right_side(3, 0.0002, 0.6, 0.0001),
    _right_side(4, 0.00015, 0.7, 0.00005),
    _right_side(5, 0.0001, 0.8, 0),
    _pure("Safe", 0.08),
    _pure("Base", 0.05),
    _pure("Aggro", 0.03),
    _pure("Ultra", 0.02),
    _lagging("Safe", 0.08),
    _lagging("Base", 0.05),
    _lagging("Aggro", 0.03),
    _lagging("Ultra", 0.02),
)
