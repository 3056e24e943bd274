"""All that an engine knows between two inputs, so that another one can go on from there."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from polyterm.engine.conflicts import ConflictsState
from polyterm.engine.desk import DeskState
from polyterm.engine.scoreboard import ScoreboardState
from polyterm.engine.trading import SwitchState
from polyterm.strategies.entry import Entry

VERSION: Final = 1
"""Of what is below and of everything it is made of: one more with every change that an older reader would not get."""


class CheckpointError(ValueError):
    """A checkpoint cannot be read; the message is the end of a sentence."""


class StrategyState(msgspec.Struct, frozen=True):
    """``declared`` is all that its line in the table of strategies says of it."""

    name: str
    declared: str
    disabled: str | None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever restores an engine from it gives it away: windows and sums in it go on changing."""

    strategies: tuple[StrategyState, ...]
    switch: SwitchState
    scoreboard: ScoreboardState
    conflicts: ConflictsState
    desks: tuple[DeskState, ...]

    def resumed(self) -> "Checkpoint":
        """For a new session: who was disabled tries again, and the trading state is what its own commands make it."""
        strategies = tuple(msgspec.structs.replace(strategy, disabled=None) for strategy in self.strategies)
        totals = tuple(msgspec.structs.replace(total, disabled=None) for total in self.scoreboard.totals)
        scoreboard = msgspec.structs.replace(self.scoreboard, totals=totals)
        return msgspec.structs.replace(self, strategies=strategies, switch=SwitchState(), scoreboard=scoreboard)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Checkpoint)


def encode(checkpoint: Checkpoint) -> bytes:
    return _encoder.encode(checkpoint)


def decode(encoded: bytes, version: int = VERSION) -> Checkpoint:
    """Raises CheckpointError when it was written by another ``version`` or is damaged."""
    if version != VERSION:
        raise CheckpointError(f"it has version {version}, this polyterm reads {VERSION}")
    try:
        return _decoder.decode(encoded)
    except (msgspec.DecodeError, ValueError) as error:
        raise CheckpointError(f"it is damaged ({error})") from None


def declared(entry: Entry) -> str:
    """By this two entries are told apart that have the same name."""
    factory = entry.factory
    made_by = f"{factory.__module__}.{getattr(factory, '__qualname__', type(factory).__qualname__)}"
    return f"{made_by} {msgspec.json.encode((entry.parameters, entry.limits)).decode()}"


def unchanged(saved: Checkpoint, entries: Iterable[Entry]) -> frozenset[str]:
    """The names of those that are what they were."""
    then = {strategy.name: strategy.declared for strategy in saved.strategies}
    return frozenset(entry.name for entry in entries if then.get(entry.name) == declared(entry))


def farewells(saved: Checkpoint, entries: Sequence[Entry]) -> Iterator[str]:
    """A sentence for every strategy of then that is not among the ``entries`` as it was."""
    names, same = {entry.name for entry in entries}, unchanged(saved, entries)
    positions = [seat.holding for desk in saved.desks for seat in desk.seats if seat.holding is not None]
    for strategy in saved.strategies:
        if strategy.name in same:
            continue
        number = sum(position.strategy == strategy.name for position in positions)
        keeps = f"; its {number} open positions are held to the end of their windows" if number else ""
        became = "is declared differently now and begins anew" if strategy.name in names else "is no strategy any more"
        yield f"{strategy.name} {became}{keeps}."
