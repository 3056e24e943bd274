"""A run on the simulator, recorded, stored, and repeated twice: from its frames and from its inputs."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.tick import Tick
from polyterm.errors import ConfigError
from polyterm.feeds.recorder import SUFFIX
from polyterm.service import runtime as runtime_module
from polyterm.service.recordings import read_raw
from polyterm.service.runtime import Runtime
from polyterm.service.verification import verify_session
from polyterm.settings import Settings
from polyterm.sim.box import Box
from polyterm.store.rows import Row
from polyterm.store.tick_rows import tick_from_row
from polyterm.store.tickfile_text import read_lines
from polyterm.transport.clock import ManualClock
from tests.service.engines import short_folder
from tests.waiting import eventually

EPOCH = 1_790_000_100
END = EPOCH + 300
STEP_MS = 200


class Run:
    """What a run left behind: what its engine was given, the recording, the database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = folder / "raw"
        self.database = folder / "data" / "polyterm.db"
        self.given: list[tuple[int, Payload]] = []

    @property
    def ticks(self) -> list[Tick]:
        return [payload for _, payload in self.given if isinstance(payload, Tick)]


def settings(box: Box, run: Run) -> Settings:
    at = msgspec.to_builtins(box.endpoints)
    return Settings(
        _env_file=None,
        coins=("btc", "xrp"),
        horizon="5m",
        data_dir=run.folder / "data",
        runtime_dir=run.folder / "run",
        feeds=at["feeds"],
        credentials=at["credentials"],
        recorder={"folder": run.raw},
    )


async def walk(box: Box, clock: ManualClock, run: Run, to_ms: int) -> None:
    """Let the world, and the engine's clock with it, come to that moment, with time to read what was sent."""
    while box.now_ms < to_ms:
        await box.step(STEP_MS)
        clock.advance_to(box.now_ms)
        for _ in range(10):
            await asyncio.sleep(0)
        await asyncio.sleep(0.002)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def run() -> AsyncIterator[Run]:
    """From 80 s before a window's end to 50 s after it, on a clock that the test moves, with a broken connection."""
    with short_folder() as folder, pytest.MonkeyPatch.context() as patch:
        found = Run(folder)
        clock = ManualClock((END - 80) * 1000)
        patch.setattr(runtime_module, "ScaledClock", lambda **_: clock)
        async with Box(seed=5, market0_ms=clock.market_ms(), horizon="5m", coins=("btc", "xrp")) as box:
            runtime, stop = Runtime(settings(box, found)), asyncio.Event()
            taken = runtime._sequencer._submit

            def submit(item, events):
                found.given.append((item.at_ms, item.payload))
                taken(item, events)

            runtime._sequencer._submit = submit
            task = asyncio.create_task(runtime.run(stop))
            await eventually(lambda: runtime.view.phase == "running")
            while not any(tick.invalid is None for tick in found.ticks):
                assert box.now_ms < (END - 20) * 1000, [tick.invalid for tick in found.ticks]
                await walk(box, clock, found, box.now_ms + 1000)
            box.faults.on("disconnect", venue="market", for_s=0.1)
            await eventually(lambda: runtime.view.sources.rows()[1].state != "live")
            await eventually(lambda: runtime.view.sources.rows()[1].state == "live")
            await walk(box, clock, found, (END + 50) * 1000)
            stop.set()
            await task
        yield found


def from_frames(path: Path) -> list[tuple[int, Payload]]:
    return list(read_raw(path))


async def test_the_frames_give_the_very_inputs_that_the_engine_was_given(run: Run) -> None:
    """With a clock that stands still between frames even the ages are equal; on a real one they may differ by the time
    between receiving a frame and decoding it."""
    again = from_frames(run.raw)
    kinds = {type(payload) for _, payload in again}
    assert kinds == {Tick, WindowOpened, WindowEnded, Outcome}
    ticks = [payload for _, payload in again if isinstance(payload, Tick)]
    assert len(ticks) > 150
    assert sum(tick.invalid is None for tick in ticks) > 100
    assert {tick.key.epoch for tick in ticks} == {EPOCH, END}
    for mine, live in zip(ticks, run.ticks, strict=True):
        assert mine == live
    assert again == run.given


async def test_the_frames_give_the_very_ticks_that_were_stored(run: Run) -> None:
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.row_factory = sqlite3.Row
        rows: list[Row] = [dict(row) for row in connection.execute("SELECT * FROM ticks")]
    connection.close()
    stored = {(tick.key.coin, tick.slot): tick for tick in map(tick_from_row, rows)}
    again = {(tick.key.coin, tick.slot): tick for _, tick in from_frames(run.raw) if isinstance(tick, Tick)}
    assert again == stored


async def test_the_session_on_the_simulator_is_verified(run: Run) -> None:
    result = await verify_session(run.database, None)
    assert (result.verdict, result.inputs) == ("verified", len(run.given))
    assert [(str(window.key), window.finding) for window in result.windows] == [
        (f"btc-5m-{EPOCH}", "equal"), (f"xrp-5m-{EPOCH}", "equal"),
    ]  # fmt: skip


async def test_a_part_that_is_missing_leaves_books_in_doubt_until_whole_ones_come(run: Run, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(run.raw, raw)
    (path,) = raw.iterdir()
    lines = [line for _, line in read_lines(path, longest=2**24)]
    middle = len(lines) // 2
    header = json.loads(lines[0])
    path.unlink()
    for part, chunk in ((1, lines[1:middle]), (3, lines[middle:])):
        text = "\n".join([json.dumps({**header, "part": part}, separators=(",", ":")), *chunk]) + "\n"
        (raw / f"{part}{SUFFIX}").write_text(text, encoding="utf-8")
    whole = {(tick.key, tick.slot): tick for tick in run.ticks}
    ticks = [payload for _, payload in from_frames(raw) if isinstance(payload, Tick)]
    assert len(ticks) == len(run.ticks)
    before = [tick for tick in ticks if tick == whole[tick.key, tick.slot]]
    assert len(before) > 50
    changed = [tick for tick in ticks if tick != whole[tick.key, tick.slot]]
    assert changed
    assert all(tick.invalid is not None for tick in changed)


def test_the_command_replays_a_recording(run: Run) -> None:
    command = [sys.executable, "-m", "polyterm", "replay", str(run.raw), "--json", "--coins", "btc"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["ticks"], result["windows"]) == (len(run.ticks) // 2, 2)


def test_what_is_no_recording_is_a_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "raw"
    empty.mkdir()
    with pytest.raises(ConfigError, match="holds no recording"):
        from_frames(empty)
    header = '{"polyterm_recording":1,"run":1,"part":1,"speed":1.0,"coins":["btc"],"horizon":"15m"}'
    for text, wrong in (
        (header.replace(":1,", ":2,", 1), "line 1: recorded in format 2, this polyterm knows 1"),
        (f"{header}\n{{}}\n", "line 2: Object missing required field `kind`"),
        ('{"kind":"slot"}\n', "line 1: no header came before it"),
    ):
        file = empty / f"1{SUFFIX}"
        file.write_text(f"{text}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=wrong):
            from_frames(file)
