"""Where two ways of computing the same events part."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

import msgspec

from polyterm.core.event import Event

_encode = msgspec.json.Encoder().encode


class Difference(msgspec.Struct, frozen=True):
    """The first event that differs: its input and market time, whose it is, the field, and both values of it."""

    input: int
    at_ms: int
    strategy: str
    field: str
    one: str
    other: str


class Agreement(msgspec.Struct, frozen=True):
    """How much was compared, and where the two parted, None when nowhere."""

    events: int
    difference: Difference | None


def compare(one: Iterable[Event], other: Iterable[Event]) -> Agreement:
    """Event by event, byte for byte as encoded; stops at the first difference."""
    count = 0
    for first, second in zip_longest(one, other):
        if first is None or second is None or _encode(first) != _encode(second):
            return Agreement(count, _difference(first, second))
        count += 1
    return Agreement(count, None)


def _difference(first: Event | None, second: Event | None) -> Difference:
    present = first if first is not None else second
    if present is None:
        raise ValueError("two ends do not differ")
    field, one, other = next(_fields("", _plain(first), _plain(second)), ("event", "other bits", "other bits"))
    return Difference(present.id.input, present.at_ms, _strategy(_plain(present)), field, one, other)


def _plain(event: Event | None) -> Any:
    return None if event is None else msgspec.to_builtins(event)


def _fields(path: str, one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in (*one, *(name for name in other if name not in one)):
            yield from _fields(f"{path}.{name}" if path else name, one.get(name), other.get(name))
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from _fields(f"{path}[{place}]", *pair)
    elif one != other:
        yield path or "event", _short(one), _short(other)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("type", "an event"))
    return "nothing" if value is None else repr(value)


def _strategy(event: dict[str, Any]) -> str:
    """The strategy that an event is about; empty where it is about none."""
    for part in (event, event.get("position"), event.get("trade"), event.get("after")):
        if isinstance(part, dict) and "strategy" in part:
            return str(part["strategy"])
    return ""
