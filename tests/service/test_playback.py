"""A played recording gives what a replay of it gives, however it was played."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from polyterm.core.command import Command
from polyterm.core.event import Event, TradeClosed
from polyterm.core.input import Outcome, WindowEnded, WindowOpened
from polyterm.core.market import MarketKey, Reference
from polyterm.core.playback import PlaybackOrder
from polyterm.core.query import TradesQuery
from polyterm.core.tick import Tick
from polyterm.engine.books import Book
from polyterm.engine.columnar import ColumnarReplay
from polyterm.engine.engine import Engine
from polyterm.errors import ConfigError
from polyterm.service.playback.past import page, record
from polyterm.service.playback.player import Player
from polyterm.service.playback.runtime import ReplayRuntime
from polyterm.service.playback.stage import Stage
from polyterm.service.playback.tape import PIECE, Tape, pack
from polyterm.service.sequencer import Sequencer
from polyterm.service.snapshots import Screen
from polyterm.settings import Settings
from polyterm.store.span import Stamped
from polyterm.strategies.registry import REGISTRY
from polyterm.transport.clock import PlayerClock
from tests.waiting import eventually

FIRST = 1_770_000_300
WINDOWS = 4
LENGTH = 900
TICKED_S = 300


def recording(windows: int = WINDOWS, every_s: int = 3) -> Iterator[Stamped]:
    """Two coins on their way up and down in the first minutes of their windows, and a night before the last one."""
    for number in range(windows):
        epoch = FIRST + LENGTH * number + (36_000 if number == windows - 1 else 0)
        keys = [MarketKey(coin, "15m", epoch) for coin in ("btc", "eth")]
        for key in keys:
            yield epoch * 1000, WindowOpened(key)
        for second in range(0, TICKED_S, every_s):
            for place, key in enumerate(keys):
                wave = (second * (number + 2) // 15 + place) % 9 - 4
                spot = 1000.0 * (1 + 0.0012 * wave)
                mid = min(0.95, max(0.05, 0.5 + 0.06 * wave + 0.02 * (second % 3 - 1)))
                at_ms = (epoch + second) * 1000
                yield at_ms, Tick(
                    key=key, slot=epoch + second, made_ms=at_ms, up_bid=round(mid - 0.005, 3), up_bid_size=100.0,
                    up_ask=round(mid + 0.005, 3), up_ask_size=100.0, book_age_ms=100, spot=spot,
                    spot_source="binance", spot_age_ms=100, strike=Reference(1000.0, "binance", "spot", epoch * 1000),
                )  # fmt: skip
        for key in keys:
            yield key.end * 1000, WindowEnded(key)
            yield key.end * 1000 + 2000, Outcome(key, "up" if number % 2 else "down", "official", "venue")


INPUTS = tuple(recording())


@pytest.fixture(scope="module")
def replayed() -> tuple[Event, ...]:
    engine = Engine("replay", [Book(entry) for entry in REGISTRY])
    events = tuple(ColumnarReplay(engine).run(INPUTS))  # as the command does it
    assert sum(isinstance(event, TradeClosed) for event in events) > 50
    return events


class Playing:
    """A player with everything around it but consoles; ``shown`` is what a console would have as its events."""

    def __init__(self, inputs: tuple[Stamped, ...] = INPUTS, *, speed: int = 1000) -> None:
        self.slept_s = 0.0
        self.tape = Tape()
        for first in range(0, len(inputs), PIECE):
            piece = inputs[first : first + PIECE]
            self.tape.append(piece, pack(piece))
        self.tape.complete = True
        self.engine = Engine("replay", [Book(entry) for entry in REGISTRY])
        self.clock = PlayerClock(inputs[0][0], lambda: time.monotonic() + self.slept_s)
        screen = Screen(self.tape.series)
        sequencer = Sequencer(self.engine, self.clock, watch=screen.watch, submit=lambda *_: None)
        self.stage = Stage(self.engine, sequencer, screen)
        self.shown: list[Event] = []
        self.player = Player(
            self.tape, self.stage, self.clock, announce=self.shown.extend, recall=self._recall, speed=speed
        )

    def _recall(self, events: tuple[Event, ...]) -> None:
        self.shown[:] = events

    def steer(self, kind: str, value: int = 0) -> str:
        return self.player.steer(PlaybackOrder(kind, value))

    async def __aenter__(self) -> "Playing":
        self._task = asyncio.create_task(self.player.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def reached(self, window: int) -> None:
        def there() -> bool:
            playback = self.player.playback()
            return playback.seeking is None and playback.window == window

        await eventually(there, 20)

    async def to_the_end(self) -> None:
        await eventually(lambda: self.player.ended, 20)


def encoded(events: object) -> bytes:
    return msgspec.json.encode(events)


async def test_the_tape_gives_back_what_was_put_on_it() -> None:
    playing = Playing()
    assert [playing.tape.at(place) for place in range(playing.tape.length)] == list(INPUTS)
    assert [INPUTS[place][1].key.epoch for place in playing.tape.starts] == [
        FIRST, FIRST + LENGTH, FIRST + 2 * LENGTH, FIRST + 3 * LENGTH + 36_000,
    ]  # fmt: skip


async def test_played_at_1000x_the_events_are_those_of_a_replay(replayed: tuple[Event, ...]) -> None:
    async with Playing() as playing:
        await playing.to_the_end()
    assert encoded(playing.shown) == encoded(replayed)
    assert playing.player.playback().window == WINDOWS


async def test_pauses_steps_and_other_speeds_change_nothing(replayed: tuple[Event, ...]) -> None:
    async with Playing(speed=500) as playing:
        await eventually(lambda: playing.stage.place > 20)
        assert playing.steer("toggle") == ""
        place = playing.stage.place
        for _ in range(30):
            assert playing.steer("tick") == ""
        assert playing.stage.place == place + 30
        for _ in range(30):
            assert playing.steer("second") == ""
        assert playing.player.playback().paused
        assert playing.clock.market_ms() == INPUTS[playing.stage.place - 1][0]
        assert playing.steer("toggle") == ""
        assert playing.steer("faster") == ""
        await playing.to_the_end()
    assert encoded(playing.shown) == encoded(replayed)


@pytest.mark.parametrize("way", [(3,), (4, 4, 1, 3)])
async def test_what_follows_a_window_that_was_gone_to_is_what_follows_it(
    replayed: tuple[Event, ...], way: tuple[int, ...]
) -> None:
    async with Playing() as playing:
        for window in way:
            assert playing.steer("window", window) == ""
            await playing.reached(window)
        await playing.to_the_end()
    behind = len(replayed) - len(playing.shown)
    assert encoded(playing.shown) == encoded(replayed[behind:])
    begun = playing.tape.starts[way[-1] - 1]
    assert sum(event.id.input > begun for event in playing.shown) == sum(event.id.input > begun for event in replayed)


async def test_back_and_forth_by_windows_and_the_ends() -> None:
    async with Playing(speed=1) as playing:
        assert playing.steer("toggle") == ""
        assert playing.steer("next") == ""
        assert playing.steer("next") == ""  # counted from the window that is on its way
        await playing.reached(3)
        assert playing.player.playback().paused
        assert playing.player.playback().take > 1
        assert playing.steer("previous") == ""
        await playing.reached(2)
        assert playing.steer("window", WINDOWS) == ""
        await playing.reached(WINDOWS)
        assert playing.steer("next") == "this is the last window"
        assert playing.steer("window", 99) == f"it has {WINDOWS} windows"
        assert playing.steer("slower") == "it plays at 1× to 1000×"


async def test_a_command_is_undone_by_going_back_before_it(replayed: tuple[Event, ...]) -> None:
    async with Playing() as playing:
        assert playing.steer("window", 3) == ""
        await playing.reached(3)
        playing.stage.command(Command("one", "kill", "me", "console"))
        assert playing.engine.trading_state == "KILLED"
        assert playing.steer("next") == ""
        await playing.reached(4)
        assert playing.engine.trading_state == "KILLED"
        assert playing.steer("previous") == ""
        await playing.reached(3)
        assert playing.engine.trading_state == "RUNNING"
        await playing.to_the_end()
    behind = len(replayed) - len(playing.shown)
    assert encoded(playing.shown) == encoded(replayed[behind:])


async def test_a_stopped_player_shows_that_it_is_alive() -> None:
    async with Playing(speed=1) as playing:
        assert playing.steer("toggle") == ""
        playing.slept_s = 60.0
        assert 60 <= playing.player.playback().still_s < 70
        assert playing.steer("toggle") == ""
        assert playing.player.playback().still_s == 0


async def test_it_says_when_there_is_nothing_more() -> None:
    async with Playing() as playing:
        assert playing.steer("window", WINDOWS) == ""
        await playing.to_the_end()
        assert "ended" in playing.steer("toggle")
        assert "ended" in playing.steer("tick")
        assert playing.steer("window", 1) == ""
        await playing.reached(1)


async def test_what_has_happened_is_told_without_a_database(replayed: tuple[Event, ...]) -> None:
    async with Playing() as playing:
        await playing.to_the_end()
        past = playing.stage.past
        trades = past.trades(TradesQuery("all"), 0)
        closed = {id(event.trade): event.trade for event in replayed if isinstance(event, TradeClosed)}
        assert len(trades) == len(closed)
        for row in playing.engine.leaderboard_rows():
            own = past.trades(TradesQuery("all", row.strategy), 0)
            found = record(own)
            assert sum(coin.trades for coin in found.coins) == sum(one.trades for one in found.minutes) == row.trades
            assert sum(coin.wins for coin in found.coins) == row.wins
            if own:
                assert found.equity[-1].costed == pytest.approx(row.pnl_costed)
        told = page(trades, TradesQuery("all", limit=10))
        assert told.trades == tuple(reversed(trades[-10:]))
        assert sum(part.pnl for part in told.totals) == pytest.approx(sum(trade.pnl for trade in trades))
        key = MarketKey("eth", "15m", FIRST + LENGTH)
        (line,) = past.lines(lambda one: one == key)
        assert (line.outcome, line.grade, line.ticks, line.delay_s) == ("up", "official", TICKED_S // 3, 2.0)
        assert len(playing.tape.ticks_of(key, playing.stage.place)) == TICKED_S // 3
        assert playing.steer("window", 2) == ""
        await playing.reached(2)
        playing.steer("toggle")
        assert {trade.key.epoch for trade in past.trades(TradesQuery("all"), 0)} <= {FIRST, FIRST + LENGTH}
        assert past.newest(5) == tuple(playing.shown[-5:])


async def test_a_recording_without_a_tick_is_refused(tmp_path: Path) -> None:
    runtime = ReplayRuntime(INPUTS[:2], [], REGISTRY, Settings(_env_file=None))
    with pytest.raises(ConfigError, match="not one tick"):
        await runtime.run(tmp_path / "replay.socket", asyncio.Event())


async def test_what_cannot_be_read_is_told_before_anything_is_shown(tmp_path: Path) -> None:
    failures: list[str] = []

    def payloads() -> Iterator[Stamped]:
        failures.append("one of them cannot be read.")
        yield from INPUTS

    runtime = ReplayRuntime(payloads(), failures, REGISTRY, Settings(_env_file=None))
    with pytest.raises(ConfigError, match="one of them cannot be read"):
        await runtime.run(tmp_path / "replay.socket", asyncio.Event())
