"""One line of the table of strategies, and what it tells about itself."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from polyterm.strategies.base import Limits, Strategy
from polyterm.strategies.parameters import Parameters


class Entry(msgspec.Struct, frozen=True):
    """``factory`` takes ``parameters`` and gives a fresh strategy for one (coin, horizon).

    ``experimental`` says that the rule was reported in words only, so that some of its numbers are our choice.
    """

    name: str
    family: str
    factory: Callable[[Any], Strategy]
    parameters: Parameters = Parameters()
    limits: Limits = Limits()
    experimental: bool = False

    def make(self) -> Strategy:
        return self.factory(self.parameters)

    def varied(self, values: Mapping[str, object]) -> "Entry":
        """This entry with other values of its parameters, which may be numbers or their text.

        Raises:
            ValueError: an unknown name (with the nearest known one), or a value that is out of its range.
        """
        return msgspec.structs.replace(self, parameters=self.parameters.varied(values))

    @property
    def rule(self) -> str:
        """The rule in words; empty where its author wrote none."""
        return inspect.cleandoc(self.factory.__doc__ or "")

    @property
    def about(self) -> str:
        """What is said of its parameters; empty where it has none."""
        has_any = bool(type(self.parameters).__struct_fields__)
        return inspect.cleandoc(type(self.parameters).__doc__ or "") if has_any else ""

    @property
    def resets(self) -> str:
        """When the strategy's histories begin anew."""
        return getattr(self.factory, "resets", Strategy.resets)
