"""A new session takes up the windows whose official result an earlier one did not live to hear."""

from datetime import UTC, datetime
from pathlib import Path

from polyterm.core.market import MarketKey, window_epoch
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.errors import StoreError
from polyterm.service import unresolved
from polyterm.service.unresolved import resume_unresolved
from polyterm.transport.clock import ManualClock
from tests.service.engines import KEY, STRIKE, ended, opened, running, settings, short_folder
from tests.waiting import eventually


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


class _Engine:
    def unsettled(self) -> tuple[MarketKey, ...]:
        return (KEY.next(),)


async def test_a_database_that_is_away_is_asked_again_and_the_engine_not_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(unresolved, "RETRY_S", 0.0)
    sources, away = _Sources(), _Away()
    await resume_unresolved(sources, away, _Engine(), ManualClock(KEY.end * 1000))
    assert sources.told == [
        (UnresolvedWindow(KEY.next()),),
        (UnresolvedWindow(KEY, STRIKE), UnresolvedWindow(KEY.next())),
    ]
    assert away.asked == [KEY.end * 1000 - 8 * 86_400_000] * 2
