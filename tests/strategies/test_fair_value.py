"""Fair value at the default volatility of 0.8 with 450 s left: sd of ln S is 0.8 * sqrt(450 / 31536000) = 0.0030219.

Up is worth Phi(ln(S/1000) / 0.0030219 - 0.0015110); the spots below are those of d = 0.07, 0.08 and 0.16 in a table of
the normal distribution: 0.52790, 0.53188, 0.56356, and of d = -0.07: 0.47210.
"""

import pytest

from polyterm.core.market import MarketKey
from polyterm.core.signal import HOLD
from tests.strategies.market import KEY, holding, signal, tick

D007, D008, D016, MINUS_D007 = 1000.21612, 1000.24634, 1000.48819, 999.79305


@pytest.mark.parametrize(
    ("name", "spot", "side", "size"),
    [
        ("FairValue_RealizedVol", D007, None, None),
        ("FairValue_RealizedVol", D008, "up", 70),
        ("FairValue_RealizedVol", D016, "up", 100),
        ("FairValue_EWMA", D007, "up", 70),
        ("FairValue_EWMA", MINUS_D007, "down", 70),
        ("FairValue_WithDrift", D008, "up", 70),
    ],
)
def test_the_edge_decides_side_and_size(name: str, spot: float, side: str | None, size: float | None) -> None:
    found = signal(name, tick(450, spot=spot))
    assert (found.side, found.size) == (side, size)


def test_edge_and_confidence() -> None:
    found = signal("FairValue_RealizedVol", tick(450, spot=D008))
    assert found.reason == "fair_value_edge"
    assert found.edge == pytest.approx(0.03188, abs=1e-5)
    assert found.confidence == pytest.approx(0.3188, abs=1e-4)


def test_an_edge_below_three_points_has_a_side_but_no_confidence() -> None:
    found = signal("FairValue_EWMA", tick(450, spot=MINUS_D007))
    assert found.confidence is None
    assert found.strength == pytest.approx(-0.02790, abs=1e-5)


def test_an_edge_of_ten_points_is_certain() -> None:
    assert signal("FairValue_RealizedVol", tick(450, spot=1003.0)).confidence == 1.0


def test_it_stays_out_of_the_last_two_minutes() -> None:
    assert signal("FairValue_RealizedVol", tick(780, spot=1003.0)).side == "up"
    assert signal("FairValue_RealizedVol", tick(781, spot=1003.0)) is HOLD


def test_a_motionless_spot_has_no_volatility_and_not_certainty() -> None:
    still = [tick(second, spot=D008) for second in range(410, 451)]
    assert signal("FairValue_RealizedVol", *still).edge == pytest.approx(0.03188, abs=1e-5)


def test_a_nervous_spot_makes_the_same_distance_worth_less() -> None:
    nervous = [tick(second, spot=D008 * (1.001 if second % 2 else 1.0)) for second in range(410, 451)]
    assert signal("FairValue_RealizedVol", *nervous) is HOLD
    assert signal("FairValue_EWMA", *nervous) is HOLD


@pytest.mark.parametrize(("spot", "side"), [(999.8, None), (999.95, "up"), (1000.2, "up")])
def test_with_drift_wants_spot_on_that_side_of_the_strike_or_at_it(spot: float, side: str | None) -> None:
    assert signal("FairValue_WithDrift", tick(450, mid=0.40, spot=spot)).side == side
    assert signal("FairValue_RealizedVol", tick(450, mid=0.40, spot=spot)).side == "up"


def test_the_stop() -> None:
    assert signal("FairValue_EWMA", tick(500), held=holding(-0.299)) is HOLD
    assert signal("FairValue_EWMA", tick(500), held=holding(-0.30)).reason == "max_drawdown"


def hours_ago(seconds: int, spot: float):
    """A tick so many seconds before second 450 of KEY, in the window of that time."""
    slot = KEY.epoch + 450 - seconds
    key = MarketKey("btc", "15m", slot - slot % 900)
    return tick(slot - key.epoch, key, spot=spot)


@pytest.mark.parametrize(
    ("name", "ago_s", "past", "side"),
    [
        ("FV_Drift_1H", 3600, 997.0, "up"),  # +0.30 % and a bit, above D
        ("FV_Drift_1H", 3600, 997.1, None),  # +0.29 %
        ("FV_Drift_1H", 1800, 997.0, "up"),  # half the look-back is enough
        ("FV_Drift_1H", 1799, 997.0, None),
        ("FV_Drift_1H", 3601, 997.0, None),  # beyond the look-back nothing is remembered
        ("FV_Drift_4H", 7200, 995.0, "up"),
        ("FV_Drift_4H", 7200, 995.1, None),
        ("FV_Drift_24H", 43_200, 990.0, "up"),
        ("FV_Drift_24H", 43_200, 990.2, None),
        ("FV_UpOnly_4H", 7200, 998.0, "up"),
        ("FV_UpOnly_4H", 7200, 998.1, None),
    ],
)
def test_drift_is_judged_by_the_plain_return(name: str, ago_s: int, past: float, side: str | None) -> None:
    found = signal(name, hours_ago(ago_s, past), tick(450, mid=0.40))
    assert (found.side, found.reason) == (side, "drift_aligned_edge" if side else "")


def test_the_drift_must_point_to_the_side_of_the_edge() -> None:
    assert signal("FV_Drift_1H", hours_ago(3600, 990.0), tick(450, mid=0.60)) is HOLD
    assert signal("FV_Drift_1H", hours_ago(3600, 1010.0), tick(450, mid=0.60)).side == "down"
    assert signal("FV_UpOnly_4H", hours_ago(7200, 1010.0), tick(450, mid=0.60)) is HOLD


def test_the_annual_drift_is_capped() -> None:
    """At 20 a year and 450 s left: d = 20 * 450 / 31536000 / 0.0030219 - 0.0015 = 0.09293, Phi = 0.53702."""
    found = signal("FV_Drift_1H", hours_ago(3600, 500.0), tick(450))
    assert found.edge == pytest.approx(0.03702, abs=1e-5)
