"""How the venues write numbers and times."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

PRICE_DECIMALS: Final = 4
"""The finest tick of the venue is 0.0001 dollars."""


@lru_cache(maxsize=4096)
def price_text(price_ticks: int, ticks_per_dollar: int) -> str:
    """A price without trailing zeros: "0.5", "0.999", and "0" and "1" at the ends."""
    return plain(price_ticks / ticks_per_dollar, PRICE_DECIMALS)


def plain(value: float, decimals: int) -> str:
    """Decimal text without trailing zeros and without an exponent."""
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: float) -> int | float:
    """JSON as the venue writes it: whole numbers without a decimal point."""
    return int(value) if value == int(value) else value


def iso(unix_ms: int) -> str:
    """Whole seconds, e.g. ``2026-11-22T10:15:00Z``."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_micro(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def bare_utc(unix_ms: int) -> str:
    """The venue's other spelling, e.g. ``2026-11-22 10:15:00+00``."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S+00")
