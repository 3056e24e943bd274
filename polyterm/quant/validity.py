"""May a tick be traded on? One judgement for live ticks and replayed ones."""

from typing import Final

from polyterm.core.tick import (
    BOOK_MAX_AGE_MS,
    MID_CEILING,
    MID_FLOOR,
    SPOT_MAX_AGE_MS,
    Invalid,
    Tick,
)
from polyterm.quant.primitives import known, usable_price

# The book of such a tick says nothing about the market now: neither its mid nor its quotes are evidence.
BOOK_UNUSABLE: Final[frozenset[Invalid]] = frozenset(
    ("window_not_open", "book_missing", "book_quarantined", "book_stale", "book_crossed")
)


def judge(
    tick: Tick,
    *,
    window_open: bool = True,
    doubt: Invalid | None = None,
    book_max_age_ms: int = BOOK_MAX_AGE_MS,
    spot_max_age_ms: int = SPOT_MAX_AGE_MS,
) -> Invalid | None:
    """The first reason why ``tick`` may not be traded on, None when it may; ``tick.invalid`` is not looked at.

    ``window_open`` is the caller's knowledge beyond the slot (a market not found yet); ``doubt`` is what the book
    keeper says against a book that looks fresh; the limits are market milliseconds, scaled by the caller for a fast
    clock. An unknown age is not fresh. A missing, doubted or old book is named before anything else, so that a tick
    called ``book_one_sided`` still has a fresh, trusted quote on the side that is there. A spot or a strike that is not
    positive and finite is missing.
    """
    if not window_open or not tick.key.epoch <= tick.slot < tick.key.end:
        return "window_not_open"
    book = _judge_book(tick, doubt, book_max_age_ms)
    if book is not None:
        return book
    if known(usable_price(tick.spot)) is None:
        return "spot_missing"
    if tick.spot_age_ms is None or tick.spot_age_ms > spot_max_age_ms:
        return "spot_stale"
    return "strike_missing" if tick.strike is None or known(usable_price(tick.strike.price)) is None else None


def _judge_book(tick: Tick, doubt: Invalid | None, max_age_ms: int) -> Invalid | None:
    bid, ask = tick.up_bid, tick.up_ask
    if bid is None and ask is None:
        return "book_missing"
    if doubt is not None:
        return doubt
    if tick.book_age_ms is None or tick.book_age_ms > max_age_ms:
        return "book_stale"
    if bid is None or ask is None:
        return "book_one_sided"
    if bid >= ask:
        return "book_crossed"
    return None if MID_FLOOR < (bid + ask) / 2 < MID_CEILING else "mid_at_edge"


def book_usable(tick: Tick) -> bool:
    """Whether the quotes of the tick are fresh and trusted, as far as they are there."""
    return tick.invalid not in BOOK_UNUSABLE


def spot_usable(tick: Tick) -> bool:
    """Whether the tick's spot is an observation of its slot and not a leftover.

    A valid tick says so itself; of an invalid one only the first reason is known, so its age is looked at.
    """
    if tick.spot is None:
        return False
    if tick.invalid is None:
        return True
    return tick.invalid != "spot_stale" and tick.spot_age_ms is not None and tick.spot_age_ms <= SPOT_MAX_AGE_MS
