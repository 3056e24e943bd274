"""Sides taken in windows, as the conflict board counts them, and what is open on each."""

from polyterm.core.market import MarketKey
from polyterm.core.snapshot import Camp, Lineup
from polyterm.engine.conflicts import ConflictBoard
from tests.engine.scenes import BUY_DOWN, BUY_UP, KEY, SELL, Scene, Scripted, book

NEXT = KEY.next()


def test_only_windows_that_are_over_count_as_meetings() -> None:
    board = ConflictBoard(["A", "B", "C", "D"])
    for strategy, key, side in (("A", KEY, "up"), ("C", KEY, "down"), ("A", NEXT, "up"), ("C", NEXT, "up")):
        board.opened(strategy, key, side)
    board.opened("D", NEXT, "down")
    board.ended(KEY)
    names, met, agreed = board.meetings()
    assert (board.windows, names) == (1, ("A", "C"))
    assert met.tolist() == [[1, 1], [1, 1]]
    assert agreed.tolist() == [[1, 0], [0, 1]]
    assert board.traded() == {"A", "C", "D"}
    board.ended(NEXT)
    names, met, agreed = board.meetings()
    assert names == ("A", "C", "D")
    assert met.tolist() == [[2, 2, 1], [2, 2, 1], [1, 1, 1]]
    assert agreed.tolist() == [[2, 1, 0], [1, 2, 0], [0, 0, 1]]


def test_a_window_in_which_nobody_traded_is_no_meeting() -> None:
    board = ConflictBoard(["A"])
    board.ended(KEY)
    assert board.windows == 0
    assert board.meetings().names == ()


def test_a_line_up_says_what_is_open_on_each_side() -> None:
    """100 Up at 0.50 by A and B, 100 Down at 0.51 by C; A has sold again and keeps its place in the line-up."""
    scene = Scene(
        book(Scripted({10: BUY_UP, 20: SELL}), "A"),
        book(Scripted({10: BUY_UP}), "B"),
        book(Scripted({15: BUY_DOWN}), "C"),
    )
    scene.open()
    for second in (10, 15, 20):
        scene.tick(second)
    (lineup,) = scene.engine.conflicts()[3]
    assert (lineup.up, lineup.down) == (("A", "B"), ("C",))
    assert (lineup.up_shares, lineup.up_cost, lineup.down_shares, lineup.down_cost) == (100.0, 50.0, 100.0, 51.0)
    assert lineup.net_shares == 0


def test_a_camp_stands_where_its_members_stand() -> None:
    lineup = Lineup(MarketKey("btc", "15m", KEY.epoch), ("A", "B"), ("C", "D"))
    assert Camp("x", ("A", "B", "C", "E"), found=True).sides(lineup) == (2, 1)
