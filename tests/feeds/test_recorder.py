"""The recorder: what it keeps, how it rotates, and that it never makes a feed wait."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from polyterm.errors import ConfigError
from polyterm.feeds import recorder as recorder_module
from polyterm.feeds.recorder import Recorder
from polyterm.feeds.recording import Header, Heard, decode_header, decode_heard
from polyterm.store.tickfile_text import read_lines
from polyterm.transport.clock import ManualClock, system_clock
from polyterm.transport.health import FeedHealth
from polyterm.transport.socket import supervise
from tests.waiting import eventually

NOW_MS = 1_790_000_100_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "FLUSH_EVERY_S", 0.01)
    monkeypatch.setattr(recorder_module, "RETRY_S", 0.01)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Where to record: a folder that does not exist yet."""
    return tmp_path / "raw"


def made(folder: Path, **options: object) -> Recorder:
    options = {"file_bytes": 2**20, **options}
    return Recorder(folder, ManualClock(NOW_MS), coins=("btc",), horizon="15m", **options)


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[Recorder]:
    task = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    try:
        yield recorder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def written(folder: Path) -> list[tuple[Header, list[Heard]]]:
    """File by file, in the order of their names; one that nothing reached is left out."""
    files = []
    for path in sorted(path for path in folder.iterdir() if path.stat().st_size):
        header, *lines = [line for _, line in read_lines(path, may_be_cut=True)]
        files.append((decode_header(header), [decode_heard(line) for line in lines]))
    return files


async def test_what_is_heard_is_on_the_disk_with_both_times(raw: Path) -> None:
    async with running(made(raw)) as recorder:
        recorder.hear("open", "binance", "example.org")
        recorder.hear("frame", "binance", "example.org", '{"text":"é\\n"}')
        recorder.hear("answer", "rest", "example.org", "[]", "/book?token_id=1")
    ((header, heard),) = written(raw)
    assert (header.part, header.speed, header.coins, header.horizon) == (1, 1.0, ("btc",), "15m")
    assert [(one.kind, one.feed, one.text, one.what, one.market_ms) for one in heard] == [
        ("open", "binance", "", "", NOW_MS),
        ("frame", "binance", '{"text":"é\\n"}', "", NOW_MS),
        ("answer", "rest", "[]", "/book?token_id=1", NOW_MS),
    ]
    assert all(one.wall_ms >= header.run for one in heard)


async def test_files_are_rotated_by_size_and_count_their_parts(raw: Path) -> None:
    async with running(made(raw, file_bytes=2_000)) as recorder:
        for number in range(5):
            recorder.hear("frame", "binance", "h", f"{number}" + random.Random(number).randbytes(2_000).hex())
            await eventually(lambda: not recorder._waiting)
    files = written(raw)
    assert [header.part for header, _ in files] == list(range(1, len(files) + 1))
    assert len(files) >= 4
    assert [one.text[0] for _, heard in files for one in heard] == list("01234")
    assert len({header.run for header, _ in files}) == 1


async def test_a_new_hour_is_a_new_file(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "FILE_SECONDS", 1e-3)  # every millisecond of the wall is an hour of its own
    async with running(made(raw)) as recorder:
        for number in range(3):
            recorder.hear("frame", "binance", "h", str(number))
            await eventually(lambda: not recorder._waiting)
    assert [one.text for _, heard in written(raw) for one in heard] == ["0", "1", "2"]
    assert len(written(raw)) >= 2


async def test_what_the_disk_does_not_take_is_dropped_counted_and_marked(raw: Path) -> None:
    recorder = made(raw, waiting_bytes=100)
    for number in range(10):
        recorder.hear("frame", "binance", "h", f"{number}" * 30)
    assert (recorder.dropped, recorder.health.row().gaps) == (7, 7)
    async with running(recorder):
        await eventually(lambda: not recorder._waiting)
        recorder.hear("frame", "binance", "h", "after")
    ((_, heard),) = written(raw)
    assert [(one.kind, one.text[:5]) for one in heard] == [
        ("frame", "00000"), ("frame", "11111"), ("frame", "22222"), ("lost", "7"), ("frame", "after"),
    ]  # fmt: skip


async def test_a_disk_that_fails_is_said_and_recording_goes_on_in_a_new_file(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, failing = recorder_module._Files._put, [True]

    def full(self, file, data):
        if failing[0]:
            raise OSError(28, "No space left on device")
        put(self, file, data)

    monkeypatch.setattr(recorder_module._Files, "_put", full)
    async with running(made(raw)) as recorder:
        recorder.hear("frame", "binance", "h", "lost")
        await eventually(lambda: recorder.health.row().state == "down")
        assert recorder.health.row().reason == "the recording cannot be written (No space left on device)"
        assert recorder.dropped == 1
        failing[0] = False
        recorder.hear("frame", "binance", "h", "kept")
        await eventually(lambda: recorder.health.row().state == "live")
    ((header, heard),) = written(raw)
    assert header.part == 2
    assert [(one.kind, one.text) for one in heard] == [("lost", "1"), ("frame", "kept")]


def test_a_file_that_was_cut_off_gives_all_that_was_flushed(raw: Path) -> None:
    files = made(raw)._files
    files.write([Heard("frame", "binance", NOW_MS, NOW_MS, text="first")])
    files.write([Heard("frame", "binance", NOW_MS, NOW_MS, text="second")])
    (path,) = raw.iterdir()
    flushed = path.read_bytes()
    files.close()
    both = ["first", "second"]
    for data, texts in ((path.read_bytes(), both), (flushed, both), (flushed[:-3], both[:1])):
        path.write_bytes(data)
        ((_, heard),) = written(raw)
        assert [one.text for one in heard] == texts


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "absent" / "raw"):
        with pytest.raises(ConfigError, match="for the recording cannot be made"):
            made(folder)
    if os.geteuid():
        (tmp_path / "locked").mkdir(0o500)
        with pytest.raises(ConfigError, match="for the recording cannot be written to"):
            made(tmp_path / "locked")


class Overheard:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []

    def hear(self, kind: str, feed: str, host: str, text: str = "", what: str = "") -> None:
        self.heard.append((kind, feed, text))


class Deaf:
    """A channel that understands nothing."""

    name = "deaf"
    keepalive = None

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self) -> str:
        return self._url

    def on_open(self, send) -> None:
        send("a secret")

    def on_text(self, text: str) -> bool:
        raise ValueError("malformed")

    def on_close(self) -> None:
        pass


async def test_a_supervised_socket_is_overheard_before_anything_decodes_it() -> None:
    async def venue(socket: ServerConnection) -> None:
        await socket.send("one")
        await socket.send(b"two")
        await socket.wait_closed()

    tap, clock = Overheard(), system_clock()
    async with serve(venue, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        channel = Deaf(f"ws://127.0.0.1:{port}")
        health = FeedHealth("deaf", clock)
        task = asyncio.create_task(supervise(channel, health, clock, random.Random(1), silence_s=5, tap=tap))
        await eventually(lambda: health.malformed == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert tap.heard == [
        ("open", "deaf", ""), ("frame", "deaf", "one"), ("frame", "deaf", "two"), ("close", "deaf", ""),
    ]  # fmt: skip
