"""The one place where inputs enter the engine: numbered without gaps, stamped in market time, applied at once."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from polyterm.core.event import Event
from polyterm.core.input import Input, Payload
from polyterm.core.tick import Tick
from polyterm.transport.clock import Clock

_MEASURED_INPUTS: Final = 64

Submit = Callable[[Input, Sequence[Event]], None]
Watch = Callable[[Payload], None]


class Applies(Protocol):
    def apply(self, item: Input) -> list[Event]: ...


class Counts(NamedTuple):
    """How far a sequencer has come."""

    inputs: int
    ticks: int
    events: int
    at_ms: int


class Sequencer:
    """``watch`` sees every payload, ``submit`` gets every input with what came of it; neither may block."""

    def __init__(self, engine: Applies, clock: Clock, *, watch: Watch, submit: Submit) -> None:
        self.inputs = 0
        self.ticks = 0
        self.events = 0
        self._engine = engine
        self._clock = clock
        self._watch = watch
        self._submit = submit
        self._at_ms = 0
        self._costs_s: deque[float] = deque(maxlen=_MEASURED_INPUTS)

    def handle(self, payload: Payload) -> list[Event]:
        """Apply one input; what happened is on its way to the store when this returns."""
        return self.take(max(self._at_ms, self._clock.market_ms()), payload)

    def take(self, at_ms: int, payload: Payload) -> list[Event]:
        """The same for an input that was stamped when it was recorded."""
        self.inputs += 1
        self._at_ms = at_ms
        item = Input(self.inputs, self._at_ms, payload)
        began = time.perf_counter()
        events = self._engine.apply(item)
        self._costs_s.append(time.perf_counter() - began)
        self.ticks += isinstance(payload, Tick)
        self.events += len(events)
        self._watch(payload)
        self._submit(item, events)
        return events

    @property
    def counts(self) -> Counts:
        return Counts(self.inputs, self.ticks, self.events, self._at_ms)

    def go_back(self, counts: Counts) -> None:
        """Go on counting from there, with an engine that knows what it knew then."""
        self.inputs, self.ticks, self.events, self._at_ms = counts

    @property
    def engine_us(self) -> float:
        """Mean machine time of one of the last inputs in the engine, microseconds."""
        return sum(self._costs_s) / len(self._costs_s) * 1e6 if self._costs_s else 0.0
