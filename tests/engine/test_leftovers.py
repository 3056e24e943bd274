"""What the store still knows and hands to an engine that does not."""

import msgspec

from polyterm.core.event import TradeClosed, TradeCorrected
from polyterm.core.input import Outcome, PositionsFound, TradesFound
from polyterm.core.market import MarketKey
from polyterm.core.position import Conditions, Leg, Position, Trade
from polyterm.engine.checkpoint import decode
from polyterm.engine.engine import Engine
from tests.engine.scenes import KEY, Scene, WantsIn, book, kinds

ENTRY = Conditions(None, 0.5, 10.0, 10.0, 0.02, 4.0, 0.0, 600)


def orphan(key: MarketKey = KEY, second: int = 300) -> Position:
    """100 shares of Up bought at 0.40 by a strategy that is gone, for a fee of 1.68: +60 or -40, costed 58.32."""
    return Position(
        strategy="Gone", key=key, side="up", entry_ms=(key.epoch + second) * 1000, entry_price=0.4, shares=100.0,
        reason="go", strength=None, entry=ENTRY, strike=999.0, strike_grade="stream",
        legs=(Leg("touch", 100.0, 0.4, 0.0), Leg("costed", 100.0, 0.4, 1.68)), peak_r=0.0, session="before",
    )  # fmt: skip


def pnls(scene: Scene) -> list[tuple[str, str, float, float]]:
    return [(one.strategy, one.session, round(one.pnl, 9), round(one.costed_pnl, 9)) for one in scene.trades]


def test_a_position_of_a_window_that_nobody_remembers_waits_for_its_result() -> None:
    scene = Scene()
    assert scene.apply(PositionsFound(KEY, (orphan(),))) == []
    assert scene.engine.open_positions() == (orphan(),)
    assert scene.engine.unsettled() == (KEY,)
    assert kinds(scene.outcome("up", "stream")) == ["WindowSettled", "TradeClosed"]
    assert pnls(scene) == [("Gone", "before", 60.0, 58.32)]
    (corrected,) = [event for event in scene.outcome("down", "official") if isinstance(event, TradeCorrected)]
    assert (corrected.before.pnl, corrected.after.pnl) == (60.0, -40.0)
    assert scene.engine.open_positions() == ()


def test_it_joins_the_window_that_runs_and_the_one_that_is_still_to_be_opened() -> None:
    for found_first in (False, True):
        scene = Scene(book(WantsIn(), "Own"))
        if found_first:
            scene.apply(PositionsFound(KEY, (orphan(),)))
        scene.open()
        if not found_first:
            scene.apply(PositionsFound(KEY, (orphan(),)))
        scene.tick(10)
        assert sorted(one.strategy for one in scene.engine.open_positions()) == ["Gone", "Own"]
        scene.end()
        scene.open(KEY.next())
        scene.outcome("down")
        assert [(name, pnl) for name, _, pnl, _ in pnls(scene)] == [("Gone", -40.0), ("Own", -50.0)]


def test_what_is_stored_of_the_outcome_settles_it_at_once() -> None:
    scene = Scene()
    outcome = Outcome(KEY, "down", "official", "gamma", 99.5)
    assert kinds(scene.apply(PositionsFound(KEY, (orphan(),), outcome))) == ["TradeClosed"]
    assert [(one.pnl, one.outcome, one.grade) for one in scene.trades] == [(-40.0, "down", "official")]
    assert scene.engine.unsettled() == ()


def test_a_window_that_is_over_settles_it_as_it_settled_the_others() -> None:
    scene = Scene()
    scene.open()
    scene.end()
    scene.outcome("up")
    stored = Outcome(KEY, "down", "spot", "older")
    assert kinds(scene.apply(PositionsFound(KEY, (orphan(),), stored))) == ["TradeClosed"]
    assert scene.trades[0].pnl == 60.0


def test_what_the_engine_holds_is_not_held_twice() -> None:
    scene = Scene(book(WantsIn(), "Own"))
    scene.open()
    scene.tick(10)
    (own,) = scene.engine.open_positions()
    scene.apply(PositionsFound(KEY, (own, orphan())))
    scene.apply(PositionsFound(KEY, (orphan(),)))
    assert scene.engine.open_positions() == (own, orphan())
    (row,) = scene.engine.leaderboard_rows()
    assert row.open == 1


def test_a_checkpoint_knows_of_it() -> None:
    scene = Scene()
    scene.apply(PositionsFound(KEY, (orphan(),)))
    later = Engine("later", ())
    later.restore(decode(scene.engine.checkpoint()))
    assert later.open_positions() == (orphan(),)


def test_trades_of_a_forgotten_window_are_settled_anew() -> None:
    """Bought at 0.40 and settled Up at 1: +60, and 58.32 after the fee. The venue says Down: -40 and -41.68."""
    scene = Scene()
    scene.apply(PositionsFound(KEY, (orphan(),), Outcome(KEY, "up", "stream", "twap60")))
    (before,) = scene.trades
    fresh = Scene()
    events = fresh.apply(TradesFound(Outcome(KEY, "down", "official", "gamma"), (before,)))
    (event,) = events
    assert isinstance(event, TradeCorrected)
    assert event.before == before
    after: Trade = event.after
    assert (after.pnl, round(after.costed_pnl, 9), after.leg("touch").exit_price) == (-40.0, -41.68, 0.0)
    assert (after.outcome, after.grade, after.exit_ms) == ("down", "official", KEY.end * 1000)
    same = msgspec.structs.replace(after, legs=before.legs, outcome=before.outcome, grade=before.grade)
    assert same == before
    assert not [one for one in fresh.events if isinstance(one, TradeClosed)]
