"""Conflicts over stored trades, on windows that can be worked out by hand."""

import pytest

from polyterm.core.market import Coin, MarketKey, Side
from polyterm.core.side_totals import SideTotals
from polyterm.engine import conflict_analysis
from polyterm.engine.conflict_analysis import ConflictAnalysis
from polyterm.engine.conflict_report import By, CoinReport, ConflictReport, Earned, PairReport

COSTS = 1.0
"""Of fees, per row."""


def bought(
    strategy: str, side: Side, epoch: int, pnl: float, *, trades: int = 1, shares: float = 100.0, first_ms: int = 0,
    coin: Coin = "btc",
) -> SideTotals:  # fmt: skip
    return SideTotals(coin, "15m", epoch, strategy, side, trades, first_ms, shares, pnl, pnl - COSTS)


WINDOWS = (
    # 900: A and B up, C down. Up won: shares 200 against 100.
    bought("A", "up", 900, 50.0),
    bought("B", "up", 900, 40.0),
    bought("C", "down", 900, -45.0),
    # 1800: A and B down, C both, down first. 3 trades of C against one of each other.
    bought("A", "down", 1800, 30.0, first_ms=5),
    bought("B", "down", 1800, 20.0),
    bought("C", "down", 1800, 10.0, first_ms=1),
    bought("C", "up", 1800, -80.0, trades=2, shares=200.0, first_ms=2),
    # 2700: A alone.
    bought("A", "up", 2700, -50.0),
)


def report(*rows: SideTotals, by: By = "window") -> ConflictReport:
    analysis = ConflictAnalysis(by)
    analysis.add(rows)
    return analysis.report()


def pair(found: ConflictReport, one: str, other: str) -> PairReport:
    (match,) = [each for each in found.pairs if {each.first, each.second} == {one, other}]
    return match


def test_per_window_a_strategys_side_is_that_of_its_first_trade() -> None:
    found = report(*WINDOWS)
    counts = {names: pair(found, *names) for names in (("A", "B"), ("A", "C"), ("B", "C"))}
    assert [(each.met, each.agreed, each.conflicted) for each in counts.values()] == [(2, 2, 0), (2, 1, 1), (2, 1, 1)]


def test_per_trade_every_trade_meets_every_other() -> None:
    """In 1800 C has one trade with A and two against it; in 900 one against it."""
    found = report(*WINDOWS, by="trade")
    assert (pair(found, "A", "C").met, pair(found, "A", "C").agreed, pair(found, "A", "C").conflicted) == (4, 1, 3)
    assert (pair(found, "A", "B").met, pair(found, "A", "B").agreed) == (2, 2)


def test_what_a_pair_earned_counts_every_trade_of_windows_that_both_traded_once() -> None:
    found = report(*WINDOWS, by="trade")
    assert pair(found, "A", "B").pnl == 50 + 40 + 30 + 20
    assert pair(found, "A", "C").pnl == 50 - 45 + 30 + 10 - 80


def test_a_window_conflicts_when_both_sides_were_bought_by_anybody() -> None:
    """Means over the two conflicted windows: up 2 and 2 trades, down 1 and 3."""
    found = report(*WINDOWS, bought("A", "up", 900, 1.0, coin="eth"))
    assert (found.windows, found.conflicted, found.trades) == (4, 2, 10)
    assert found.coins == (CoinReport("btc", 3, 2, 2.0, 2.0), CoinReport("eth", 1, 0, None, None))


def test_the_netted_position_keeps_the_surplus_of_the_larger_side() -> None:
    """900: 200 up earned 90 (88 after fees), half of it is left. 1800: 200 up against 300 down, a third of the down
    side's 60 is left. 2700: nothing to net."""
    first, second, third = sorted(report(*WINDOWS).newest, key=lambda window: window.key)
    assert (first.key, first.net_shares, first.up_trades, first.down_trades) == (
        MarketKey("btc", "15m", 900),
        100,
        2,
        1,
    )
    assert (first.parts, first.netted) == (Earned(45.0, 42.0), Earned(45.0, 44.0))
    assert second.net_shares == -100
    assert second.parts == Earned(-20.0, -24.0)
    assert second.netted.touch == pytest.approx(20.0)
    assert second.netted.costed == pytest.approx(19.0)
    assert (third.parts, third.netted) == (Earned(-50.0, -51.0), Earned(-50.0, -51.0))


def test_equal_sides_leave_nothing() -> None:
    found = report(bought("A", "up", 900, 50.0), bought("B", "down", 900, -49.0))
    assert (found.parts, found.netted) == (Earned(1.0, -1.0), Earned(0.0, 0.0))


def test_a_trade_without_a_known_fee_leaves_the_costs_unknown() -> None:
    found = report(*WINDOWS, bought("A", "up", 3600, 1.0)._replace(costed_pnl=None))
    assert found.parts == Earned(-24.0, None)
    assert found.netted.costed is None


def test_the_netted_total_is_that_of_its_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = report(*WINDOWS)
    assert whole.parts == Earned(-25.0, -33.0)
    assert whole.netted.touch == pytest.approx(45 + 20 - 50)
    monkeypatch.setattr(conflict_analysis, "CHUNK_WINDOWS", 1)
    assert report(*WINDOWS) == whole


def agreeing(windows: int, up: tuple[str, ...], down: tuple[str, ...]) -> list[SideTotals]:
    """The sides change with every window, the company does not."""
    rows = []
    for window in range(windows):
        sides: tuple[Side, Side] = ("up", "down") if window % 2 else ("down", "up")
        for names, side in zip((up, down), sides, strict=True):
            rows += [bought(name, side, 900 * window, 1.0) for name in names]
    return rows


def test_camps_are_found_and_stand_beside_the_named_ones() -> None:
    lag, contra = ("SpotLag_Fast", "SpotLag_Aggressive"), ("Contrarian", "Contrarian_Strong")
    rows = agreeing(20, (*lag, "Mine"), contra)
    rows += [bought("TimeConditional", "up", 900 * window, 0.0) for window in (20, 21)]
    rows += [bought("Contrarian", "down", 900 * window, 0.0) for window in (20, 21)]
    rows.sort(key=lambda row: row.epoch)
    found = report(*rows)
    named = {camp.name: camp for camp in found.camps if not camp.found}
    assert {name: (camp.met, camp.agreed) for name, camp in named.items()} == {
        "SpotLag": (20, 20),
        "Contrarian": (20, 20),
    }
    own = [set(camp.members) for camp in found.camps if camp.found]
    assert sorted(map(sorted, own)) == [sorted(contra), sorted((*lag, "Mine"))]
    between = {(each.first, each.second): each for each in found.between}
    across = between["SpotLag", "Contrarian"]
    assert (across.met, across.conflicted) == (80, 80)  # 2 x 2 pairs in 20 windows
    assert (between["Contrarian", "TimeConditional"].met, between["Contrarian", "TimeConditional"].conflicted) == (2, 2)
    assert {frozenset(found.strategies[:3]), frozenset(found.strategies[-3:])} & {frozenset((*lag, "Mine"))}


def test_the_weakest_pair_of_a_camp_is_named() -> None:
    names = ("FairValue_EWMA", "FairValue_RealizedVol", "FairValue_WithDrift")
    rows = agreeing(9, names, ())
    rows += [bought(names[0], "up", 8100, 0.0), bought(names[1], "up", 8100, 0.0), bought(names[2], "down", 8100, 0.0)]
    (camp,) = [camp for camp in report(*rows).camps if camp.name == "FairValue"]
    assert (camp.met, camp.agreed) == (30, 28)
    assert camp.weakest is not None
    assert (camp.weakest.agreed, camp.weakest.met) == (9, 10)
    assert names[2] in {camp.weakest.first, camp.weakest.second}


def test_lists_need_enough_meetings() -> None:
    """10 for never, 20 for the others; never is by what was earned together, the others by their share."""
    ten, twenty = agreeing(10, ("A", "B"), ()), agreeing(20, ("C", "D"), ("E",))
    rows = sorted((*ten, *twenty[:], *agreeing(9, ("F", "G"), ())), key=lambda row: row.epoch)
    rows = [row._replace(pnl=5.0) if row.strategy in "AB" else row for row in rows]
    found = report(*rows)
    never = [{pair.first, pair.second} for pair in found.never]
    assert never[0] == {"A", "B"}, "100 dollars together"
    assert {"C", "D"} in never
    assert not any("F" in names and "G" in names for names in never)
    assert [{pair.first, pair.second} for pair in found.agreeing][:1] == [{"C", "D"}]
    assert {frozenset((pair.first, pair.second)) for pair in found.conflicting[:2]} == {
        frozenset("CE"),
        frozenset("DE"),
    }


def test_only_the_newest_windows_are_kept_one_by_one() -> None:
    found = report(*(bought("A", "up", 900 * window, 1.0) for window in range(25)))
    assert [window.key.epoch for window in found.newest] == [900 * window for window in range(24, 4, -1)]


def test_nothing_was_traded() -> None:
    found = report()
    assert (found.trades, found.windows, found.strategies, found.pairs, found.newest) == (0, 0, (), (), ())
    assert found.parts == found.netted == Earned(0.0, 0.0)
