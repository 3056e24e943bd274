"""What the rules of the other families decide at and around their thresholds, on ticks worked out by hand."""

import pytest

from polyterm.core.market import Side
from polyterm.core.signal import HOLD, Signal
from polyterm.quant.tick_features import TickFeatures
from polyterm.strategies.base import Context
from tests.strategies.market import ETH, KEY, holding, oracle, seen, signal, strategy, tick


@pytest.mark.parametrize(
    ("name", "held_s", "r", "reason"),
    [
        ("SpotLag_5sec", 4, 0.049, ""),
        ("SpotLag_5sec", 4, 0.05, "take_profit"),
        ("SpotLag_5sec", 5, 0.05, "timed_exit_5s"),
        ("SpotLag_10sec", 9, 0.08, "take_profit"),
        ("SpotLag_30sec", 30, 0.0, "timed_exit_30s"),
        ("SpotLag_60sec", 59, 0.119, ""),
        ("SpotLag_120sec", 120, 0.5, "timed_exit_120s"),
        ("SpotLag_300sec", 299, 0.2, "take_profit"),
        ("SpotLag_300sec", 299, -0.40, "extreme_stop"),
        ("SpotLag_300sec", 299, -0.39, ""),
    ],
)
def test_timed_exits_in_order(name: str, held_s: float, r: float, reason: str) -> None:
    assert signal(name, tick(400), held=holding(r, held_s=held_s)).reason == reason


@pytest.mark.parametrize(
    ("name", "second", "spot", "mid", "side"),
    [
        ("MispricingOnly", 60, 1001.1, 0.44, "up"),
        ("MispricingOnly", 59, 1001.1, 0.44, None),  # 841 s left
        ("MispricingOnly", 720, 1001.1, 0.44, "up"),
        ("MispricingOnly", 721, 1001.1, 0.44, None),  # 179 s left
        ("MispricingOnly", 400, 1001.0, 0.44, None),  # not beyond 10 bp
        ("MispricingOnly", 400, 1001.1, 0.46, None),
        ("MispricingOnly", 400, 998.9, 0.56, "down"),
        ("MispricingOnly", 400, 998.9, 0.54, None),
        ("Mispricing_Strict", 400, 1001.1, 0.34, "up"),
        ("Mispricing_Strict", 400, 1001.1, 0.36, None),
        ("Mispricing_Loose", 400, 999.4, 0.53, "down"),
        ("Mispricing_Loose", 400, 999.6, 0.53, None),
        ("Mispricing_Extreme", 400, 1002.1, 0.24, "up"),
        ("Mispricing_Extreme", 400, 1001.9, 0.24, None),
    ],
)
def test_mispricing(name: str, second: int, spot: float, mid: float, side: Side | None) -> None:
    found = signal(name, tick(second, spot=spot, mid=mid))
    assert (found.side, found.reason) == (side, f"mispriced_{side}" if side else "")


def test_mispricing_is_as_sure_as_the_gap_is_wide() -> None:
    """(0.5 + 50 * 0.0012) - 0.44 = 0.12, twice that; below the strike (0.5 - 0.06) - 0.56 = -0.12."""
    assert signal("MispricingOnly", tick(400, spot=1001.2, mid=0.44)).confidence == pytest.approx(0.24)
    assert signal("MispricingOnly", tick(400, spot=998.8, mid=0.56)).confidence == pytest.approx(0.24)
    assert signal("MispricingOnly", tick(400, spot=1020.0, mid=0.44)).confidence == 1.0
    assert signal("MispricingOnly", tick(500), held=holding(-0.50)).reason == "extreme_stop"
    assert signal("MispricingOnly", tick(500), held=holding(-0.49)) is HOLD


@pytest.mark.parametrize(
    ("spot", "oracle_price", "side"),
    [
        (1001.1, 1000.1, "up"),
        (1001.1, 1000.0, None),  # on the strike is not above it
        (1001.1, 999.9, None),
        (998.9, 999.9, "down"),
        (998.9, 1000.0, "down"),
        (998.9, 1000.1, None),
        (1001.1, None, None),
    ],
)
def test_an_oracle_on_the_other_side_forbids_the_entry(
    spot: float, oracle_price: float | None, side: Side | None
) -> None:
    fields = {} if oracle_price is None else oracle(oracle_price)
    mid = 0.44 if spot > 1000 else 0.56
    assert signal("Mispricing_CLConfirmed", tick(400, spot=spot, mid=mid, **fields)).side == side


@pytest.mark.parametrize("name", ["SpotLag_CLConfirmed", "SpotLag_Aggressive_CL"])
def test_a_confirmed_lag_remembers_what_it_saw_while_it_might_not_enter(name: str) -> None:
    disagreeing = [tick(second, spot=1001.0, **oracle(999.0)) for second in range(100, 107)]
    now = tick(107, spot=1001.6)
    assert signal(name, *disagreeing, now).side is None
    assert signal(name, *disagreeing, tick(107, spot=1001.6, **oracle(1000.5))).side == "up"


@pytest.mark.parametrize(
    ("change", "side"),
    [
        ({}, "up"),
        ({"spot": 1000.5}, None),
        ({"oracle": 1000.0}, None),
        ({"oracle": None}, None),
        ({"mid": 0.53}, None),
        ({"second": 119}, None),
        ({"second": 720}, "up"),
        ({"second": 721}, None),
    ],
)
def test_up_only(change: dict[str, object], side: Side | None) -> None:
    fields: dict[str, object] = {"second": 120, "spot": 1000.6, "mid": 0.52, **oracle(1000.01)} | change
    second = fields.pop("second")
    assert signal("UpOnly_CLConfirmed", tick(second, **fields)).side == side


def run(*spots: float, first: int = 100) -> list:
    return [tick(first + place, spot=spot) for place, spot in enumerate(spots)]


def test_contrarian_goes_against_the_sum_of_the_last_returns() -> None:
    """0.02 % and 0.02 %: 0.0004 in sum, of which 0.0003 are asked; as sure as 100 * 0.0004 / 0.5."""
    found = signal("Contrarian", *run(1000.0, 1000.2, 1000.4))
    assert (found.side, found.reason) == ("down", "contrarian_fade")
    assert found.confidence == pytest.approx(0.08, abs=1e-4)
    assert signal("Contrarian", *run(1000.0, 999.8, 999.6)).side == "up"
    assert signal("Contrarian", *run(1000.0, 1000.2)) is HOLD
    assert signal("Contrarian_Scalp", *run(1000.0, 1000.21)).side == "down"
    assert signal("Contrarian_Strong", *run(1000.0, 1000.79)) is HOLD
    assert signal("Contrarian_Strong", *run(1000.0, 1000.81)).side == "down"


def test_contrarian_forgets_what_is_older_than_its_look_back() -> None:
    jump = [1000.0, 1000.5]
    assert signal("Contrarian", *run(*jump, *[1000.5] * 29)).side == "down"
    assert signal("Contrarian", *run(*jump, *[1000.5] * 30)) is HOLD


def test_contrarian_stays_out_of_the_last_two_minutes_and_stops() -> None:
    assert signal("Contrarian", *run(1000.0, 1000.5, first=779)).side == "down"
    assert signal("Contrarian", *run(1000.0, 1000.5, first=780)) is HOLD
    assert signal("Contrarian", tick(500), held=holding(-0.40)).reason == "extreme_drawdown"


def test_contrarian_begins_its_sum_anew_with_an_accepted_entry_only() -> None:
    rule, features = strategy("Contrarian"), TickFeatures()

    def ask(*ticks: object) -> Signal:
        seen(ticks, features)
        return rule.on_tick(ticks[-1], None, Context(features))

    found = ask(*run(1000.0, 1000.5))
    assert found.side == "down"
    assert ask(*run(1000.5, first=102)).side == "down", "it was not obeyed, so nothing begins anew"
    rule.accepted(found, KEY)
    assert ask(*run(1000.5, first=103)) is HOLD
    assert ask(*run(1000.7, first=104)) is HOLD, "0.02 % since the entry"
    assert ask(*run(1000.9, first=105)).side == "down"


@pytest.mark.parametrize(
    ("second", "mid", "reason"),
    [
        (299, 0.86, "early_fade_high"),
        (299, 0.84, ""),
        (299, 0.14, "early_fade_low"),
        (300, 0.86, "mid_trend_up"),
        (300, 0.56, "mid_trend_up"),
        (300, 0.54, ""),
        (300, 0.44, "mid_trend_down"),
        (719, 0.56, "mid_trend_up"),
        (720, 0.61, "late_edge"),  # 11 points above an even chance
        (720, 0.59, ""),
        (839, 0.61, "late_edge"),
        (840, 0.61, ""),
    ],
)
def test_time_conditional_has_a_rule_for_every_phase(second: int, mid: float, reason: str) -> None:
    found = signal("TimeConditional", tick(second, mid=mid))
    assert found.reason == reason
    sides = {"early_fade_high": "down", "early_fade_low": "up", "mid_trend_up": "up", "mid_trend_down": "down"}
    assert found.side == (sides | {"late_edge": "down"}).get(reason)


def test_time_conditional_does_not_follow_against_the_momentum() -> None:
    assert signal("TimeConditional", tick(400, mid=0.58), tick(404, mid=0.57)) is HOLD
    assert signal("TimeConditional", tick(400, mid=0.57), tick(404, mid=0.57)).side == "up"
    assert signal("TimeConditional", tick(401, mid=0.58), tick(404, mid=0.57)).side == "up", "no fifth sample"


def test_time_conditional_sells_whatever_it_holds_in_the_last_minute() -> None:
    assert signal("TimeConditional", tick(839), held=holding(0.1)) is HOLD
    assert signal("TimeConditional", tick(840), held=holding(0.1)).reason == "exit_phase"
    assert signal("TimeConditional", tick(839), held=holding(-0.30)).reason == "max_drawdown"


def path(*mids: float, spread: float = 0.01) -> list:
    return [tick(100 + place, up_bid=mid - spread / 2, up_ask=mid + spread / 2) for place, mid in enumerate(mids)]


RISING = [0.50 + 0.004 * step for step in range(30)]
FALLING = [0.50 - 0.004 * step for step in range(30)]


def test_regime_follows_a_trend() -> None:
    """A mid that climbs 0.4 cents a second moves evenly, so little varies: a trend in a middling market or a lively
    one. Over 20 samples it gained 7.6 cents, more than 2 %."""
    found = signal("Regime", *path(*RISING))
    assert (found.side, found.reason) == ("up", "momentum_up")
    assert signal("Regime", *path(*FALLING)).reason == "momentum_down"


def test_regime_fades_a_quiet_extreme() -> None:
    found = signal("Regime", *path(*[0.66] * 30))
    assert (found.side, found.reason, found.size) == ("down", "reversion_fade_high", 100)
    assert signal("Regime", *path(*[0.34] * 30)).reason == "reversion_fade_low"
    assert signal("Regime", *path(*[0.64] * 30)) is HOLD
    assert signal("Regime", *path(*[0.36] * 30)) is HOLD


def test_regime_stays_out_of_a_choppy_market() -> None:
    choppy = [0.400 if step % 2 else 0.405 for step in range(30)]
    assert signal("Regime", *path(*choppy)) is HOLD


def test_regime_trades_the_edge_at_half_size_in_a_thin_book_and_at_seven_tenths_before_it_knows() -> None:
    thin = signal("Regime", *path(*[0.40] * 30, spread=0.03))
    assert (thin.side, thin.reason, thin.size) == ("up", "fair_value_edge", 50)
    unknown = signal("Regime", *path(*[0.40] * 5))
    assert (unknown.side, unknown.reason, unknown.size) == ("up", "fair_value_edge", 70)
    assert signal("Regime", *path(*[0.49] * 5)) is HOLD


def leaning(second: int, bid_size: float, spread: float = 0.02, mid: float = 0.50):
    return tick(
        second, up_bid=mid - spread / 2, up_ask=mid + spread / 2, up_bid_size=bid_size, up_ask_size=100 - bid_size
    )


def test_microstructure_wants_ten_spreads() -> None:
    assert signal("Microstructure", *[leaning(second, 75) for second in range(100, 109)]) is HOLD
    found = signal("Microstructure", *[leaning(second, 75) for second in range(100, 110)])
    assert found == Signal("buy", "up", "strong_imbalance", confidence=0.5)


@pytest.mark.parametrize(
    ("bid_size", "mid", "side"),
    [
        (25, 0.50, "down"),
        (26, 0.50, None),
        (75, 0.515, "up"),
        (75, 0.525, None),
        (25, 0.485, "down"),
        (25, 0.475, None),
    ],
)
def test_microstructure_buys_the_heavy_side_while_its_price_is_there(
    bid_size: float, mid: float, side: Side | None
) -> None:
    before = [leaning(second, 50, mid=mid) for second in range(100, 110)]
    assert signal("Microstructure", *before, leaning(110, bid_size, mid=mid)).side == side


def test_microstructure_needs_less_imbalance_in_a_wide_spread() -> None:
    """Nine spreads of 2 cents and one of 4: mean 2.2, sd 0.6, so 3 sd above the mean."""
    before = [leaning(second, 65) for second in range(100, 109)]
    assert signal("Microstructure", *before, leaning(109, 65, spread=0.04)).reason == "imbalance_spread"
    assert signal("Microstructure", *before, leaning(109, 64, spread=0.04)) is HOLD
    assert signal("Microstructure", *before, leaning(109, 65)) is HOLD


def lead(move: float, **fields: object) -> Signal:
    """CrossAsset on eth after btc moved by ``move`` in ten seconds."""
    btc = seen([tick(300), tick(310, spot=1000.0 * (1 + move))])
    eth = TickFeatures(btc)
    now = tick(310, ETH, **fields)
    eth.observe(now)
    return strategy("CrossAsset").on_tick(now, None, Context(eth))


def test_cross_asset_follows_btc_while_the_price_is_there() -> None:
    assert lead(0.0011) == Signal("buy", "up", "btc_lead", 70, confidence=0.5)
    assert lead(0.0009) is HOLD
    assert lead(-0.0031) == Signal("buy", "down", "btc_lead", 100, confidence=0.8)
    assert lead(0.0011, mid=0.54).side == "up"
    assert lead(0.0011, mid=0.55).side is None
    assert lead(-0.0011, mid=0.45).side is None


def test_cross_asset_leaves_before_the_end() -> None:
    assert signal("CrossAsset", tick(895), held=holding(0.0)) is HOLD
    assert signal("CrossAsset", tick(896), held=holding(0.0)).reason == "time_exit"
    assert signal("CrossAsset", tick(800), held=holding(-0.30)).reason == "max_drawdown"
