"""A new session takes up the windows whose official result an earlier one did not live to hear."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from polyterm.core.input import Outcome
from polyterm.core.market import MarketKey, window_epoch
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.errors import StoreError
from polyterm.service import unresolved
from polyterm.service.unresolved import resume_unresolved
from polyterm.transport.clock import ManualClock
from tests.engine.scenes import Scene
from tests.service.engines import KEY, STRIKE, ended, opened, running, settings, short_folder, tick, won
from tests.store.builders import rows
from tests.waiting import eventually

TRADES = "SELECT session, pnl, outcome, outcome_grade FROM paper_trades"


async def test_a_window_without_an_official_result_is_taken_up_by_the_next_session() -> None:
    with short_folder() as folder:
        config = settings(Path(folder))
        now_s = int(datetime.now(UTC).timestamp())
        before = MarketKey("btc", "15m", window_epoch(now_s, "15m") - 900)
        async with running(config) as engine:
            engine.feed(opened(before), ended(before), opened(before.next()))
        async with running(config) as engine:
            sources = engine.runtime.view.sources
            await eventually(lambda: sources.resumed)
            assert sources.resumed == (
                UnresolvedWindow(before, STRIKE, None, None, closed=True),
                UnresolvedWindow(before.next(), STRIKE, None, None, closed=False),
            )


class _Sources:
    def __init__(self) -> None:
        self.told: list[tuple[UnresolvedWindow, ...]] = []

    def resume(self, windows):
        self.told.append(tuple(windows))


class _Away:
    """A database that does not answer the first time."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def unresolved(self, since_ms):
        self.asked.append(since_ms)
        if len(self.asked) == 1:
            raise StoreError("away")
        return (UnresolvedWindow(KEY, STRIKE),)


async def test_a_database_that_is_away_is_asked_again_and_the_engine_not_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(unresolved, "RETRY_S", 0.0)
    sources, away, scene = _Sources(), _Away(), Scene()
    scene.open(KEY.next(), STRIKE)
    scene.end(KEY.next())
    scene.outcome("up", "stream", KEY.next())
    scene.open(KEY.next().next(), STRIKE)
    await resume_unresolved(sources, away, scene.engine, ManualClock(KEY.end * 1000))
    own = (
        UnresolvedWindow(KEY.next(), STRIKE, None, "stream", closed=True),
        UnresolvedWindow(KEY.next().next(), STRIKE, None, None, closed=False),
    )
    assert sources.told == [own, (UnresolvedWindow(KEY, STRIKE), *own)]
    assert away.asked == [KEY.end * 1000 - 8 * 86_400_000] * 2


async def test_an_official_result_that_differs_corrects_the_trade_of_an_earlier_session() -> None:
    """100 Up bought at 0.91 and settled at 1: +$9. The venue then says Down, to the next session: -$91."""
    with short_folder() as folder:
        config = settings(Path(folder))
        async with running(config) as engine:
            first = engine.runtime.view.session
            engine.feed(opened(), *(tick(second, 0.9) for second in range(85, 78, -1)), ended())
            engine.feed(Outcome(KEY, "up", "stream", "twap60 against twap60"))
        database = config.data_dir / "polyterm.db"
        before = rows(database, TRADES)
        assert before == [{"session": first, "pnl": pytest.approx(9.0), "outcome": "up", "outcome_grade": "stream"}]
        async with running(config) as engine:
            engine.feed(won("down"))
        assert rows(database, TRADES) == [
            {"session": first, "pnl": pytest.approx(-91.0), "outcome": "down", "outcome_grade": "official"}
        ]
        (correction,) = rows(database, "SELECT session, pnl_before, pnl_after FROM trade_corrections")
        assert correction["session"] != first
        assert (correction["pnl_before"], correction["pnl_after"]) == (pytest.approx(9.0), pytest.approx(-91.0))
        (window,) = rows(database, "SELECT outcome, outcome_grade, outcome_source FROM windows")
        assert window == {"outcome": "down", "outcome_grade": "official", "outcome_source": "test"}
