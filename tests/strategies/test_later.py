"""What the later, experimental rules decide at and around their thresholds, on ticks worked out by hand."""

import pytest

from polyterm.core.market import Side
from polyterm.core.signal import HOLD, Signal
from tests.strategies.market import holding, oracle, signal, tick


def lag(second: int, spot: float, mid: float = 0.50, before: float = 1000.0, **fields: object) -> list:
    """Eight seconds in which spot went from ``before`` to ``spot`` while the mid stood still."""
    return [tick(second - 7, spot=before, mid=mid), tick(second, spot=spot, mid=mid, **fields)]


def test_the_least_move_grows_away_from_even_odds() -> None:
    """2 bp at 50 cents; at 10 or 90 cents 2.6 times as much."""
    assert signal("SpotLag_TP3", *lag(400, 1000.21)).side == "up"
    assert signal("SpotLag_TP3", *lag(400, 1000.19)) is HOLD
    assert signal("SpotLag_TP3", *lag(400, 1000.51, mid=0.10)) is HOLD
    assert signal("SpotLag_TP3", *lag(400, 1000.53, mid=0.10)).side == "up"
    assert signal("SpotLag_TP3", *lag(400, 999.47, mid=0.90)).side == "down"


@pytest.mark.parametrize(
    ("name", "r", "peak_r", "reason"),
    [
        ("SpotLag_TP3", 0.029, 0.029, ""),
        ("SpotLag_TP3", 0.03, 0.03, "take_profit"),
        ("SpotLag_TP6", 0.059, 0.059, ""),
        ("SpotLag_TP6", 0.06, 0.06, "take_profit"),
        ("SpotLag_TP6", -0.98, 0.0, ""),
        ("SpotLag_TP6", -0.99, 0.0, "extreme_stop"),
        ("SpotLag_Trailing", 0.02, 0.049, ""),  # not active yet
        ("SpotLag_Trailing", 0.031, 0.05, ""),
        ("SpotLag_Trailing", 0.03, 0.05, "trailing_stop"),  # 1.05 * 0.9 is below the floor of 3 %
        ("SpotLag_Trailing", 0.081, 0.20, ""),
        ("SpotLag_Trailing", 0.079, 0.20, "trailing_stop"),  # 1.2 * 0.9 = 1.08
        ("SpotLag_TrailTight", 0.141, 0.20, ""),
        ("SpotLag_TrailTight", 0.139, 0.20, "trailing_stop"),  # 1.2 * 0.95 = 1.14
        ("SpotLag_TrailWide", 0.06, 0.20, ""),
        ("SpotLag_TrailWide", 0.05, 0.20, "trailing_stop"),  # 1.2 * 0.85 = 1.02, so the floor of 5 %
        ("SpotLag_TimeAware", 0.06, 0.20, ""),
        ("SpotLag_TimeAware", 0.05, 0.20, "trailing_stop"),
        ("SpotLag_TimeAware_TP", 0.10, 0.10, "take_profit"),
        ("SpotLag_Trail_V3", 0.03, 0.05, "trailing_stop"),
    ],
)
def test_exits(name: str, r: float, peak_r: float, reason: str) -> None:
    assert signal(name, tick(400), held=holding(r, peak_r=peak_r)).reason == reason


@pytest.mark.parametrize(
    ("r", "peak_r", "held_s", "reason"),
    [
        (0.03, 0.03, 30, "take_profit"),
        (0.03, 0.03, 31, ""),
        (0.051, 0.051, 5, ""),  # beyond the trail's activation it is left to run
        (0.04, 0.051, 5, "trailing_stop"),
    ],
)
def test_a_quick_profit_is_taken_only_while_young(r: float, peak_r: float, held_s: float, reason: str) -> None:
    assert signal("SpotLag_TP3_Trailing", tick(400), held=holding(r, peak_r=peak_r, held_s=held_s)).reason == reason


@pytest.mark.parametrize(
    ("low", "r", "reason"),
    [(0.41, 0.12, "take_profit"), (0.41, 0.11, ""), (0.45, 0.06, "take_profit"), (0.45, 0.05, ""), (0.47, 0.90, "")],
)
def test_the_profit_target_follows_the_recent_range(low: float, r: float, reason: str) -> None:
    found = signal("SpotLag_VolAdapt", tick(380, mid=low), tick(400, mid=0.50), held=holding(r))
    assert found.reason == reason


@pytest.mark.parametrize(
    ("name", "spot", "oracle_price", "book", "side"),
    [
        ("CL_Divergence", 999.0, 1001.0, (0.67, 0.69), "up"),
        ("CL_Divergence", 999.0, 1001.0, (0.68, 0.70), None),  # not below 70 cents
        ("CL_Divergence", 999.1, 1001.0, (0.49, 0.51), None),
        ("CL_Divergence", 999.0, 1000.9, (0.49, 0.51), None),
        ("CL_Divergence", 1001.0, 999.0, (0.31, 0.33), "down"),  # Down costs 69 cents
        ("CL_Divergence", 1001.0, 999.0, (0.29, 0.31), None),
        ("CL_Divergence_Aggro", 999.5, 1000.5, (0.77, 0.79), "up"),
        ("CL_Divergence_Safe", 998.0, 1002.0, (0.47, 0.49), "up"),
        ("CL_Divergence_Safe", 998.0, 1002.0, (0.49, 0.51), None),
        ("CL_Divergence_Safe", 998.1, 1002.0, (0.47, 0.49), None),
    ],
)
def test_divergence_buys_the_oracles_side(
    name: str, spot: float, oracle_price: float, book: tuple[float, float], side: Side | None
) -> None:
    now = tick(400, spot=spot, up_bid=book[0], up_ask=book[1], **oracle(oracle_price))
    assert signal(name, now).side == side


@pytest.mark.parametrize(
    ("name", "change", "side"),
    [
        ("CL_FinalSeconds", {}, "up"),
        ("CL_FinalSeconds", {"second": 869}, None),  # 31 s left
        ("CL_FinalSeconds", {"oracle": 1000.9}, None),
        ("CL_FinalSeconds", {"oracle_age_ms": 4_900}, None),
        ("CL_FinalSeconds", {"oracle_age_ms": 50_100}, None),
        ("CL_FinalSeconds", {"up_ask": 0.16}, None),
        ("CL_FinalSeconds", {"oracle": 999.0, "up_bid": 0.86, "up_ask": 0.88}, "down"),
        ("CL_FinalSeconds_Ultra", {}, None),  # 30 s left
        ("CL_FinalSeconds_Ultra", {"second": 885, "up_ask": 0.10}, "up"),
        ("CL_FinalSeconds_Ultra", {"second": 885, "up_ask": 0.11}, None),
    ],
)
def test_final_seconds(name: str, change: dict[str, object], side: Side | None) -> None:
    fields: dict[str, object] = {"second": 870, "up_bid": 0.08, "up_ask": 0.15, **oracle(1001.0)} | change
    second = fields.pop("second")
    assert signal(name, tick(second, **fields)).side == side


@pytest.mark.parametrize(
    ("name", "second", "ask", "side"),
    [
        ("SpotLag_LateValue", 720, 0.50, "up"),
        ("SpotLag_LateValue", 719, 0.50, None),
        ("SpotLag_LateValue", 840, 0.50, "up"),
        ("SpotLag_LateValue", 841, 0.50, None),
        ("SpotLag_LateValue", 720, 0.51, None),
        ("SpotLag_DeepValue", 600, 0.30, "up"),
        ("SpotLag_DeepValue", 599, 0.30, None),
        ("SpotLag_DeepValue", 810, 0.30, "up"),
        ("SpotLag_DeepValue", 811, 0.30, None),
        ("SpotLag_DeepValue", 600, 0.31, None),
    ],
)
def test_cheap_lags(name: str, second: int, ask: float, side: Side | None) -> None:
    book = {"up_bid": ask - 0.02, "up_ask": ask}
    ticks = [tick(second - 7, **book), tick(second, spot=1001.0, **book)]
    assert signal(name, *ticks).side == side


def test_correct_side_wants_spot_beyond_the_strike() -> None:
    assert signal("SpotLag_CorrectSide", *lag(400, 1000.51, before=1000.2)).side == "up"
    assert signal("SpotLag_CorrectSide", *lag(400, 1000.49, before=1000.2)) is HOLD
    assert signal("SpotLag_CorrectSide", *lag(400, 999.49, before=999.8)).side == "down"
    assert signal("SpotLag_CorrectSide", *lag(400, 1000.6, before=1001.0)) is HOLD, "the move is down, spot is above"


@pytest.mark.parametrize(
    ("name", "move", "beyond"),
    [
        ("SpotLag_Trail_V1", 0.0004, 0.0003),
        ("SpotLag_Trail_V2", 0.0003, 0.0002),
        ("SpotLag_Trail_V3", 0.0002, 0.0001),
        ("SpotLag_Trail_V4", 0.00015, 0.00005),
        ("SpotLag_Trail_V5", 0.0001, 0.0),
    ],
)
def test_the_versions_of_the_right_side_trail(name: str, move: float, beyond: float) -> None:
    far = 1000 * (1 + beyond) + 0.001
    assert signal(name, *lag(400, far, before=far / (1 + 1.01 * move))).side == "up"
    assert signal(name, *lag(400, far, before=far / (1 + 0.99 * move))) is HOLD
    assert signal(name, *lag(400, far - 0.002, before=999.0)) is HOLD


def test_extreme_reversal() -> None:
    """At 24 cents the least move of 5 bp is 1 + 4 * 0.26 times as much: 10.2 bp."""
    assert signal("SpotLag_ExtremeReversal", *lag(400, 1001.01, mid=0.24)) is HOLD
    assert signal("SpotLag_ExtremeReversal", *lag(400, 1001.03, mid=0.24)).side == "up"
    assert signal("SpotLag_ExtremeReversal", *lag(400, 1001.1, mid=0.26)) is HOLD
    assert signal("SpotLag_ExtremeReversal", *lag(400, 998.9, mid=0.76)).side == "down"


@pytest.mark.parametrize(
    ("name", "second", "spot", "side"),
    [
        ("SpotLag_TimeAware", 299, 1001.51, "up"),
        ("SpotLag_TimeAware", 299, 1001.49, None),
        ("SpotLag_TimeAware", 300, 1001.01, "up"),
        ("SpotLag_TimeAware", 300, 1000.99, None),
        ("SpotLag_TimeAware", 720, 1000.51, "up"),
        ("SpotLag_TimeAware", 720, 1000.49, None),
        ("SpotLag_TimeAware", 841, 1002.0, None),
        ("SpotLag_TimeAware_Aggro", 299, 1001.01, "up"),
        ("SpotLag_TimeAware_Aggro", 300, 1000.71, "up"),
        ("SpotLag_TimeAware_Aggro", 720, 1000.31, "up"),
        ("SpotLag_TimeAware_Safe", 299, 1001.99, None),
        ("SpotLag_TimeAware_Safe", 300, 1001.49, None),
        ("SpotLag_TimeAware_Safe", 720, 1001.01, "up"),
        ("SpotLag_LateOnly", 719, 1002.0, None),
        ("SpotLag_LateOnly", 720, 1000.51, "up"),
    ],
)
def test_time_aware_wants_more_distance_the_earlier_it_is(
    name: str, second: int, spot: float, side: str | None
) -> None:
    assert signal(name, *lag(second, spot, before=spot - 0.3)).side == side


def test_time_aware_buys_few_underdogs() -> None:
    cheap, dear = {"mid": 0.18}, {"mid": 0.20}  # asks of 19 and 21 cents
    assert signal("SpotLag_TimeAware", *lag(500, 1002.0, **cheap)) is HOLD
    assert signal("SpotLag_TimeAware", *lag(500, 1002.0, **dear)).side == "up"
    assert signal("SpotLag_TimeAware", *lag(720, 1002.0, **dear)) is HOLD, "none late"
    assert signal("SpotLag_TimeAware_Aggro", *lag(500, 1002.0, **cheap)).side == "up"
    assert signal("SpotLag_TimeAware_Safe", *lag(500, 1002.0, mid=0.48)) is HOLD


def test_prob_edge_also_wants_to_pay_less_than_fair_value() -> None:
    """With 400 s left and 0.8 a year, 15 bp above the strike are worth Phi(0.525) = 0.70."""
    assert signal("SpotLag_ProbEdge", *lag(500, 1001.5, mid=0.63)).side == "up"
    assert signal("SpotLag_ProbEdge", *lag(500, 1001.5, mid=0.65)) is HOLD
    assert signal("SpotLag_TimeAware", *lag(500, 1001.5, mid=0.65)).side == "up"


def test_the_table_buys_what_is_cheap_sized_by_edge_conviction_and_book() -> None:
    """500 s left and 10 to 15 bp above the strike: Phi(0.001 / (0.6 * sqrt(525 / 31536000))) = Phi(0.4072) = 0.658."""
    found = signal("PureProb_Base", tick(400, spot=1001.2, up_bid=0.58, up_ask=0.60, up_ask_size=10_000.0))
    assert (found.side, found.reason) == ("up", "table_edge")
    assert found.edge == pytest.approx(0.0577, abs=2e-3)
    assert found.size == pytest.approx(100 * found.edge / 0.05 * (2 * (found.edge + 0.60) - 1))
    small = signal("PureProb_Base", tick(400, spot=1001.2, up_bid=0.58, up_ask=0.60, up_ask_size=120.0))
    assert small.size == pytest.approx(12.0), "a tenth of what is on offer"
    assert signal("PureProb_Base", tick(400, spot=1001.2, up_bid=0.58, up_ask=0.60, up_ask_size=49.0)) is HOLD
    down = signal("PureProb_Base", tick(400, spot=998.8, up_bid=0.40, up_ask=0.42, up_bid_size=10_000.0))
    assert (down.side, down.edge) == ("down", pytest.approx(found.edge))


@pytest.mark.parametrize(
    ("name", "least"), [("PureProb_Safe", 8), ("PureProb_Base", 5), ("PureProb_Aggro", 3), ("PureProb_Ultra", 2)]
)
def test_least_edges_of_the_table(name: str, least: float) -> None:
    expected = 0.658
    for ask, side in ((expected - least / 100 - 0.005, "up"), (expected - least / 100 + 0.005, None)):
        assert signal(name, tick(400, spot=1001.2, up_bid=ask - 0.01, up_ask=ask, up_ask_size=1e4)).side == side


def test_the_table_holds_to_the_end_and_needs_a_distance() -> None:
    assert signal("PureProb_Ultra", tick(400, strike=None, up_ask=0.10)) is HOLD
    assert signal("PureProb_Ultra", tick(871, spot=1005.0, up_ask_size=1e4)) is HOLD, "29 s left"
    assert signal("PureProb_Ultra", tick(870, spot=1005.0, up_ask_size=1e4)).side == "up"
    assert signal("PureProb_Ultra", tick(871), held=holding(-0.5)) is HOLD


def test_the_lagging_table_wants_a_lag_as_well() -> None:
    def at(before: float) -> Signal:
        return signal("LagProb_Base", *lag(400, 1001.2, mid=0.59, before=before, up_ask_size=1e4, up_bid_size=1e4))

    assert at(1000.0).side == "up"
    assert at(1001.1) is HOLD
    assert at(1002.0) is HOLD, "the lag is on the other side"
