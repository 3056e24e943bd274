"""Which windows of earlier sessions still owe the venue's own result."""

from collections.abc import Iterable
from typing import Final

from polyterm.core.market import MarketKey
from polyterm.core.unresolved import UnresolvedWindow

LOOK_BACK_MS: Final = 8 * 86_400_000
"""A day more than any result is asked for."""


def owed(stored: Iterable[UnresolvedWindow], unsettled: Iterable[MarketKey]) -> tuple[UnresolvedWindow, ...]:
    """What the store knows, and the windows of the engine (``unsettled``) that it does not know of. Oldest first."""
    known = {window.key: window for window in stored}
    for key in unsettled:
        known.setdefault(key, UnresolvedWindow(key))
    return tuple(sorted(known.values(), key=lambda window: (window.key.epoch, window.key)))
