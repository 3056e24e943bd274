"""Kill, pause and resume."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.event import (
    CommandRefused,
    TradingStateChanged,
)
from tests.engine.scenes import BUY_UP, KEY, SELL, Always, Scene, Scripted, book, kinds


def test_commands() -> None:
    scene = Scene()
    (paused,) = scene.command("pause", "1")
    assert isinstance(paused, TradingStateChanged)
    assert (paused.before, paused.after, paused.actor, paused.reason) == ("RUNNING", "PAUSED", "ann", "pause it")
    assert (scene.engine.trading_state, scene.engine.trading_reason) == ("PAUSED", "pause it")
    assert scene.command("resume", "1") == [], "a repeated id is answered by who heard it first, not done again"
    assert scene.engine.trading_state == "PAUSED"


@pytest.mark.parametrize(
    ("before", "command", "reason"),
    [
        ([], "resume", "already running"),
        (["pause"], "pause", "already paused"),
        (["kill"], "kill", "already killed"),
        (["kill"], "pause", "killed: resume first"),
    ],
)
def test_a_command_that_changes_nothing_is_refused(before: list[str], command: str, reason: str) -> None:
    scene = Scene()
    for each in before:
        scene.command(each)
    (refused,) = scene.command(command)
    assert isinstance(refused, CommandRefused)
    assert refused.reason == reason


COMMANDS = st.sampled_from(["kill", "pause", "resume"])
STEPS = st.lists(st.one_of(st.just("tick"), st.just("bad tick"), st.just("window"), COMMANDS), max_size=80)


@given(STEPS)
def test_no_sequence_of_commands_lets_a_trade_through(steps: list[str]) -> None:
    """Never an entry while PAUSED or KILLED, never an exit while KILLED, settlement always."""
    scene, key, second, state = Scene(book(Always)), KEY, 0, "RUNNING"
    scene.open(key)
    for step in steps:
        second += 1
        holding = bool(scene.engine.open_positions())
        if step == "window":
            scene.end(key)
            settled = scene.outcome("up", "official", key)
            assert kinds(settled) == ["WindowSettled"] + ["TradeClosed"] * holding
            key, second = key.next(), 0
            scene.open(key)
        elif step == "tick":
            did = kinds(scene.tick(second, key))
            assert ("PositionOpened" in did) == (state == "RUNNING" and not holding)
            assert ("TradeClosed" in did) == (state != "KILLED" and holding)
        elif step == "bad tick":
            assert "PositionOpened" not in kinds(scene.tick(second, key, book_age_ms=9000))
        else:
            scene.command(step)
            state = {"kill": "KILLED", "pause": "KILLED" if state == "KILLED" else "PAUSED", "resume": "RUNNING"}[step]
        assert scene.engine.trading_state == state


def test_a_pause_lets_positions_out_and_a_kill_does_not() -> None:
    scene = Scene(book(Scripted({10: BUY_UP, 20: SELL, 30: SELL})))
    scene.open()
    scene.tick(10)
    scene.command("kill")
    assert scene.tick(20) == []
    scene.command("resume")
    scene.command("pause")
    assert kinds(scene.tick(30)) == ["TradeClosed"]
