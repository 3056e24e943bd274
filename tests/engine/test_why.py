"""Why a strategy did, or did not, act on the newest tick."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyterm.core.event import PositionOpened
from polyterm.core.input import Input, WindowOpened
from polyterm.core.query import Gate, WhyAnswer
from polyterm.core.tick import Tick
from polyterm.engine.books import Book
from polyterm.engine.engine import Engine
from polyterm.engine.why import why
from tests.engine.scenes import FEE, Always, Scene, book
from tests.engine.streams import stream
from tests.strategies.market import KEY, entry, tick

STRIKE = tick(0).strike


def scene(name: str, *ticks: Tick) -> Scene:
    found = Scene(Book(entry(name)))
    found.apply(WindowOpened(KEY, STRIKE, FEE))
    for each in ticks:
        found.apply(each, each.at_ms)
    return found


def ask(found: Scene, name: str, newest: Tick) -> WhyAnswer:
    return why(found.engine.desk(("btc", "15m")), name, newest, found.engine.trading_state)


def test_each_gate_has_its_value_threshold_and_margin() -> None:
    """Mispricing: between 180 and 840 s left, 0.1 % above the strike, Up mid under 45 cents."""
    newest = tick(100, spot=1002.0, mid=0.47)
    answer = ask(scene("MispricingOnly", newest), "MispricingOnly", newest)
    assert (answer.key, answer.slot, answer.held, answer.exits) == (KEY, KEY.epoch + 100, None, ())
    assert answer.verdict == "It waits: 1 of 4 gates to up are shut."
    up, down = answer.entries
    assert (up.side, up.reason, up.open) == ("up", "mispriced_up", False)
    assert [(gate.text, gate.open, gate.value, gate.threshold) for gate in up.gates] == [
        ("time left ≥ 180", True, 800.0, 180.0),
        ("time left ≤ 840", True, 800.0, 840.0),
        ("distance to strike > 0.001", True, pytest.approx(0.002), 0.001),
        ("Up mid < 0.45", False, pytest.approx(0.47), 0.45),
    ]
    assert [gate.margin for gate in up.gates] == pytest.approx([620.0, 40.0, 0.001, -0.02])
    assert (down.side, down.reason, down.open) == ("down", "mispriced_down", False)


def test_a_choice_shows_its_alternatives() -> None:
    newest = tick(100, spot=1001.0)
    answer = ask(scene("FairValue_WithDrift", newest), "FairValue_WithDrift", newest)
    choice = answer.entries[0].gates[1]
    assert choice.text == "(distance to strike > 0) or (|distance to strike| < 0.0001)"
    assert choice.open
    assert [(gate.text, gate.open) for gate in choice.any_of] == [
        ("distance to strike > 0", True),
        ("|distance to strike| < 0.0001", False),
    ]


def test_what_is_missing_shuts_a_gate_without_a_number() -> None:
    newest = tick(3, spot=1002.0)
    answer = ask(scene("SpotLagSimple", newest), "SpotLagSimple", newest)
    gate = next(gate for gate in answer.entries[0].gates if gate.text == "|spot return 9 s| ≥ 0.0005")
    assert gate == Gate("|spot return 9 s| ≥ 0.0005", False, None, 0.0005, None)


def test_a_holder_is_asked_for_its_ways_out() -> None:
    bought = tick(100, spot=1002.0, mid=0.40)
    later = tick(110, spot=1002.0, mid=0.30)
    found = scene("MispricingOnly", bought, later)
    answer = ask(found, "MispricingOnly", later)
    assert (answer.held, answer.verdict) == ("up", "It holds up and keeps it.")
    (way,) = answer.exits
    assert (way.side, way.reason, way.open) == ("up", "extreme_stop", False)
    (gate,) = way.gates
    # Bought at the ask of 41 cents, worth 30 now: -26.8 %, and the stop is at -50 %.
    assert (gate.text, gate.threshold) == ("return ≤ −0.5", -0.5)
    assert gate.value == pytest.approx(0.30 / 0.41 - 1)
    assert gate.margin == pytest.approx(-0.5 - (0.30 / 0.41 - 1))


@pytest.mark.parametrize(
    ("newest", "command", "verdict"),
    [
        (tick(100, spot=1002.0, mid=0.40, invalid="book_stale"), None,
         "It may not buy: this tick is not tradable (book stale)."),
        (tick(100, spot=1000.0), "pause", "It may not buy: trading is PAUSED."),
        (tick(100, spot=1000.0), "kill", "It may not buy: trading is KILLED."),
    ],
)  # fmt: skip
def test_what_keeps_every_way_in_shut_is_said(newest: Tick, command: str | None, verdict: str) -> None:
    found = scene("MispricingOnly", newest)
    if command is not None:
        found.command(command)
    assert ask(found, "MispricingOnly", newest).verdict == verdict


def test_who_cannot_be_asked_says_why() -> None:
    newest = tick(100)
    found = scene("MispricingOnly", newest)
    assert ask(found, "Nobody", newest).verdict == "It does not trade this market."
    assert ask(found, "MispricingOnly", tick(101)).verdict == "No tick of a running window has come yet."
    own = Scene(book(Always(), "Own"))
    own.apply(WindowOpened(KEY, STRIKE, FEE))
    own.apply(newest)
    assert ask(own, "Own", newest).verdict == "It decides by a memory of its own, which cannot be taken apart."


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_open_way_is_the_one_that_was_taken_and_asking_changes_nothing(seed: int) -> None:
    plain, asked = Engine("s"), Engine("s")
    for number, (at_ms, payload) in enumerate(stream(seed), start=1):
        events = asked.apply(Input(number, at_ms, payload))
        assert plain.apply(Input(number, at_ms, payload)) == events
        if isinstance(payload, Tick):
            desk = asked.desks.get((payload.key.coin, payload.key.horizon))
            opened = [event.position for event in events if isinstance(event, PositionOpened)]
            for position in opened:
                answer = why(desk, position.strategy, payload, "RUNNING")
                if not position.strategy.startswith("Contrarian"):  # sees nothing older than the entry it has just made
                    way = next(way for way in answer.entries if way.open)
                    assert (way.side, way.reason) == (position.side, position.reason)
