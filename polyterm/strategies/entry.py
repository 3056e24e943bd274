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

    def limited(self, max_entries_per_window: int | None) -> "Entry":
        """This entry with at most so many entries in a window; None leaves it as it is declared."""
        most = self.limits.max_entries_per_window
        if max_entries_per_window is None or (most is not None and most <= max_entries_per_window):
            return self
        limits = msgspec.structs.replace(self.limits, max_entries_per_window=max_entries_per_window)
        return msgspec.structs.replace(self, limits=limits)

    @property
    def rule(self) -> str:
        """The rule in words."""
        return inspect.getdoc(self.factory) or ""

    @property
    def resets(self) -> str:
        """When the strategy's histories begin anew."""
        return getattr(self.factory, "resets", Strategy.resets)
