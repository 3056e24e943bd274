"""``polyterm replay`` as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from polyterm.cli.replay import command
from polyterm.cli.sources import merged
from polyterm.store.span import Stamped
from polyterm.strategies.registry import REGISTRY


def polyterm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "polyterm", "replay", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


EPOCH = 1_770_000_300


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Spot jumps by a tenth of a percent while the book sleeps; SpotLag_Fast buys at 0.50 and Up wins."""
    path = tmp_path / "ticks.jsonl"
    lines = [
        {"type": "tick", "timestamp_ms": (EPOCH + second) * 1000, "crypto": "btc", "window_epoch": EPOCH,
         "up_bid": 0.49, "up_ask": 0.5, "spot_price": 1000.0 if second < 5 else 1001.0, "price_to_beat": 1000.0}
        for second in range(1, 6)
    ]  # fmt: skip
    lines.append({"type": "window_end", "ts": (EPOCH + 900) * 1000, "crypto": "btc", "epoch": EPOCH, "outcome": "up"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_the_leaderboard_is_a_plain_table_on_stdout(recording: Path) -> None:
    done = polyterm(recording)
    assert (done.returncode, done.stderr) == (0, "")
    header, *rows, summary = done.stdout.splitlines()
    assert header.split() == ["strategy", "trades", "wins", "win", "%", "open", "P&L", "touch", "P&L", "costed"]
    # 15m markets paid 25 % of (p(1-p))^2 in February 2026: 100 * 0.25 * 0.25^2 = 1.5625
    assert [row.split() for row in rows if row.startswith("SpotLag_Fast ")] == [
        ["SpotLag_Fast", "1", "1", "100.0", "0", "+50.00", "+48.44"]
    ]
    assert summary == "ticks 5, windows 1, outcomes 1"


def test_json_and_trades(recording: Path, tmp_path: Path) -> None:
    trades = tmp_path / "trades.jsonl"
    done = polyterm(recording, "--json", "--trades", trades)
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert (result["ticks"], result["windows"], result["not_tradable"]) == (5, 1, {})
    assert len(result["leaderboard"]) == len(REGISTRY)
    made = [json.loads(line) for line in trades.read_text(encoding="utf-8").splitlines()]
    (trade,) = [trade for trade in made if trade["strategy"] == "SpotLag_Fast"]
    assert (trade["strategy"], trade["side"], trade["pnl"], trade["reason"]) == (
        "SpotLag_Fast", "up", 50.0, "window_expiry",
    )  # fmt: skip


def test_what_was_good_is_shown_before_a_bad_line_ends_it_with_2(recording: Path) -> None:
    with recording.open("a", encoding="utf-8") as file:
        file.write("{ broken\n")
    done = polyterm(recording)
    assert done.returncode == 2
    assert "SpotLag_Fast" in done.stdout
    assert done.stderr.startswith(f"polyterm: {recording}, line 7: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_broken_file_does_not_stop_the_others(recording: Path, tmp_path: Path) -> None:
    done = polyterm(tmp_path / "absent", recording)
    assert done.returncode == 2
    assert "ticks 5, windows 1" in done.stdout
    assert "absent cannot be read" in done.stderr


@pytest.mark.parametrize("arguments", [("--outcomes", "absent.csv"), ("--trades", "absent/out.jsonl")])
def test_options_that_cannot_work(recording: Path, arguments: tuple[str, str]) -> None:
    done = polyterm(recording, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert arguments[1] in done.stderr


def test_files_are_merged_by_time(recording: Path, tmp_path: Path) -> None:
    eth = tmp_path / "eth.jsonl"
    eth.write_text(recording.read_text(encoding="utf-8").replace("btc", "eth"), encoding="utf-8")
    done = polyterm(recording, eth)
    assert "ticks 10, windows 2, outcomes 2" in done.stdout


def test_events_are_written_in_their_order(recording: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    assert polyterm(recording, "--events", events).returncode == 0
    kinds = [json.loads(line)["type"] for line in events.read_text(encoding="utf-8").splitlines()]
    assert kinds[0] == "window_started"
    assert {"position_opened", "window_closed", "window_settled", "trade_closed"} <= set(kinds)


def test_verify_computes_twice_and_says_how_much_was_equal(recording: Path) -> None:
    done = polyterm(recording, "--verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Equal, byte for byte: ")
    assert f"{len(REGISTRY)} strategies over 5 ticks." in done.stdout


def test_verify_of_a_damaged_file_is_no_proof(recording: Path) -> None:
    recording.write_text(recording.read_text(encoding="utf-8") + "nonsense\n", encoding="utf-8")
    done = polyterm(recording, "--verify")
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 7" in done.stderr


def test_an_interrupt_leaves_what_is_done(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> Iterator[Stamped]:
        yield from islice(merged(*arguments), 4)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr("polyterm.cli.sources.merged", interrupted)
    result = CliRunner().invoke(command, [str(recording)], catch_exceptions=False)
    assert result.exit_code == 130
    assert "ticks 3, windows 1" in result.stdout
    assert "interrupted" in result.stderr
