"""What a request asks, told from its parameters; what makes no sense is refused with what would."""

from collections.abc import Collection, Iterable
from typing import Final, TypeVar

from aiohttp import web

from polyterm.core.market import COINS, HORIZONS, Coin, Horizon
from polyterm.core.query import Period
from polyterm.errors import ConfigError
from polyterm.store.reports.trades import PERIODS
from polyterm.store.span import parse_moment

MAX_HOURS: Final = 24 * 366
MAX_OFFSET: Final = 10**9
Choice = TypeVar("Choice", bound=str)


class Asked:
    """The parameters of one request.

    Raises:
        web.HTTPBadRequest: from anywhere, with a sentence that names the parameter and its valid values.
    """

    def __init__(self, request: web.Request, known: Collection[str]) -> None:
        self._values = {name: value for name, value in request.query.items() if value}
        for name in self._values:
            if name not in known:
                raise web.HTTPBadRequest(text=f"There is no parameter {name!r} here: choose from {_listed(known)}.")

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is not None and not value.isprintable():  # PostgreSQL has no text with a zero in it
            raise web.HTTPBadRequest(text=f"The parameter {name} is {value!r}: give a name of letters that show.")
        return value

    def choice(self, name: str, valid: Iterable[Choice]) -> Choice | None:
        value = self._values.get(name)
        valid = tuple(valid)
        for one in valid:
            if value == one:
                return one
        if value is None:
            return None
        raise web.HTTPBadRequest(text=f"The parameter {name} is {value!r}: choose from {_listed(valid)}.")

    def coins(self) -> tuple[Coin, ...] | None:
        coin = self.choice("crypto", COINS)
        return None if coin is None else (coin,)

    def horizon(self) -> Horizon | None:
        return self.choice("horizon", HORIZONS)

    def period(self, default: Period) -> Period:
        return self.choice("period", PERIODS) or default

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if value.isascii() and value.isdigit() and len(value) < 19 and least <= int(value) <= most:
            return int(value)
        raise web.HTTPBadRequest(text=f"The parameter {name} is {value!r}: give a whole number, {least} to {most}.")

    def hours(self) -> float | None:
        value = self._values.get("hours")
        if value is None:
            return None
        try:
            hours = float(value)
        except ValueError:
            hours = 0.0
        if not 0 < hours <= MAX_HOURS:
            raise web.HTTPBadRequest(
                text=f"The parameter hours is {value!r}: give a number above 0, {MAX_HOURS} at most."
            )
        return hours

    def moment_ms(self, name: str) -> int | None:
        """Unix milliseconds, unix seconds, or an ISO date or time, which is UTC unless it says otherwise."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return parse_moment(value)
        except ConfigError:
            raise web.HTTPBadRequest(
                text=f"The parameter {name} is {value!r}: write a time like 2026-02-01T12:30, unix seconds or unix ms."
            ) from None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
