"""Trade by trade against the list that the rules give on one window of four coins."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polyterm.core.event import Event, StrategyDisabled, TradeClosed
from polyterm.engine.engine import Engine
from polyterm.engine.records import record
from polyterm.engine.replay import replay
from polyterm.store.tickfiles import read_ticks
from polyterm.strategies.registry import REGISTRY

# The list's normal distribution is good to 1e-7, ours to all digits; ten points of edge are a strength of 1.
SAME_STRENGTH = 2e-6
LEFT_OUT = ("FV_Drift_1H", "FV_Drift_4H", "FV_Drift_24H", "FV_UpOnly_4H")
SILENT = ("Mispricing_Strict", "Mispricing_Extreme", "Mispricing_CLConfirmed")


def run(recordings: Path) -> list[Event]:
    return list(replay(Engine("parity"), read_ticks(recordings / "parity" / "ticks.jsonl.gz")))


def by_entry(trades: list[dict[str, Any]]) -> dict[tuple[str, str, int], dict[str, Any]]:
    keyed = {(trade["strategy"], trade["crypto"], trade["entry_ts"]): trade for trade in trades}
    assert len(keyed) == len(trades)
    return keyed


@pytest.fixture(scope="module")
def listed(recordings: Path) -> dict[tuple[str, str, int], dict[str, Any]]:
    with gzip.open(recordings / "parity" / "trades.jsonl.gz", "rt", encoding="utf-8") as file:
        trades = [json.loads(line) for line in file]
    return by_entry(trades)


@pytest.fixture(scope="module")
def events(recordings: Path) -> list[Event]:
    return run(recordings)


@pytest.fixture(scope="module")
def ours(events: list[Event]) -> dict[tuple[str, str, int], dict[str, Any]]:
    records = [record(event.trade) for event in events if isinstance(event, TradeClosed)]
    trades = by_entry(msgspec.to_builtins(records))
    later = {entry.name for entry in REGISTRY if entry.experimental}
    return {entry: trade for entry, trade in trades.items() if trade["strategy"] not in later}


def test_no_strategy_raises(events: list[Event]) -> None:
    assert [event for event in events if isinstance(event, StrategyDisabled)] == []


def test_the_same_trades_are_made(listed: dict[Any, Any], ours: dict[Any, Any]) -> None:
    assert (len(listed), len({strategy for strategy, _, _ in listed})) == (172, 31)
    assert sorted(ours) == sorted(listed), "no exception is needed: neither for rolling bars nor for a validity rule"
    assert not {strategy for strategy, _, _ in ours} & {*SILENT, *LEFT_OUT}


def test_every_key_of_every_trade_is_equal(listed: dict[Any, Any], ours: dict[Any, Any]) -> None:
    for entry, theirs in listed.items():
        mine = dict(ours[entry])
        assert list(mine) == list(theirs), "the same keys in the same order"
        strength, listed_strength = mine.pop("signal_strength"), theirs["signal_strength"]
        differing = {key: (value, theirs[key]) for key, value in mine.items() if theirs[key] != value}
        assert differing == {}, entry
        assert strength == pytest.approx(listed_strength, abs=SAME_STRENGTH), entry


def test_the_same_inputs_give_the_same_bytes(recordings: Path) -> None:
    assert msgspec.json.encode(run(recordings)) == msgspec.json.encode(run(recordings))
