"""A tick as a row, and back."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polyterm.core.market import MarketKey, Reference
from polyterm.core.tick import Levels, Tick
from polyterm.errors import StoreError
from polyterm.store.rows import Row, checked, difference, ratio, utc

MIRRORED: Final = "mirror"
"""Stands for the depth of Down where it is what that of Up says, as it nearly always is: half the size of a tick."""


class _Depth(msgspec.Struct, frozen=True):
    bids: Levels
    asks: Levels


_depths: Final = msgspec.json.Decoder(_Depth | str)


def tick_row(tick: Tick, session: str) -> Row:
    """Raises StoreError naming the column of a number that is not finite."""
    what = f"The tick of {tick.key} at {tick.slot}"
    row: Row = {
        "crypto": tick.key.coin,
        "horizon": tick.key.horizon,
        "timestamp_ms": tick.at_ms,
        "timestamp": utc(tick.at_ms),
        "session": session,
        "made_ms": tick.made_ms,
        "window_epoch": tick.key.epoch,
        "time_remaining_sec": tick.time_remaining_s,
        **_book_columns(what, tick),
        **_spot_columns(tick),
        **_oracle_columns(tick),
        "invalid": tick.invalid,
    }
    return checked(what, row)


def _book_columns(what: str, tick: Tick) -> Row:
    return {
        "up_bid": tick.up_bid,
        "up_ask": tick.up_ask,
        "up_bid_size": tick.up_bid_size,
        "up_ask_size": tick.up_ask_size,
        "up_last_trade": tick.up_last_trade,
        "up_mid": tick.up_mid,
        "down_bid": tick.down_bid,
        "down_ask": tick.down_ask,
        "down_bid_size": tick.down_bid_size,
        "down_ask_size": tick.down_ask_size,
        "down_last_trade": tick.down_last_trade,
        "book_age_ms": tick.book_age_ms,
        "spread": tick.spread,
        "spread_pct": tick.spread_pct,
        "implied_prob_up": tick.up_mid,
        "up_book_depth": _depth_text(what, "up_book_depth", tick.up_bids, tick.up_asks),
        "down_book_depth": _down_text(what, tick),
    }


def _spot_columns(tick: Tick) -> Row:
    """Spot and strike, and how far they are apart; ``strike_distance`` is free of the basis, ``spot_delta`` is not."""
    strike = tick.strike
    strike_price = strike.price if strike else None
    spot_delta = difference(tick.spot, strike_price)
    return {
        "spot_price": tick.spot,
        "spot_source": tick.spot_source,
        "spot_age_ms": tick.spot_age_ms,
        "spot_basis": tick.spot_basis,
        "price_to_beat": strike_price,
        "strike_source": strike.source if strike else None,
        "strike_grade": strike.grade if strike else None,
        "strike_at_ms": strike.at_ms if strike else None,
        "spot_delta": spot_delta,
        "spot_delta_pct": ratio(spot_delta, strike_price),
        "strike_distance": tick.distance if strike_price else None,
    }


def _oracle_columns(tick: Tick) -> Row:
    divergence = difference(tick.spot, tick.oracle)
    divergence_part = ratio(divergence, tick.oracle)
    return {
        "chainlink_price": tick.oracle,
        "chainlink_source": tick.oracle_source,
        "chainlink_staleness": None if tick.oracle_age_ms is None else tick.oracle_age_ms / 1000,
        "chainlink_updated_at": None if tick.oracle_at_ms is None else tick.oracle_at_ms // 1000,
        "chainlink_at_ms": tick.oracle_at_ms,
        "chainlink_age_ms": tick.oracle_age_ms,
        "price_divergence": divergence,
        "price_divergence_pct": None if divergence_part is None else divergence_part * 100,
        "twap_price": tick.twap,
        "twap_at_ms": tick.twap_at_ms,
        "twap_age_ms": tick.twap_age_ms,
    }


def tick_from_row(row: Mapping[Any, Any]) -> Tick:
    up = up_bids, up_asks = _levels(row["up_book_depth"], ((), ()))
    down_bids, down_asks = _levels(row["down_book_depth"], up)
    return Tick(
        key=MarketKey(row["crypto"], row["horizon"], row["window_epoch"]),
        slot=row["timestamp_ms"] // 1000,
        made_ms=row["made_ms"],
        up_bid=row["up_bid"],
        up_bid_size=row["up_bid_size"],
        up_ask=row["up_ask"],
        up_ask_size=row["up_ask_size"],
        down_bid=row["down_bid"],
        down_bid_size=row["down_bid_size"],
        down_ask=row["down_ask"],
        down_ask_size=row["down_ask_size"],
        up_bids=up_bids,
        up_asks=up_asks,
        down_bids=down_bids,
        down_asks=down_asks,
        up_last_trade=row["up_last_trade"],
        down_last_trade=row["down_last_trade"],
        book_age_ms=row["book_age_ms"],
        spot=row["spot_price"],
        spot_source=row["spot_source"],
        spot_age_ms=row["spot_age_ms"],
        spot_basis=row["spot_basis"],
        strike=_reference(row, "price_to_beat", "strike"),
        oracle=row["chainlink_price"],
        oracle_source=row["chainlink_source"],
        oracle_at_ms=row["chainlink_at_ms"],
        oracle_age_ms=row["chainlink_age_ms"],
        twap=row["twap_price"],
        twap_at_ms=row["twap_at_ms"],
        twap_age_ms=row["twap_age_ms"],
        invalid=row["invalid"],
    )


def _depth_text(what: str, column: str, bids: Levels, asks: Levels) -> str | None:
    if not bids and not asks:
        return None
    if not all(math.isfinite(number) for level in (*bids, *asks) for number in level):
        raise StoreError(f"{what} was not stored: {column} holds a number that is not finite.")
    return msgspec.json.encode(_Depth(bids, asks)).decode()


def _down_text(what: str, tick: Tick) -> str | None:
    if (tick.down_bids or tick.down_asks) and (tick.down_bids, tick.down_asks) == mirrored(tick.up_bids, tick.up_asks):
        return f'"{MIRRORED}"'
    return _depth_text(what, "down_book_depth", tick.down_bids, tick.down_asks)


def mirrored(bids: Levels, asks: Levels) -> tuple[Levels, Levels]:
    """The book of the other side: who bids for one at q offers the other at 1 - q. Prices have at most 6 decimals."""
    return _complements(asks), _complements(bids)


def _complements(levels: Levels) -> Levels:
    return tuple((round(1 - price, 6), shares) for price, shares in levels)


def _levels(text: str | None, up: tuple[Levels, Levels]) -> tuple[Levels, Levels]:
    """``up`` is what a mirror would show."""
    if text is None:
        return (), ()
    depth = _depths.decode(text)
    return mirrored(*up) if isinstance(depth, str) else (depth.bids, depth.asks)


def _reference(row: Mapping[Any, Any], price: str, prefix: str) -> Reference | None:
    if row[price] is None:
        return None
    return Reference(row[price], row[f"{prefix}_source"], row[f"{prefix}_grade"], row[f"{prefix}_at_ms"])
