"""Clusters for those who look: worked out when a window has closed, and not before."""

import sys

from polyterm.core.market import MarketKey
from polyterm.core.snapshot import Camp
from polyterm.engine.conflicts import ConflictBoard
from polyterm.service.clusters import Gathering

NAMES = ("SpotLag_Fast", "Contrarian", "SpotLag_Aggressive", "Contrarian_Strong", "Other")
FIRST = MarketKey("btc", "15m", 900)


def trade(board: ConflictBoard, key: MarketKey, up: tuple[str, ...], down: tuple[str, ...]) -> None:
    for name in up:
        board.opened(name, key, "up")
    for name in down:
        board.opened(name, key, "down")


async def test_the_order_follows_the_windows_that_have_closed() -> None:
    board = ConflictBoard(NAMES)
    gathering = Gathering(lambda: board)
    trade(board, FIRST, ("SpotLag_Fast", "SpotLag_Aggressive"), ("Contrarian", "Contrarian_Strong"))
    await gathering.refresh()
    assert gathering.order == ("SpotLag_Fast", "Contrarian", "SpotLag_Aggressive", "Contrarian_Strong")
    key = FIRST
    for _ in range(10):
        trade(board, key, ("SpotLag_Fast", "SpotLag_Aggressive"), ("Contrarian", "Contrarian_Strong"))
        board.ended(key)
        key = key.next()
    trade(board, key, ("Other",), ())
    await gathering.refresh()
    assert gathering.order[4:] == ("Other",), "it has traded, but not yet in a window that is over"
    assert {frozenset(gathering.order[:2]), frozenset(gathering.order[2:4])} == {
        frozenset(("SpotLag_Fast", "SpotLag_Aggressive")),
        frozenset(("Contrarian", "Contrarian_Strong")),
    }
    found = [set(camp.members) for camp in gathering.camps if camp.found]
    assert {"SpotLag_Fast", "SpotLag_Aggressive"} in found
    assert {"Contrarian", "Contrarian_Strong"} in found


def test_named_camps_have_the_members_that_are_here() -> None:
    assert Gathering(lambda: ConflictBoard(NAMES)).camps == (
        Camp("SpotLag", ("SpotLag_Fast", "SpotLag_Aggressive"), found=False),
        Camp("Contrarian", ("Contrarian", "Contrarian_Strong"), found=False),
    )


async def test_nothing_is_imported_for_windows_in_which_nobody_traded() -> None:
    loaded = "scipy.cluster.hierarchy" in sys.modules
    board = ConflictBoard(NAMES)
    board.ended(FIRST)
    gathering = Gathering(lambda: board)
    await gathering.refresh()
    assert gathering.order == ()
    assert ("scipy.cluster.hierarchy" in sys.modules) == loaded


async def test_an_engine_that_went_on_from_a_checkpoint_is_followed() -> None:
    boards = [ConflictBoard(NAMES)]
    gathering = Gathering(lambda: boards[-1])
    boards.append(ConflictBoard(NAMES))
    trade(boards[-1], FIRST, ("SpotLag_Fast",), ("Contrarian",))
    boards[-1].ended(FIRST)
    await gathering.refresh()
    assert gathering.order == ("SpotLag_Fast", "Contrarian")
