"""An engine that goes on from a checkpoint is the engine that made it."""

import random
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyterm.core.event import TradeCorrected
from polyterm.core.input import Input, Payload
from polyterm.core.market import MarketKey
from polyterm.core.signal import HOLD, Signal
from polyterm.core.tick import Tick
from polyterm.engine.books import Book
from polyterm.engine.checkpoint import VERSION, Checkpoint, CheckpointError, decode, farewells
from polyterm.engine.engine import Engine
from polyterm.strategies.base import EVERY_HORIZON, Branch, Context, Held, HeldValues, Limits, Rule, Strategy
from polyterm.strategies.contrarian import Contrarian, ContrarianParameters
from polyterm.strategies.entry import Entry
from polyterm.strategies.registry import REGISTRY
from tests.engine.scenes import KEY, Scene, WantsIn, book
from tests.engine.streams import stream

encode = msgspec.json.encode


class Third(Strategy):
    """Enters on every third tick that it sees, leaves on the next, and says what it remembers."""

    def __init__(self, _: object) -> None:
        self.seen = 0
        self.mids: list[float | None] = []

    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        self.seen += 1
        self.mids = [*self.mids[-2:], tick.up_mid]
        if position is not None:
            return Signal("sell", position.side, "bored")
        known = [mid for mid in self.mids if mid is not None]
        return Signal("buy", "up", "third", edge=sum(known)) if self.seen % 3 == 0 else HOLD

    def accepted(self, signal: Signal, key: MarketKey) -> None:
        self.seen += 1

    def state(self) -> object:
        return {"seen": self.seen, "mids": self.mids}

    def restore(self, state: object) -> None:
        assert isinstance(state, dict)
        self.seen, self.mids = state["seen"], state["mids"]


class Forgetful(Third):
    """Has a memory and does not tell it."""

    state = Strategy.state


class Patient(WantsIn):
    """Remembers nothing and says so."""

    def __init__(self, _: object = None) -> None:
        pass

    def state(self) -> None:
        return None


class Untraced(Contrarian):
    """A rule that restarts with its own entries and is no expression, so that it is asked tick by tick."""

    def entry(self, f: object) -> Iterator[Branch]:  # type: ignore[override]
        for branch in super().entry(f):  # type: ignore[arg-type]
            if branch.up or branch.down:
                yield branch

    def exit(self, f: object, position: HeldValues) -> Iterator[tuple[object, str]]:  # type: ignore[override]
        yield position.r <= -0.01, "stop"


class Raising(Rule):
    def __init__(self, _: object) -> None:
        pass

    def entry(self, f: object) -> Iterator[Branch]:  # type: ignore[override]
        if f.mid_change(1) > 0:  # type: ignore[attr-defined]
            raise ValueError("rising")
        yield Branch(reason="never")

    def exit(self, f: object, position: HeldValues) -> Iterator[tuple[object, str]]:  # type: ignore[override]
        yield position.r < -0.01, "stop"


def own(strategy: type[Strategy], **limits: object) -> Entry:
    return Entry(strategy.__name__, "Test", strategy, limits=Limits(horizons=EVERY_HORIZON, **limits))


def everywhere(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, limits=msgspec.structs.replace(entry.limits, horizons=EVERY_HORIZON))


UNTRACED = Entry("Untraced", "Test", Untraced, ContrarianParameters(lookback_ticks=5, min_run=0.0001))
ENTRIES = [
    *(everywhere(entry) for entry in REGISTRY),
    own(Third, cooldown_s=2, max_entries_per_window=20),
    everywhere(UNTRACED),
    own(Raising),
]  # fmt: skip


def fresh(entries: Sequence[Entry] = ENTRIES, session: str = "s") -> Engine:
    return Engine(session, [Book(entry) for entry in entries])


def numbered(payloads: Sequence[tuple[int, Payload]]) -> list[Input]:
    return [Input(number, at_ms, payload) for number, (at_ms, payload) in enumerate(payloads, start=1)]


def shown(engine: Engine) -> bytes:
    return encode(
        (
            engine.leaderboard_rows(), engine.conflicts(), engine.open_positions(), engine.position_rows(),
            engine.trading_state, engine.trading_reason, engine.pnl_since(0), engine.exposure(), engine.unsettled(),
        )
    )  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from(((3, 100), (3, 100), (10, 8))))
def test_events_after_a_checkpoint_are_those_of_the_uninterrupted_engine(seed: int, size: tuple[int, int]) -> None:
    items = numbered(list(stream(seed, *size)))
    rng = random.Random(seed)
    cuts = set(rng.sample(range(len(items) + 1), min(3, len(items))))
    whole, pieces = fresh(), fresh()
    for place, item in enumerate(items):
        if place in cuts:
            assert shown(pieces) == shown(whole)
            saved = pieces.checkpoint()
            pieces = fresh()
            assert pieces.restore(decode(saved)) == ()
            assert shown(pieces) == shown(whole)
            assert pieces.checkpoint() == saved
        assert encode(pieces.apply(item)) == encode(whole.apply(item))
    assert shown(pieces) == shown(whole)


def restored(scene: Scene, *books: Book, resumed: bool = False) -> tuple[Scene, tuple[str, ...]]:
    """Another scene that goes on where that one is, and what could not go on."""
    other = Scene(*books)
    saved = decode(scene.engine.checkpoint())
    notices = tuple(farewells(saved, [book.entry for book in books]))
    notices += other.engine.restore(saved.resumed() if resumed else saved)
    other.number, other.at_ms = scene.number, scene.at_ms
    return other, notices


def test_an_open_position_is_settled_in_another_session_and_stays_the_first_ones() -> None:
    scene = Scene(book(Patient))
    scene.open()
    scene.tick(5)
    later, notices = restored(scene, book(Patient))
    later.engine.session = "s2"
    later.end()
    later.outcome("up")
    (trade,) = later.trades
    assert notices == ()
    assert (trade.session, trade.pnl) == ("s", 50.0)
    assert {event.id.session for event in later.events} == {"s2"}
    later.outcome("down", "official")
    correction = later.events[-1]
    assert isinstance(correction, TradeCorrected)
    assert (correction.before.session, correction.after.pnl) == ("s", -50.0)


def test_a_strategy_that_is_gone_leaves_positions_that_settle() -> None:
    scene = Scene(book(Patient, "Old"), book(Patient, "Kept"))
    scene.open()
    scene.tick(5)
    later, notices = restored(scene, book(Patient, "Kept"))
    assert notices == ("Old is no strategy any more; its 1 open positions are held to the end of their windows.",)
    assert [position.strategy for position in later.engine.open_positions()] == ["Kept", "Old"]
    later.tick(6)
    later.end()
    later.outcome("down")
    assert {trade.strategy: trade.pnl for trade in later.trades} == {"Kept": -50.0, "Old": -50.0}
    assert [(row.strategy, row.open, row.trades) for row in later.engine.leaderboard_rows()] == [("Kept", 0, 1)]
    assert later.engine.pnl_since(KEY.epoch * 1000)[0] == -100.0  # the day knows both
    assert later.engine.open_positions() == ()


def test_a_strategy_with_other_parameters_begins_anew_and_its_position_settles() -> None:
    before = msgspec.structs.replace(UNTRACED, name="Same", factory=Patient, limits=Limits(horizons=EVERY_HORIZON))
    after = before.varied({"lookback_ticks": 7})
    scene = Scene(Book(before))
    scene.open()
    scene.tick(5)
    later, notices = restored(scene, Book(after))
    assert notices == (
        "Same is declared differently now and begins anew; its 1 open positions are held to the end of their windows.",
    )
    later.end()
    later.outcome("up")
    assert [trade.strategy for trade in later.trades] == ["Same"]
    assert later.engine.leaderboard_rows()[0].open == 0


def test_a_memory_that_is_not_told_begins_anew_and_says_so() -> None:
    scene = Scene(Book(own(Forgetful)))
    scene.open()
    scene.tick(1)
    _, notices = restored(scene, Book(own(Forgetful)))
    assert notices == ("Forgetful begins anew: it does not say what it remembers (Strategy.state).",)


@pytest.mark.parametrize(("fault", "words"), [("state", "could not be kept"), ("restore", "could not be restored")])
def test_a_memory_that_raises_costs_nobody_anything(fault: str, words: str) -> None:
    def fail(*_: object) -> object:
        raise RuntimeError("lost")

    faulty = type("Faulty", (Third,), {fault: fail})
    scene = Scene(Book(own(faulty)), book(Patient, "Kept"))
    scene.open()
    scene.tick(1)
    later, notices = restored(scene, Book(own(faulty)), book(Patient, "Kept"))
    assert [notice for notice in notices if "Faulty" in notice] == [
        f"Faulty begins anew: what it remembers {words} (RuntimeError: lost)."
    ]
    assert [position.strategy for position in later.engine.open_positions()] == ["Kept"]
    assert later.tick(2) == []


def test_a_new_session_tries_again_who_was_disabled_and_takes_its_trading_state_from_commands() -> None:
    scene = Scene(Book(own(Raising)))
    scene.open()
    scene.tick(1)
    scene.tick(2, up_bid=0.51, up_ask=0.52)
    scene.command("kill")
    same, _ = restored(scene, Book(own(Raising)))
    assert (same.engine.trading_state, same.engine.leaderboard_rows()[0].disabled is None) == ("KILLED", False)
    new, _ = restored(scene, Book(own(Raising)), resumed=True)
    assert (new.engine.trading_state, new.engine.leaderboard_rows()[0].disabled) == ("RUNNING", None)


def test_a_checkpoint_of_another_version_or_a_damaged_one_is_refused_in_words() -> None:
    saved = fresh().checkpoint()
    with pytest.raises(CheckpointError, match="it has version 2, this polyterm reads 1"):
        decode(saved, VERSION + 1)
    with pytest.raises(CheckpointError, match="it is damaged"):
        decode(saved[:-9])
    assert isinstance(decode(saved), Checkpoint)


def test_unsettled_windows_are_those_without_an_official_outcome() -> None:
    scene = Scene()
    scene.open()
    assert scene.engine.unsettled() == (KEY,)
    scene.end()
    scene.outcome("up", "stream")
    scene.open(KEY.next())
    assert scene.engine.unsettled() == (KEY, KEY.next())
    scene.outcome("up", "official")
    assert scene.engine.unsettled() == (KEY.next(),)


def test_a_position_that_somebody_else_closed_is_dropped() -> None:
    scene = Scene(book(Patient, "Sold"), book(Patient, "Held"))
    scene.open()
    scene.tick(5)
    sold, held = scene.engine.open_positions()
    scene.engine.forget([sold])
    assert scene.engine.open_positions() == (held,)
    assert [(row.strategy, row.open) for row in scene.engine.leaderboard_rows()] == [("Sold", 0), ("Held", 1)]
