"""What a command leaves on the disk."""

import asyncio

import pytest

from polyterm.core.command import Command
from polyterm.core.event import Event, EventId, TradingStateChanged
from polyterm.errors import StoreError
from polyterm.service import commands as commands_module
from polyterm.service.commands import Commands
from polyterm.service.latch import Latched
from tests.waiting import eventually


class Disk:
    """Takes nothing while it is ``full``."""

    def __init__(self) -> None:
        self.full = True
        self.tries = 0
        self.kept: list[str] = []

    def write(self, latched: Latched) -> None:
        self.tries += 1
        if self.full:
            raise StoreError("no room")
        self.kept.append(latched.state)


def paused(command: Command) -> list[Event]:
    return [
        TradingStateChanged(
            EventId("s1", 1, 0), 5, "RUNNING", "PAUSED", command.id, command.actor, command.origin, command.reason
        )
    ]


async def test_a_state_that_found_no_room_is_latched_once_there_is_some(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(commands_module, "RETRY_S", 0.01)
    disk, told = Disk(), ["?"]
    commands = Commands(disk, apply=paused, trading_state=lambda: "PAUSED", announce=lambda _: None, tell=told.append)
    running = asyncio.create_task(commands.run())
    ack = await commands.send(Command("c1", "pause", "store", "store", "the disk is full"))
    assert "would not outlive a restart" in ack.reason
    await eventually(lambda: disk.tries > 2)
    assert told[-1] == "no room"
    disk.full = False
    await eventually(lambda: told[-1] == "")
    assert disk.kept == ["PAUSED"]
    assert caplog.text.count("latch not written") == 1
    running.cancel()
    await commands.close()
