"""The trading state: what commands make of it, and which of them change nothing."""

from collections import OrderedDict
from typing import Final

import msgspec

from polyterm.core.command import Command, CommandKind, TradingState

REMEMBERED_COMMANDS: Final = 1024

_AFTER: Final[dict[CommandKind, TradingState]] = {"kill": "KILLED", "pause": "PAUSED", "resume": "RUNNING"}
_ALREADY: Final[dict[TradingState, str]] = {
    "KILLED": "already killed",
    "PAUSED": "already paused",
    "RUNNING": "already running",
}


class Change(msgspec.Struct, frozen=True):
    before: TradingState
    after: TradingState


class Refusal(msgspec.Struct, frozen=True):
    reason: str


def transition(state: TradingState, kind: CommandKind) -> Change | Refusal:
    """Kill works from every state; a pause does not loosen a kill."""
    after = _AFTER[kind]
    if after == state:
        return Refusal(_ALREADY[state])
    if kind == "pause" and state == "KILLED":
        return Refusal("killed: resume first")
    return Change(state, after)


class SwitchState(msgspec.Struct, frozen=True):
    """``seen`` are the ids of the newest commands, oldest first."""

    state: TradingState = "RUNNING"
    reason: str = ""
    seen: tuple[str, ...] = ()


class TradingSwitch:
    """RUNNING: all goes on. PAUSED: no entries. KILLED: no entries and no exits. Settlement never asks."""

    def __init__(self) -> None:
        self.state: TradingState = "RUNNING"
        self.reason = ""
        self._seen: OrderedDict[str, None] = OrderedDict()

    def apply(self, command: Command) -> Change | Refusal | None:
        """What the command did; None when one with its id was applied before."""
        if command.id in self._seen:
            return None
        self._seen[command.id] = None
        if len(self._seen) > REMEMBERED_COMMANDS:
            self._seen.popitem(last=False)
        result = transition(self.state, command.kind)
        if isinstance(result, Change):
            self.state = result.after
            self.reason = command.reason
        return result

    def saved(self) -> SwitchState:
        return SwitchState(self.state, self.reason, tuple(self._seen))

    def restore(self, saved: SwitchState) -> None:
        self.state, self.reason = saved.state, saved.reason
        self._seen = OrderedDict.fromkeys(saved.seen)

    @property
    def entries_allowed(self) -> bool:
        return self.state == "RUNNING"

    @property
    def exits_allowed(self) -> bool:
        return self.state != "KILLED"
