"""The only thing that travels up: what an operator asks of the engine, and the answer."""

from typing import Literal

import msgspec

CommandKind = Literal["kill", "pause", "resume"]
TradingState = Literal["RUNNING", "PAUSED", "KILLED"]


class Command(msgspec.Struct, frozen=True, tag="command"):
    """``id`` makes a repeated command harmless; ``origin`` is one of console, socket, cli, latch, store."""

    id: str
    kind: CommandKind
    actor: str
    origin: str
    reason: str = ""


class Ack(msgspec.Struct, frozen=True):
    """``event`` identifies the state change that the command caused, None when it changed nothing."""

    command_id: str
    accepted: bool
    reason: str
    state: TradingState
    event: str | None = None
