import errno
import json
import os
from pathlib import Path

import pytest

from polyterm.core.command import Command
from polyterm.errors import StoreError
from polyterm.service import latch as latch_module
from polyterm.service.latch import Latch, Latched, opening

KILLED = Latched("KILLED", "spread looks wrong", "ann", 1_790_000_000_000, "c7")


@pytest.fixture
def latch(tmp_path: Path) -> Latch:
    return Latch(tmp_path / "x.latch.json")


def test_a_first_start_runs(latch: Latch) -> None:
    latch.begin()
    assert opening(latch.read()) is None


def test_a_start_keeps_the_latch_that_is_there(latch: Latch) -> None:
    latch.write(KILLED)
    latch.begin()
    assert latch.read() == KILLED


def test_a_latch_that_was_deleted_does_not_resume_trading(latch: Latch) -> None:
    command = opening(latch.read())
    assert command is not None
    assert command.kind == "kill"
    assert "is gone" in command.reason


@pytest.mark.parametrize(("state", "kind"), [("KILLED", "kill"), ("PAUSED", "pause")])
def test_a_latched_state_is_commanded_again(latch: Latch, state: str, kind: str) -> None:
    latch.write(Latched(state, "because", "ann", 5, "c7"))  # type: ignore[arg-type]
    assert opening(latch.read()) == Command("latch-c7", kind, "ann", "latch", "because")  # type: ignore[arg-type]


def test_after_a_resume_nothing_is_commanded(latch: Latch) -> None:
    latch.write(KILLED)
    latch.write(Latched("RUNNING", "", "ann", 6, "c8"))
    assert opening(latch.read()) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b'{"state":"RUNNING"}', b'{"state":"running"}', b"\xff\xfe", b'"RUNNING"'],
)
def test_a_latch_that_cannot_be_trusted_kills(latch: Latch, content: bytes) -> None:
    latch.path.write_bytes(content)
    command = opening(latch.read())
    assert command is not None
    assert (command.kind, command.origin) == ("kill", "latch")
    assert str(latch.path) in command.reason


def test_a_folder_in_its_place_kills(latch: Latch) -> None:
    latch.path.mkdir()
    command = opening(latch.read())
    assert command is not None
    assert command.kind == "kill"


def test_a_write_that_fails_leaves_the_old_state(latch: Latch, monkeypatch: pytest.MonkeyPatch) -> None:
    latch.write(KILLED)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        latch.write(Latched("RUNNING", "", "ann", 6, "c8"))
    assert json.loads(latch.path.read_text())["state"] == "KILLED"


@pytest.mark.parametrize("state", ["KILLED", "PAUSED"])
def test_a_full_disk_has_room_for_what_stops_trading(latch: Latch, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    latch.begin()
    monkeypatch.setattr(latch_module, "_write_durably", full)
    stopped = Latched(state, "the disk is full", "store", 5, "c9")  # type: ignore[arg-type]
    latch.write(stopped)
    assert latch.read() == stopped
    with pytest.raises(StoreError, match="No space left"):
        latch.write(Latched("RUNNING", "", "ann", 6, "c10"))
    assert latch.read() == stopped


def test_only_the_owner_can_read_it(latch: Latch) -> None:
    latch.write(KILLED)
    assert latch.path.stat().st_mode & 0o777 == 0o600
