"""``polyterm conflicts`` as it is typed, and the map that it draws."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from polyterm.cli import cli
from polyterm.cli.conflict_map import conflict_map
from polyterm.core.market import MarketKey
from polyterm.core.position import Trade
from polyterm.errors import ConfigError
from polyterm.store.location import locate, located
from polyterm.store.store import Store
from tests.store.builders import KEY, SESSION, closed, settled, taken

ETH = MarketKey("eth", "15m", KEY.epoch)
LATER = KEY.next()


def down(trade: Trade) -> Trade:
    return msgspec.structs.replace(trade, side="down")


TRADES = (
    settled("A"),
    settled("A", second=40),
    down(settled("B", won=False)),
    settled("A", key=LATER),
    settled("B", key=LATER),
    settled("A", key=ETH),
)


async def store_all(place, trades: tuple[Trade, ...]) -> None:
    store = await Store.open(place, session=SESSION, on_durable=lambda _: None)
    running = asyncio.create_task(store.run())
    store.submit(taken(), [closed(number, trade) for number, trade in enumerate(trades, 1)])
    await store.close()
    await running


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("COLUMNS", "160")
    path = tmp_path / "polyterm.db"
    asyncio.run(store_all(located(path), TRADES))
    return lambda *arguments: CliRunner().invoke(
        cli, ["conflicts", "--db", str(path), *arguments], catch_exceptions=False
    )


def pair(found: Result) -> tuple[int, int, int, float]:
    (one,) = json.loads(found.output)["pairs"]
    return one["met"], one["agreed"], one["conflicted"], one["pnl"]


def test_a_window_is_a_meeting_and_so_is_on_demand_each_pair_of_trades(run):
    """A has two trades in the first window, against one of B: +60 +60 -40; in the next they agree: +60 +60."""
    assert pair(run("--json")) == (2, 1, 1, 200.0)
    assert pair(run("--json", "--by", "trade")) == (3, 1, 2, 200.0)


def test_times_and_coins_choose_windows_by_their_start(run):
    found = json.loads(run("--json", "--coins", "eth").output)
    assert (found["windows"], found["trades"], found["conflicted"]) == (1, 1, 0)
    assert pair(run("--json", "--from", str(LATER.epoch))) == (1, 1, 0, 120.0)
    assert pair(run("--json", "--to", str(LATER.epoch))) == (1, 0, 1, 80.0)
    assert json.loads(run("--json", "--hours", "1").output)["trades"] == 0, "they are of January"


def test_netting_keeps_the_surplus(run):
    """200 up earned 120, half of it is left beside 100 down; the other windows have one side each."""
    found = json.loads(run("--json").output)
    assert found["parts"]["touch"] == 60 + 60 - 40 + 60 + 60 + 60
    assert found["netted"]["touch"] == 60 + 120 + 60


def test_people_get_tables_and_a_map(run):
    told = run().output
    assert "6 trades in 3 windows; both sides were bought in 1 (33.3 %)." in told
    assert "A meeting is a window that both traded, by the side of their first trade there." in told
    assert "1 A   \\  50" in told
    assert "sum of the parts  +260.00" in told
    assert "netted            +240.00" in told
    assert "There are no two camps." in told


def test_without_trades_it_says_what_to_do(run):
    assert "No trade was closed in that time" in run("--hours", "1").output


@pytest.mark.parametrize(
    "arguments", [("--hours", "2", "--from", "2026-01-01"), ("--by", "coin"), ("--camps-at", "100")]
)
def test_what_makes_no_sense_is_refused(run, arguments):
    assert run(*arguments).exit_code == 2


def test_no_database_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="There is no database"):
        CliRunner().invoke(cli, ["conflicts", "--db", str(tmp_path / "none.db")], catch_exceptions=False)


def test_postgresql_says_the_same(run, postgres, tmp_path):
    asyncio.run(store_all(locate(postgres, tmp_path), TRADES))
    there = CliRunner().invoke(cli, ["conflicts", "--db", postgres, "--json"], catch_exceptions=False)
    assert json.loads(there.output) == json.loads(run("--json").output)


# The map

SHARES = {("A", "B"): 0.0, ("A", "C"): 0.349, ("B", "C"): 1.0}


def share(one: str, other: str) -> float | None:
    return SHARES.get((one, other), SHARES.get((other, one)))


def test_a_map_with_room_shows_percent():
    assert list(conflict_map(["A", "B", "C", "D"], share, 80)) == [
        "      1   2   3   4",
        "1 A   \\   0  35   ·",
        "2 B   0   \\ 100   ·",
        "3 C  35 100   \\   ·",
        "4 D   ·   ·   ·   \\",
        "in conflict: percent; · never met, \\ itself",
    ]


def test_a_narrow_map_shows_tens_of_percent():
    names = ["A long name of it", "B", "C"]
    lines = list(conflict_map(names, lambda one, other: share(one[0], other[0]), 20))
    assert lines[1:] == [
        "                 123",
        "1 A long name of \\03",
        "2 B              0\\#",
        "3 C              3#\\",
        "in conflict: tens of percent, # always; · never met, \\ itself",
    ]


def test_a_map_that_is_still_too_wide_comes_in_parts():
    names = [f"S{number:02}" for number in range(40)]
    lines = list(conflict_map(names, lambda *_: 0.5, 30))
    assert max(map(len, lines[:-1])) <= 30
    assert len(lines) == 2 * (2 + 40) + 1  # 23 columns beside names of 3, at a time


def test_nobody_needs_no_map():
    assert list(conflict_map([], share, 80)) == []
