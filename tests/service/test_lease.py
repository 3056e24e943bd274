import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from polyterm.errors import ConfigError
from polyterm.service.lease import FileLease, this_process
from tests.waiting import eventually

HOLD = """
import asyncio, pathlib, sys
from polyterm.service.lease import FileLease, this_process
lease = FileLease(pathlib.Path(sys.argv[1]), this_process("first"))
assert asyncio.run(lease.take())
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "polyterm.db.lease"


def start_holder(path: Path) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


async def test_one_of_two_processes_holds_it_and_the_other_knows_who(path: Path) -> None:
    with start_holder(path) as holder:
        lease = FileLease(path, this_process("second"))
        assert not await lease.take()
        assert lease.holder() == f"process {holder.pid} on {socket.gethostname()} (instance first)"
        holder.send_signal(signal.SIGKILL)
        await eventually(lease.take)
    assert lease.ran_before
    assert lease.holder() == f"process {os.getpid()} on {socket.gethostname()} (instance second)"
    await lease.release()


async def test_it_can_be_taken_again_after_a_release(path: Path) -> None:
    first, second = FileLease(path, this_process("a")), FileLease(path, this_process("b"))
    assert await first.take()
    assert not first.ran_before
    assert not await second.take()
    await first.release()
    await eventually(second.take)
    await second.release()


async def test_a_folder_that_does_not_exist_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be used \(No such file or directory\): make it"):
        await FileLease(tmp_path / "absent" / "x.lease", this_process("a")).take()


async def test_a_full_disk_is_told_in_a_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lease = FileLease(path, this_process("default"))
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        await lease.take()
    monkeypatch.undo()
    assert await lease.take()  # nobody holds it
    await lease.release()


async def test_a_shorter_name_leaves_nothing_of_a_longer_one(path: Path) -> None:
    for instance in ("a-rather-long-name", "b"):
        lease = FileLease(path, this_process(instance))
        assert await lease.take()
        assert lease.holder().endswith(f"(instance {instance})")
        await lease.release()
