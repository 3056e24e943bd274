"""Gamma, the venue's catalogue: lists are JSON inside strings, numbers come in any clothes, keys may be absent."""

from typing import Final

import msgspec

from polyterm.feeds.polymarket.numbers import Number

Listed = str | tuple[str, ...] | None
"""A list of texts: an array, or a string that holds one."""


class GammaFee(msgspec.Struct, frozen=True, rename="camel"):
    rate: Number = None
    exponent: Number = None
    taker_only: bool = True
    rebate_rate: Number = None


class CryptoConfig(msgspec.Struct, frozen=True, rename="camel"):
    """How the market settles: on the average of the last ``twap_lookback_seconds`` when ``twap_enabled``."""

    id: str = ""
    asset: str = ""
    duration: str = ""
    twap_enabled: bool = False
    twap_lookback_seconds: Number = None


class EventMetadata(msgspec.Struct, frozen=True, rename="camel"):
    price_to_beat: Number = None
    final_price: Number = None


class GammaMarket(msgspec.Struct, frozen=True, rename="camel"):
    """One market. ``events`` is filled where the market was asked for itself, empty inside an event."""

    id: str
    slug: str
    condition_id: str
    outcomes: Listed = None
    clob_token_ids: Listed = None
    outcome_prices: Listed = None
    position_ids: Listed = None
    version: str | None = None
    event_start_time: str | None = None
    end_date: str | None = None
    order_price_min_tick_size: Number = None
    order_min_size: Number = None
    fees_enabled: bool = False
    fee_type: str | None = None
    fee_schedule: GammaFee | None = None
    accepting_orders: bool = False
    active: bool = False
    closed: bool = False
    closed_time: str | None = None
    uma_resolution_status: str | None = None
    resolution_status: str | None = None
    neg_risk: bool = False
    resolution_source: str | None = None
    crypto_market_config: CryptoConfig | None = None
    events: tuple["GammaEvent", ...] = ()


class GammaEvent(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    slug: str
    closed: bool = False
    markets: tuple[GammaMarket, ...] = ()
    event_metadata: EventMetadata | None = None
    series_slug: str | None = None


_MARKET: Final = msgspec.json.Decoder(GammaMarket | list[GammaMarket], strict=False)
_EVENT: Final = msgspec.json.Decoder(GammaEvent | list[GammaEvent], strict=False)
_TEXTS: Final = msgspec.json.Decoder(tuple[str, ...], strict=False)


def decode_market(body: bytes) -> GammaMarket | None:
    """A market answer, by slug (one object) or from a filtered list; None when the list is empty.

    Raises:
        msgspec.DecodeError: as all functions here.
    """
    decoded = _MARKET.decode(body)
    return (decoded[0] if decoded else None) if isinstance(decoded, list) else decoded


def decode_event(body: bytes) -> GammaEvent | None:
    """An event answer, by slug (one object) or from a filtered list; None when the list is empty."""
    decoded = _EVENT.decode(body)
    return (decoded[0] if decoded else None) if isinstance(decoded, list) else decoded


def texts(value: Listed) -> tuple[str, ...]:
    """The texts of a list that may hide in a string; absent and empty are ()."""
    if not value:
        return ()
    return _TEXTS.decode(value) if isinstance(value, str) else value
