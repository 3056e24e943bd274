"""The table of strategies holds what the field knows under these names, with its parameters and limits."""

import pytest

from polyterm.strategies.base import EVERY_HORIZON
from polyterm.strategies.endgame import EndgameParameters
from polyterm.strategies.entry import Entry
from polyterm.strategies.registry import REGISTRY
from polyterm.strategies.spot_lag import SpotLagParameters
from tests.strategies.market import entry

ESTABLISHED = [
    "FairValue_RealizedVol",
    "FairValue_EWMA",
    "FairValue_WithDrift",
    "FV_Drift_1H",
    "FV_Drift_4H",
    "FV_Drift_24H",
    "FV_UpOnly_4H",
    "SpotLagSimple",
    "SpotLag_Fast",
    "SpotLag_Confirmed",
    "SpotLag_Aggressive",
    "SpotLag_5sec",
    "SpotLag_10sec",
    "SpotLag_30sec",
    "SpotLag_60sec",
    "SpotLag_120sec",
    "SpotLag_300sec",
    "MispricingOnly",
    "Mispricing_Strict",
    "Mispricing_Loose",
    "Mispricing_Extreme",
    "SpotLag_CLConfirmed",
    "SpotLag_Aggressive_CL",
    "Mispricing_CLConfirmed",
    "UpOnly_CLConfirmed",
    "Contrarian",
    "Contrarian_SOL",
    "Contrarian_Scalp",
    "Contrarian_Strong",
    "Endgame",
    "Endgame_Conservative",
    "Endgame_Aggressive",
    "Endgame_Safe",
    "Endgame_Momentum",
    "TimeConditional",
    "Regime",
    "Microstructure",
    "CrossAsset",
]

LATER = [
    "SpotLag_TP3",
    "SpotLag_TP6",
    "SpotLag_Trailing",
    "SpotLag_TrailTight",
    "SpotLag_TrailWide",
    "SpotLag_TP3_Trailing",
    "SpotLag_VolAdapt",
    "CL_Divergence",
    "CL_Divergence_Aggro",
    "CL_Divergence_Safe",
    "CL_FinalSeconds",
    "CL_FinalSeconds_Ultra",
    "SpotLag_LateValue",
    "SpotLag_DeepValue",
    "SpotLag_CorrectSide",
    "SpotLag_ExtremeReversal",
    "SpotLag_TimeAware",
    "SpotLag_TimeAware_Aggro",
    "SpotLag_TimeAware_Safe",
    "SpotLag_TimeAware_TP",
    "SpotLag_LateOnly",
    "SpotLag_ProbEdge",
    "SpotLag_Trail_V1",
    "SpotLag_Trail_V2",
    "SpotLag_Trail_V3",
    "SpotLag_Trail_V4",
    "SpotLag_Trail_V5",
    "PureProb_Safe",
    "PureProb_Base",
    "PureProb_Aggro",
    "PureProb_Ultra",
    "LagProb_Safe",
    "LagProb_Base",
    "LagProb_Aggro",
    "LagProb_Ultra",
]


def values(name: str) -> tuple[float, ...]:
    parameters = entry(name).parameters
    return tuple(getattr(parameters, field) for field in parameters.__struct_fields__)


def test_names_in_order() -> None:
    assert len(ESTABLISHED) == 38
    assert [entry.name for entry in REGISTRY] == ESTABLISHED + LATER


def test_exactly_the_later_ones_are_experimental_and_say_so() -> None:
    assert [entry.name for entry in REGISTRY if entry.experimental] == LATER
    for each in REGISTRY:
        assert ("experimental" in each.rule.lower()) == each.experimental, each.name


def test_families() -> None:
    families = {each.family: [] for each in REGISTRY}
    for each in REGISTRY:
        families[each.family].append(each.name)
    assert {family: len(names) for family, names in families.items()} == {
        "FairValue": 7, "SpotLag": 34, "Mispricing": 6, "Contrarian": 4, "Endgame": 5, "Time": 1, "Regime": 1,
        "Microstructure": 1, "Cross-asset": 1, "Oracle": 5, "Probability": 8,
    }  # fmt: skip


@pytest.mark.parametrize("each", REGISTRY, ids=lambda each: each.name)
def test_every_entry_explains_itself_and_makes_a_strategy_of_its_own(each: Entry) -> None:
    assert len(each.rule) > 60
    assert each.resets.endswith(".")
    assert each.make() is not each.make()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SpotLagSimple", (10, 0.0005, 0.5, 120, 0.40)),
        ("SpotLag_Fast", (5, 0.0003, 0.3, 120, 0.40)),
        ("SpotLag_Confirmed", (15, 0.0010, 0.4, 120, 0.40)),
        ("SpotLag_Aggressive", (8, 0.0002, 0.6, 120, 0.40)),
        ("SpotLag_5sec", (5, 0.0003, 0.3, 120, 0.40, 5, 0.05)),
        ("SpotLag_10sec", (5, 0.0003, 0.3, 120, 0.40, 10, 0.08)),
        ("SpotLag_30sec", (5, 0.0003, 0.4, 120, 0.40, 30, 0.10)),
        ("SpotLag_60sec", (5, 0.0003, 0.4, 120, 0.40, 60, 0.12)),
        ("SpotLag_120sec", (8, 0.0003, 0.4, 120, 0.40, 120, 0.15)),
        ("SpotLag_300sec", (8, 0.0003, 0.5, 120, 0.40, 300, 0.20)),
        ("SpotLag_CLConfirmed", (8, 0.0003, 0.5, 120, 0.40)),
        ("SpotLag_Aggressive_CL", (8, 0.0002, 0.6, 120, 0.40)),
        ("FairValue_RealizedVol", (0.03, 0.06, 100, 70, 0.8, 120, 0.30)),
        ("FairValue_EWMA", (0.0255, 0.06, 100, 70, 0.8, 120, 0.30)),
        ("FairValue_WithDrift", (0.03, 0.06, 100, 70, 0.8, 120, 0.30, 0.0001)),
        ("FV_Drift_1H", (0.03, 0.06, 100, 70, 0.8, 120, 0.30, 3600, 0.003, 20)),
        ("FV_Drift_4H", (0.03, 0.06, 100, 70, 0.8, 120, 0.30, 14_400, 0.005, 20)),
        ("FV_Drift_24H", (0.03, 0.06, 100, 70, 0.8, 120, 0.30, 86_400, 0.010, 20)),
        ("FV_UpOnly_4H", (0.03, 0.06, 100, 70, 0.8, 120, 0.30, 14_400, 0.002, 20)),
        ("MispricingOnly", (0.0010, 0.45, 0.55, 180, 840, 0.50)),
        ("Mispricing_Strict", (0.0010, 0.35, 0.65, 180, 840, 0.50)),
        ("Mispricing_Loose", (0.0005, 0.48, 0.52, 180, 840, 0.50)),
        ("Mispricing_Extreme", (0.0020, 0.25, 0.75, 180, 840, 0.50)),
        ("Mispricing_CLConfirmed", (0.0010, 0.45, 0.55, 180, 840, 0.50)),
        ("UpOnly_CLConfirmed", (0.0005, 0.52, 180, 780, 0.50)),
        ("Contrarian", (30, 0.0003, 120, 0.40)),
        ("Contrarian_SOL", (20, 0.0005, 120, 0.40)),
        ("Contrarian_Scalp", (15, 0.0002, 120, 0.40)),
        ("Contrarian_Strong", (40, 0.0008, 120, 0.40)),
        ("Endgame", (0.90, 60, 5, 0.0010, 0.30, 5)),
        ("Endgame_Conservative", (0.95, 30, 5, 0.0020, 0.25, 5)),
        ("Endgame_Aggressive", (0.85, 90, 10, 0.0005, 0.35, 5)),
        ("Endgame_Safe", (0.97, 20, 3, 0.0030, 0.20, 5)),
        ("Endgame_Momentum", (0.90, 45, 5, 0.0010, 0.30, 5)),
    ],
)
def test_parameters(name: str, expected: tuple[float, ...]) -> None:
    assert values(name) == pytest.approx(expected, rel=1e-15)


def test_limits() -> None:
    assert entry("Contrarian_SOL").limits.coins == ("sol",)
    assert entry("CrossAsset").limits.coins == ("eth", "sol", "xrp")
    assert entry("Contrarian").limits.coins == ("btc", "eth", "sol", "xrp")
    assert entry("SpotLag_Fast").limits.closed_after == ("extreme_stop",)
    assert entry("SpotLag_30sec").limits.closed_after == ("timed_exit_30s", "take_profit", "extreme_stop")
    assert entry("UpOnly_CLConfirmed").limits.max_entries_per_window == 1
    assert {each.name for each in REGISTRY if each.limits.max_entries_per_window == 1} == {"UpOnly_CLConfirmed", *LATER}
    assert entry("MispricingOnly").limits.closed_after == ()
    assert entry("Endgame").limits.horizons == EVERY_HORIZON
    assert entry("Regime").limits.horizons == ("15m",)


def test_a_wrong_parameter_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="no parameter 'min_mov': did you mean 'min_move'"):
        entry("SpotLag_Fast").varied({"min_mov": 0.1})
    with pytest.raises(ValueError, match=r"lookback_ticks cannot be 1: it is a whole number \(ticks\), at least 2"):
        entry("SpotLag_Fast").varied({"lookback_ticks": 1})
    with pytest.raises(ValueError, match="stop cannot be 'much': it is a number"):
        entry("SpotLag_Fast").varied({"stop": "much"})
    with pytest.raises(ValueError, match=r"min_probability cannot be 1\.5"):
        EndgameParameters(1.5, 60, 5, 0.0010, 0.30)
    with pytest.raises(ValueError, match=r"min_remaining_s 61\.0 lies above max_remaining_s 60\.0"):
        EndgameParameters(0.9, 60, 61, 0.0010, 0.30)
    with pytest.raises(ValueError, match="min_move cannot be nan"):
        SpotLagParameters(5, float("nan"), 0.3)


def test_parameters_are_varied_by_numbers_or_their_text() -> None:
    varied = entry("SpotLag_Fast").varied({"min_move": "0.001", "lookback_ticks": 9, "stop": 1})
    assert varied.parameters == SpotLagParameters(9, 0.001, 0.3, stop=1.0)
    assert varied.limits == entry("SpotLag_Fast").limits
    assert entry("SpotLag_Fast").parameters == SpotLagParameters(5, 0.0003, 0.3)
    assert isinstance(SpotLagParameters(5, 0.0003, 0.3, 60).min_remaining_s, float), "60 and 60.0 are one value"
