"""How long the market takes to follow a jump of spot."""

import math

import pytest

from polyterm.quant.spot_lag import DECAY_S, FOLLOW_S, SHARES, SpotLagAnalyzer, lag_signal, reaction

NAN = math.nan
START = 1_790_000_100


def follow(mids: list[float], fair: float = 0.60, before: float = 0.50, spot: float = 100.06) -> SpotLagAnalyzer:
    """One jump from 100 dollars; ``mids`` are those of the second of the jump and of the seconds after it."""
    analyzer = SpotLagAnalyzer()
    analyzer.observe(START, 100.0, before, before)
    for second, mid in enumerate(mids):
        analyzer.observe(START + 1 + second, spot, mid, fair)
    return analyzer


def test_a_market_that_follows_in_steps() -> None:
    # 0.10 to go: a quarter after 1 s, half after 3 s, nine tenths after 6 s, never all of it.
    steps = [0.50, 0.525, 0.54, 0.5501, 0.56, 0.576, 0.5901] + [0.595] * 24
    found = reaction(0.60, 0.50, list(enumerate(steps)))
    assert found is not None
    assert found.direction == "up"
    assert found.max_lag == pytest.approx(0.10)
    assert dict(zip(SHARES, found.reached_s, strict=True)) == {0.25: 1, 0.50: 3, 0.75: 5, 0.90: 6, 1.00: None}
    remaining = dict(zip(DECAY_S, found.remaining, strict=True))
    assert remaining[0] == pytest.approx(1.0)
    assert remaining[1] == pytest.approx(0.75)
    assert remaining[3] == pytest.approx(0.499)
    assert remaining[30] == pytest.approx(0.05)


def test_falling_mids_are_a_reaction_down() -> None:
    found = reaction(0.40, 0.50, [(0, 0.50), (2, 0.44), (4, 0.40)])
    assert found is not None
    assert found.direction == "down"
    assert found.reached_s == (2, 2, 4, 4, 4)


def test_a_reaction_in_the_second_of_the_jump_took_no_time_and_counts() -> None:
    report = follow([0.60] * (FOLLOW_S + 1)).report()
    assert report.every.events == 1
    assert report.every.half_s == 0.0
    assert report.every.full_s == 0.0
    assert dict(report.decay)[0] == pytest.approx(0.0)


def test_the_nearest_observation_counts_within_a_second_and_a_half() -> None:
    # Nothing at 1, 2, 3 s: 2 s is nearest to none within reach but 4 s and 0 s, both two seconds off.
    found = reaction(0.60, 0.50, [(0, 0.50), (4, 0.55), (9, 0.57), (11, 0.59)])
    assert found is not None
    remaining = dict(zip(DECAY_S, found.remaining, strict=True))
    assert remaining[1] == pytest.approx(1.0), "0 s is one second off"
    assert remaining[2] is None
    assert remaining[3] == pytest.approx(0.5), "4 s is nearer than 0 s"
    assert remaining[10] == pytest.approx(0.3), "the earlier one of two as near"
    assert remaining[30] is None


@pytest.mark.parametrize(
    ("fair", "snapshots"), [(0.509, [(0, 0.5), (1, 0.5)]), (0.60, [(0, 0.5)]), (0.60, []), (NAN, [(0, 0.5), (1, 0.5)])]
)
def test_too_small_or_too_little_is_not_analysed(fair: float, snapshots: list[tuple[int, float]]) -> None:
    assert reaction(fair, 0.50, snapshots) is None


@pytest.mark.parametrize(
    ("spot", "fair", "events"),
    [
        (100.06, 0.60, 1),
        (99.94, 0.40, 1),
        (100.04, 0.60, 0),  # moved by less than 0.05 %
        (100.06, 0.509, 0),  # the market stands where it should
        (NAN, 0.60, 0),
        (100.06, NAN, 0),
    ],
)
def test_what_begins_an_event(spot: float, fair: float, events: int) -> None:
    assert follow([0.50] * 40, spot=spot, fair=fair).report().every.events == events


def test_only_consecutive_seconds_make_a_jump() -> None:
    analyzer = SpotLagAnalyzer()
    analyzer.observe(START, 100.0, 0.5, 0.5)
    for second in range(2, 40):
        analyzer.observe(START + second, 101.0, 0.5, 0.6)
    assert analyzer.report().every.events == 0


def test_a_mid_that_was_missing_before_the_jump_gives_nothing_to_compare_with() -> None:
    assert follow([0.55] * 40, before=NAN).report().every.events == 0


def test_open_events_end_with_their_window() -> None:
    analyzer = follow([0.50] * 10)
    analyzer.start_window()
    for second in range(60):
        assert analyzer.observe(START + 11 + second, 100.06, 0.50, 0.60) == ()
    assert analyzer.report().every.events == 0


def test_an_event_is_told_once_when_it_is_complete() -> None:
    analyzer = follow([0.55] * FOLLOW_S)
    assert analyzer.report().every.events == 0
    (found,) = analyzer.observe(START + 1 + FOLLOW_S, 100.06, 0.60, 0.60)
    assert found.reached_s == (0, 0, 30, 30, 30)
    assert analyzer.observe(START + 2 + FOLLOW_S, 100.06, 0.60, 0.60) == ()


def test_statistics_by_direction() -> None:
    analyzer = SpotLagAnalyzer()
    slot, spot = START, 100.0
    # Two jumps up, half priced after 1 s and after 4 s; one down that is never half priced.
    for factor, fair, half_at in ((1.001, 0.60, 1), (1.001, 0.70, 4), (0.999, 0.42, 99)):
        analyzer.observe(slot, spot, 0.50, 0.50)
        spot *= factor
        for second in range(FOLLOW_S + 1):
            mid = fair if second >= half_at else 0.50
            analyzer.observe(slot + 1 + second, spot, mid, fair)
        slot += FOLLOW_S + 100
    report = analyzer.report()
    assert (report.every.events, report.up.events, report.down.events) == (3, 2, 1)
    assert report.up.half_s == 2.5
    assert report.every.half_s == 2.5
    assert (report.down.half_events, report.down.half_s, report.down.full_s) == (0, None, None)
    assert report.up.max_lag == pytest.approx(0.15)
    assert report.down.max_lag == pytest.approx(0.08)
    # After 2 s the first is done, the other two have not begun: (0 + 1 + 1) / 3.
    assert dict(report.decay)[2] == pytest.approx(200 / 3)


def test_nothing_seen_is_no_statistic() -> None:
    report = SpotLagAnalyzer().report()
    assert (report.every.events, report.every.half_s, report.every.max_lag) == (0, None, None)
    assert report.decay[0] == (0, None)


def test_memory_stays_bounded_when_every_second_jumps() -> None:
    analyzer = SpotLagAnalyzer()
    for second in range(1000):
        analyzer.observe(START + second, 100.0 if second % 2 else 101.0, 0.50, 0.60)
    assert len(analyzer._open) <= FOLLOW_S + 1
    assert analyzer.report().every.events == 1000 - FOLLOW_S - 1


def test_the_lag_signal_needs_lag_and_momentum_in_one_direction() -> None:
    signal = lag_signal(0.58, 0.53, 0.0004)
    assert signal is not None
    assert signal.side == "up"
    assert signal.lag == pytest.approx(0.05)
    assert signal.strength == pytest.approx(0.5)
    down = lag_signal(0.30, 0.53, -0.0004)
    assert down is not None
    assert (down.side, down.strength) == ("down", 1.0)
    assert lag_signal(0.58, 0.53, 0.0003) is None
    assert lag_signal(0.58, 0.53, -0.0004) is None
    assert lag_signal(0.555, 0.53, 0.0004) is None
    assert lag_signal(NAN, 0.53, 0.0004) is None
    assert lag_signal(0.58, 0.53, NAN) is None
