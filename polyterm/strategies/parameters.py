"""Parameters of strategies: frozen numbers with their units and ranges, refused in a sentence when they are wrong."""

import difflib
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, Self, get_args, get_type_hints

import msgspec

MAX_LOOKBACK_TICKS: Final = 121

Fraction = Annotated[float, msgspec.Meta(ge=0, le=10, description="fraction")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1, description="fraction")]
Multiple = Annotated[float, msgspec.Meta(ge=0, le=100, description="times")]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1, description="probability")]
Price = Annotated[float, msgspec.Meta(ge=0, le=1, description="dollars per share")]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100, description="percent")]
Seconds = Annotated[float, msgspec.Meta(ge=0, description="s")]
WholeSeconds = Annotated[int, msgspec.Meta(ge=1, le=86_400, description="s")]
Ticks = Annotated[int, msgspec.Meta(ge=2, le=MAX_LOOKBACK_TICKS, description="ticks")]
Deviations = Annotated[float, msgspec.Meta(ge=0, description="standard deviations")]
Shares = Annotated[float, msgspec.Meta(gt=0, description="shares")]
Volatility = Annotated[float, msgspec.Meta(gt=0, le=10, description="per square root of a year")]
Rate = Annotated[float, msgspec.Meta(gt=0, le=1000, description="per year")]


class Parameters(msgspec.Struct, frozen=True):
    """Base of a strategy's parameters. Every field is a number annotated with its unit and range, as above.

    Making one checks every value, and that no ``min_x`` lies above its ``max_x``.

    Raises:
        ValueError: a sentence that names the parameter and what it may be.
    """

    def __post_init__(self) -> None:
        for parameter in describe(type(self)):
            value = parameter.read(getattr(self, parameter.name))
            msgspec.structs.force_setattr(self, parameter.name, value)  # 120 becomes 120.0 where a float belongs
        for low in self.__struct_fields__:
            high = f"max_{low.removeprefix('min_')}"
            if low.startswith("min_") and high in self.__struct_fields__ and getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} {getattr(self, low)} lies above {high} {getattr(self, high)}")

    def varied(self, values: Mapping[str, object]) -> Self:
        """These parameters with other ``values``, which may be numbers or their text.

        Raises:
            ValueError: an unknown name (with the nearest known one), or a value that is out of its range.
        """
        known = {parameter.name: parameter for parameter in describe(type(self))}
        for name in values:
            if name not in known:
                raise ValueError(f"there is no parameter {name!r}: {nearest(name, known)}")
        return msgspec.structs.replace(self, **{name: known[name].read(value) for name, value in values.items()})


def nearest(name: str, known: Mapping[str, object]) -> str:
    """Advice for a mistyped name."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are {', '.join(known)}" if known else "there are none"


class Parameter(msgspec.Struct, frozen=True):
    """One field of a parameters type. ``unit`` is "" for a plain number."""

    name: str
    type: Any
    unit: str
    range: str

    def read(self, value: object) -> Any:
        """``value`` as this parameter, from a number or its text.

        Raises:
            ValueError: it is none, or out of range.
        """
        try:
            converted = msgspec.convert(value, self.type, strict=not isinstance(value, str))
        except msgspec.ValidationError:
            raise ValueError(f"{self.name} cannot be {value!r}: it is {self.expected}") from None
        if isinstance(converted, float) and not math.isfinite(converted):
            raise ValueError(f"{self.name} cannot be {value!r}: it is {self.expected}")
        return converted

    @property
    def expected(self) -> str:
        kind = "a whole number" if int in (self.type, *get_args(self.type)) else "a number"
        unit = f" ({self.unit})" if self.unit else ""
        return f"{kind}{unit}, {self.range}" if self.range else f"{kind}{unit}"


@cache
def describe(parameters: type[msgspec.Struct]) -> tuple[Parameter, ...]:
    """The fields of a parameters type in their order."""
    hints = get_type_hints(parameters, include_extras=True)
    return tuple(_parameter(name, hints[name]) for name in parameters.__struct_fields__)


def _parameter(name: str, annotation: Any) -> Parameter:
    metas = [extra for extra in get_args(annotation) if isinstance(extra, msgspec.Meta)]
    unit = next((meta.description for meta in metas if meta.description), "")
    return Parameter(name, annotation, unit, " and ".join(bound for meta in metas for bound in _bounds(meta)))


def _bounds(meta: msgspec.Meta) -> Iterator[str]:
    bounds = {"above": meta.gt, "at least": meta.ge, "below": meta.lt, "at most": meta.le}
    return (f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
