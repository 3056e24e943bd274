"""The panes as sentences: every figure is there, and nothing that a screen reader would stumble over."""

import msgspec
import pytest

from polyterm.console.latest import View
from polyterm.console.layout import Column
from polyterm.console.view import leaderboard, positions, ticks
from polyterm.console.view.spoken import spoken
from polyterm.core.snapshot import SnapshotDelta
from polyterm.service.link.port import Connection
from tests.console import scenes


def view_of(delta: SnapshotDelta, **more: object) -> View:
    sections = {name: value for name, value in msgspec.structs.asdict(delta).items() if value is not None}
    return View(
        now=0.0, connection=Connection("connected", "test"), market_ms=scenes.NOW_MS, data_age_s=0.0, **sections, **more
    )


FULL = view_of(scenes.FULL, events=scenes.EVENTS)


def section(view: View, title: str) -> list[str]:
    lines = list(spoken(view))
    start = lines.index(f"{title}:") + 1
    return lines[start : lines.index("", start) if "" in lines[start:] else None]


def test_status_in_four_lines() -> None:
    assert section(FULL, "Status") == [
        "PAPER, RUNNING",
        "P&L today +97.35 costed, +148.20 touch, exposure $217.00 in 4",
        "15m window ends in 07:31, store ok, engine connected",
        "14:22:29 UTC, engine 84 microseconds per input, clock +38 ms, 17,344 inputs, session 20261122-141003",
    ]
    killed = section(view_of(scenes.KILLED), "Status")
    assert killed[0] == "PAPER, KILLED"
    assert killed[3].startswith("No entries, no exits.")
    assert killed[4].startswith("14:22:29 UTC, engine 84 microseconds per input")


def test_feeds_say_what_is_wrong_with_them() -> None:
    assert section(view_of(scenes.FEED_DOWN), "Feeds") == [
        "binance: live, data 0.2s old, 412 messages a second",
        "polymarket: down, data 12s old, cannot connect: connection refused, retry in 4s",
        "chainlink: stale, data 3m old, no data",
        "settlement: off, no credentials",
    ]


def test_directions_gaps_and_doubts_are_words() -> None:
    btc, eth, sol, xrp = section(FULL, "Ticks")
    assert btc.startswith("BTC 15m: spot 97,123.4, strike 97,016.6, graded oracle, distance +0.090%, Up bid size 210,")
    assert "distance -0.185%" in eth
    assert "not tradable: only one side is quoted" in sol
    assert "strike none" in xrp
    stale = section(view_of(scenes.STALE), "Ticks")[0]
    assert "spot stale 97,123.4" in stale
    assert "not tradable: no tick for 31s" in stale


def test_who_opposes_whom_and_who_stands_where() -> None:
    told = section(FULL, "Conflicts")
    assert told[2] == "SpotLag_Aggressive opposed: Endgame_Aggressive 5 of 5 windows, 100%"
    assert told[-3:] == [
        "both sides bought, BTC 33%, ETH 50%, SOL 0%, XRP none",
        "BTC now up 2 SpotLag 2, down 1 SpotLag",
        "ETH now up 0, down 1 SpotLag",
    ]


@pytest.mark.parametrize(
    ("title", "rows_of", "specs", "drawn"),
    [
        ("Ticks", ticks.tick_rows, ticks.COLUMNS, {"coin", "path", "distance", "state"}),
        (
            "Leaderboard, by costed P&L",
            leaderboard.leaderboard_rows,
            leaderboard.COLUMNS,
            {"equity", "interval", "last"},
        ),
        ("Open positions", positions.position_rows, positions.COLUMNS, {"side", "closes"}),
    ],
)
def test_every_figure_of_the_pane_is_told(title: str, rows_of, specs, drawn: set[str]) -> None:
    """``drawn`` columns are put into other words."""
    told = section(FULL, title)
    for spec in specs:
        if spec.key in drawn:
            continue
        column = Column(spec.key, spec.title, 6 if spec.key == "left" else 60, "left")
        for line, row in zip(told, rows_of(FULL, (column,)), strict=True):
            figure = row.cells[0].text.strip().lstrip("*✗ ")
            assert figure == "–" or figure in line, (spec.key, line)


@pytest.mark.parametrize("delta", [scenes.FULL, scenes.EMPTY, scenes.STALE, scenes.FEED_DOWN, scenes.CROWDED])
def test_nothing_is_drawn(delta: SnapshotDelta) -> None:
    for line in spoken(view_of(delta, events=scenes.EVENTS)):
        assert line == line.strip()
        assert not set(line) - set("¢“”") - {chr(code) for code in range(32, 127)}, line


def test_what_is_empty_says_what_will_be_there() -> None:
    told = list(spoken(view_of(scenes.EMPTY)))
    assert "BTC 15m: looking for its window" in told
    assert any(line.startswith("Opposite sides appear here") for line in told)
    assert any(line.startswith("Nothing is open.") for line in told)
    nothing = View(now=0.0, connection=Connection("connecting", "test"))
    assert {"Ticks:", "Conflicts:", "none"} <= set(spoken(nothing))
