"""Which variants of a strategy a sweep tries: every combination of the values asked for, or a draw of them."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Final, get_args

import msgspec

from polyterm.strategies.entry import Entry
from polyterm.strategies.parameters import Parameter, describe, nearest

MOST_VALUES: Final = 10_000
MOST_VARIANTS: Final = 1_000_000
DRAWS_PER_VARIANT: Final = 20
DECIMALS: Final = 12

SYNTAX: Final = "write NAME=1,2,3 or NAME=LOW:HIGH:COUNT or NAME=LOW:HIGH:COUNT:log"

Value = int | float


class Axis(msgspec.Struct, frozen=True):
    """One parameter and the values it takes.

    ``low`` and ``high`` are set for a range: a random draw then takes any number between them, evenly or evenly in its
    logarithm, and not only ``values``.
    """

    name: str
    values: tuple[Value, ...]
    low: float | None = None
    high: float | None = None
    logarithmic: bool = False


class Variant(msgspec.Struct, frozen=True):
    """``values`` are in the order of the axes; ``entry`` is the strategy with them."""

    number: int
    values: tuple[Value, ...]
    entry: Entry


class Space(msgspec.Struct, frozen=True):
    """``impossible`` counts combinations that the strategy refuses, such as a least price above the most."""

    axes: tuple[Axis, ...]
    variants: tuple[Variant, ...]
    impossible: int = 0


def read_axis(text: str, entry: Entry, *, drawn: bool = False) -> Axis:
    """``a=1,2,3``, ``b=0.1:0.5:9`` or ``c=1:100:5:log`` as values of that parameter of ``entry``.

    Ranges include both ends; their values are rounded to 12 significant digits, or to whole numbers where the parameter
    is one, and equal ones are kept once. Where variants are ``drawn``, a range may leave its count out.

    Raises:
        ValueError: a sentence that says what is wrong.
    """
    name, equals, spec = (part.strip() for part in text.partition("="))
    if not equals or not name or not spec:
        raise ValueError(f"{text!r} is no parameter: {SYNTAX}")
    known = {parameter.name: parameter for parameter in describe(type(entry.parameters))}
    if name not in known:
        raise ValueError(f"{entry.name} has no parameter {name!r}: {nearest(name, known)}")
    if ":" in spec:
        return _range(known[name], spec, drawn=drawn)
    return Axis(name, _distinct([known[name].read(value.strip()) for value in spec.split(",")]))


def _range(parameter: Parameter, spec: str, *, drawn: bool) -> Axis:
    parts = [part.strip() for part in spec.split(":")]
    logarithmic = parts[-1] == "log"
    if logarithmic:
        parts.pop()
    if len(parts) != 3 and not (drawn and len(parts) == 2):
        raise ValueError(f"{parameter.name} cannot be {spec!r}: {SYNTAX}")
    low, high = float(parameter.read(parts[0])), float(parameter.read(parts[1]))
    if low >= high:
        raise ValueError(f"the range of {parameter.name} is empty: {parts[0]} is not below {parts[1]}")
    if logarithmic and low <= 0:
        raise ValueError(f"a logarithmic range of {parameter.name} begins above 0")
    count = _count(parameter, parts[2]) if len(parts) == 3 else 2
    fractions = [step / (count - 1) for step in range(count)]
    values = _distinct([_between(parameter, low, high, fraction, logarithmic) for fraction in fractions])
    return Axis(parameter.name, values, low, high, logarithmic)


def _count(parameter: Parameter, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 2 <= int(text) <= MOST_VALUES):
        raise ValueError(f"the range of {parameter.name} needs a count from 2 to {MOST_VALUES:,}, not {text!r}")
    return int(text)


def _between(parameter: Parameter, low: float, high: float, fraction: float, logarithmic: bool) -> Value:
    value = low * (high / low) ** fraction if logarithmic else low + (high - low) * fraction
    value = min(max(float(f"{value:.{DECIMALS}g}"), low), high)
    is_whole = int in (parameter.type, *get_args(parameter.type))
    result: Value = parameter.read(round(value) if is_whole else value)
    return result


def _distinct(values: Sequence[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(values))


def grid(entry: Entry, axes: Sequence[Axis]) -> Space:
    """Every combination of the axes' values; the last axis varies fastest.

    Raises:
        ValueError: the same parameter twice, more than a million combinations, or none that is possible.
    """
    _check(axes)
    size = math.prod(len(axis.values) for axis in axes)
    if size > MOST_VARIANTS:
        raise ValueError(f"{size:,} combinations are too many: at most {MOST_VARIANTS:,}, or a random draw of them")
    collected = _Collected(entry, axes)
    for values in itertools.product(*(axis.values for axis in axes)):
        collected.take(values)
    return collected.space()


def draw(entry: Entry, axes: Sequence[Axis], count: int, chance: Callable[[], float]) -> Space:
    """``count`` different variants, or as many as are found; ``chance`` gives numbers in [0, 1).

    Raises:
        ValueError: as ``grid``.
    """
    _check(axes)
    if not 1 <= count <= MOST_VARIANTS:
        raise ValueError(f"a draw has from 1 to {MOST_VARIANTS:,} variants, not {count:,}")
    known = {parameter.name: parameter for parameter in describe(type(entry.parameters))}
    collected = _Collected(entry, axes)
    for _ in range(count * DRAWS_PER_VARIANT):
        if len(collected.variants) == count:
            break
        collected.take(tuple(_drawn(known[axis.name], axis, chance()) for axis in axes))
    return collected.space()


def _drawn(parameter: Parameter, axis: Axis, fraction: float) -> Value:
    if axis.low is None or axis.high is None:
        return axis.values[int(fraction * len(axis.values))]
    return _between(parameter, axis.low, axis.high, fraction, axis.logarithmic)


def _check(axes: Sequence[Axis]) -> None:
    names = [axis.name for axis in axes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice: put all its values in one list")


class _Collected:
    """Different combinations in the order in which they came."""

    def __init__(self, entry: Entry, axes: Sequence[Axis]) -> None:
        self.entry = entry
        self.axes = tuple(axes)
        self.variants: list[Variant] = []
        self._seen: set[tuple[Value, ...]] = set()
        self._impossible = 0
        self._refusal = ""

    def take(self, values: tuple[Value, ...]) -> None:
        if values in self._seen:
            return
        self._seen.add(values)
        try:
            entry = self.entry.varied({axis.name: value for axis, value in zip(self.axes, values, strict=True)})
        except ValueError as error:
            self._impossible += 1
            self._refusal = str(error)
            return
        self.variants.append(Variant(len(self.variants), values, entry))

    def space(self) -> Space:
        if not self.variants:
            raise ValueError(f"{self.entry.name} refuses every combination: {self._refusal}")
        return Space(self.axes, tuple(self.variants), self._impossible)
