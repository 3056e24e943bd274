"""``polyterm replay --watch`` on a terminal, with the child that plays."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.test_foreground import children, needs_proc, terminal
from tests.waiting import eventually

EPOCH = 1_770_000_300


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two windows of btc, a few ticks each."""
    path = tmp_path / "ticks.jsonl"
    rows = []
    for epoch in (EPOCH, EPOCH + 900):
        rows += [
            {"timestamp_ms": (epoch + second) * 1000, "crypto": "btc", "window_epoch": epoch,
             "up_bid": 0.49, "up_ask": 0.5, "spot_price": 1000.0, "price_to_beat": 1000.0}
            for second in range(1, 6)
        ]  # fmt: skip
        rows.append(
            {"type": "window_end", "ts": (epoch + 900) * 1000, "crypto": "btc", "epoch": epoch, "outcome": "up"}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@needs_proc
async def test_it_plays_stops_goes_to_a_window_and_leaves_nothing_behind(
    recording: Path, short_runtime_dir: Path
) -> None:
    async with terminal("replay", str(recording), "--watch") as console:
        await eventually(lambda: b"REPLAY" in console.written and b"window 1 of 2" in console.written, 20)
        (player,) = children(console.process.pid)
        console.type(" ")
        await eventually(lambda: b"stopped" in console.written)
        console.type("}")
        await eventually(lambda: b"window 2 of 2" in console.written)
        console.type("\x03")
        assert await console.ended() == 0
    assert not is_running(player)
    assert left_in(short_runtime_dir) == []


@needs_proc
async def test_a_killed_console_takes_the_player_along(recording: Path, short_runtime_dir: Path) -> None:
    async with terminal("replay", str(recording), "--watch") as console:
        await eventually(lambda: b"REPLAY" in console.written, 20)
        (player,) = children(console.process.pid)
        os.kill(console.process.pid, signal.SIGKILL)
        await eventually(lambda: not is_running(player), 20)
        assert left_in(short_runtime_dir) == []


async def test_what_cannot_be_played_is_a_sentence(tmp_path: Path) -> None:
    async with terminal("replay", str(tmp_path / "absent"), "--watch") as console:
        assert await console.ended() == 2
        await eventually(lambda: b"cannot be read: No such file or directory." in console.written)
        assert console.written.count(b"polyterm: ") == 1
