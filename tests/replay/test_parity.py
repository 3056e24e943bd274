"""Trade by trade against the list that the rules give on one window of four coins."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polyterm.core.event import Event, TradeClosed
from polyterm.engine.engine import Engine
from polyterm.engine.records import record
from polyterm.engine.replay import replay
from polyterm.store.tickfiles import read_ticks

OURS = (
    "SpotLagSimple", "SpotLag_Fast", "SpotLag_Confirmed", "SpotLag_Aggressive",
    "Endgame", "Endgame_Conservative", "Endgame_Aggressive", "Endgame_Safe", "Endgame_Momentum",
)  # fmt: skip


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
    return by_entry([trade for trade in trades if trade["strategy"] in OURS])


@pytest.fixture(scope="module")
def ours(recordings: Path) -> dict[tuple[str, str, int], dict[str, Any]]:
    records = [record(event.trade) for event in run(recordings) if isinstance(event, TradeClosed)]
    return by_entry(msgspec.to_builtins(records))


def test_the_same_trades_are_made(listed: dict[Any, Any], ours: dict[Any, Any]) -> None:
    assert len(listed) == 36
    assert sorted(ours) == sorted(listed)


def test_every_key_of_every_trade_is_equal(listed: dict[Any, Any], ours: dict[Any, Any]) -> None:
    for entry, theirs in listed.items():
        mine = ours[entry]
        assert list(mine) == list(theirs), "the same keys in the same order"
        differing = {key: (mine[key], value) for key, value in theirs.items() if mine[key] != value}
        assert differing == {}, entry


def test_the_same_inputs_give_the_same_bytes(recordings: Path) -> None:
    assert msgspec.json.encode(run(recordings)) == msgspec.json.encode(run(recordings))
