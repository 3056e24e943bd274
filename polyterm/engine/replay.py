"""Drive an engine with recorded payloads, as the runtime drives it with live ones."""

from collections.abc import Iterable, Iterator

from polyterm.core.event import Event
from polyterm.core.input import Input, Payload
from polyterm.engine.engine import Engine


def replay(engine: Engine, payloads: Iterable[tuple[int, Payload]]) -> Iterator[Event]:
    """Number the ``(at_ms, payload)`` pairs from 1, apply them in their order, and yield what follows."""
    for number, (at_ms, payload) in enumerate(payloads, start=1):
        yield from engine.apply(Input(number, at_ms, payload))
