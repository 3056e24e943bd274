"""What can go wrong at a venue, by name: switched on and off while the servers run."""

import difflib
from collections.abc import Callable
from typing import Final, Literal, get_args

import msgspec

from polyterm.core.market import COINS, Coin

VenueName = Literal["binance", "gamma", "clob", "market", "settlement", "chain"]
VENUES: Final[tuple[VenueName, ...]] = get_args(VenueName)
_SOCKETS: Final[tuple[VenueName, ...]] = ("binance", "market", "settlement")


class FaultKind(msgspec.Struct, frozen=True):
    """``by_coin`` says that the fault can be limited to one coin."""

    name: str
    venues: tuple[VenueName, ...]
    by_coin: bool
    explanation: str


FAULTS: Final[tuple[FaultKind, ...]] = (
    FaultKind("silence", _SOCKETS, True, "Data stops; PING and protocol pings are still answered."),
    FaultKind("disconnect", VENUES, False, "Connections break without a goodbye, and new ones as long as it is on."),
    FaultKind("lost_delta", ("market",), True, "Changes that move the best price of a book are not sent."),
    FaultKind("crossed_book", ("market",), True, "Once a second a book is sent whose best bid reaches its best ask."),
    FaultKind(
        "late_resolution", ("gamma",), True, "Results of ended windows are held back, by clob and market as well."
    ),
    FaultKind("http_451", ("binance",), False, "Every request is refused for legal reasons (a geo-block)."),
    FaultKind("http_429", VENUES, False, "Every request is refused as one too many, with Retry-After."),
    FaultKind("malformed", _SOCKETS, False, "Once a second a frame is sent that is no JSON."),
    FaultKind("unknown_type", _SOCKETS, False, "Once a second a message is sent of a type that nobody has seen."),
)
_BY_NAME: Final = {fault.name: fault for fault in FAULTS}


class Switched(msgspec.Struct, frozen=True):
    """A fault that is on; ``venue`` or ``coin`` None means all, ``until`` None until it is switched off."""

    name: str
    venue: VenueName | None
    coin: Coin | None
    until: float | None


class Faults:
    """The switchboard. ``monotonic`` tells machine time in seconds; durations are wall time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._on: dict[tuple[str, VenueName | None, Coin | None], Switched] = {}
        self.on_switch: Callable[[Switched], None] = lambda _: None

    def on(
        self,
        name: str,
        *,
        venue: VenueName | None = None,
        coin: Coin | None = None,
        for_s: float | None = None,
    ) -> None:
        """Switch on, for ``for_s`` wall seconds or until switched off; 0 s breaks connections once.

        Raises:
            ValueError: no such fault, or it does not exist for that venue or for single coins.
        """
        self._check(name, venue, coin)
        if for_s is not None and for_s < 0:
            raise ValueError("for_s must not be negative.")
        until = None if for_s is None else self._monotonic() + for_s
        switched = Switched(name, venue, coin, until)
        self._on[name, venue, coin] = switched
        self.on_switch(switched)

    def off(self, name: str, *, venue: VenueName | None = None, coin: Coin | None = None) -> None:
        """Switch off whatever falls under ``venue`` and ``coin``; switching off what is not on changes nothing.

        Raises:
            ValueError: as for ``on``.
        """
        self._check(name, venue, coin)
        for key in [key for key in self._on if key[0] == name and venue in {None, key[1]} and coin in {None, key[2]}]:
            del self._on[key]

    def active(self, name: str, venue: VenueName, coin: Coin | None = None) -> bool:
        """Whether ``venue`` suffers from it, for ``coin`` (a fault of one coin never hits questions without one)."""
        return bool(self._on) and any(
            switched.name == name
            and switched.venue in {None, venue}
            and switched.coin in {None, coin}
            and venue in _BY_NAME[name].venues
            for switched in self.switched()
        )

    def switched(self) -> tuple[Switched, ...]:
        """What is on now."""
        if self._on:
            now = self._monotonic()
            self._on = {key: each for key, each in self._on.items() if each.until is None or now < each.until}
        return tuple(self._on.values())

    @staticmethod
    def _check(name: str, venue: VenueName | None, coin: Coin | None) -> None:
        kind = _BY_NAME.get(name)
        if kind is None:
            near = difflib.get_close_matches(name, _BY_NAME, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_BY_NAME)}."
            raise ValueError(f"There is no fault {name!r}: {advice}")
        if venue is not None and venue not in kind.venues:
            raise ValueError(f"The fault {name!r} is not known at {venue!r}; it is at {', '.join(kind.venues)}.")
        if coin is not None and not kind.by_coin:
            raise ValueError(f"The fault {name!r} cannot be limited to a coin.")
        if coin is not None and coin not in COINS:
            raise ValueError(f"There is no coin {coin!r}; known: {', '.join(COINS)}.")
