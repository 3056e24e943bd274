"""Gamma's market and event objects: lists as JSON inside strings, numbers as int, float or text, keys left out."""

import json
from typing import Any, Final

from polyterm.core.market import HORIZON_SECONDS, Coin, Horizon, slug
from polyterm.sim.venues.books import MarketBook
from polyterm.sim.venues.names import COIN_NAMES, TWAP_SECONDS, describe, resolution_source, series_slug, title
from polyterm.sim.venues.scene import Listing, Result, Scene
from polyterm.sim.venues.text import bare_utc, iso, iso_micro, number, plain
from polyterm.sim.views import MarketView

FEE_TYPE: Final = "crypto_fees_v2"
LISTED_BEFORE_S: Final = 86_400
_SERIES_IDS: Final[dict[tuple[Coin, Horizon], str]] = {
    (coin, horizon): str(10_000 + 10 * place + row)
    for row, coin in enumerate(COIN_NAMES)
    for place, horizon in enumerate(HORIZON_SECONDS)
}


def event_record(scene: Scene, listing: Listing, view: MarketView) -> dict[str, Any]:
    """The event with its one market inside."""
    record = _event(scene, listing, view)
    record["markets"] = [_market(scene, listing, view)]
    record["tags"] = [_tag("102127", "Up or Down"), _tag("21", "Crypto"), _tag("102467", view.key.horizon.upper())]
    return record


def market_record(scene: Scene, listing: Listing, view: MarketView) -> dict[str, Any]:
    """The market with its event inside."""
    return {**_market(scene, listing, view), "events": [_event(scene, listing, view)]}


def _listed_ms(listing: Listing) -> int:
    """About a day before the window, at an uneven moment of each market's own."""
    return (listing.key.epoch - LISTED_BEFORE_S) * 1000 + listing.number % 600_000


# What every market of these series carries alike.
_MARKET_CONSTANTS: Final[dict[str, Any]] = {
    "new": False,
    "featured": False,
    "archived": False,
    "restricted": True,
    "groupItemThreshold": "0",
    "enableOrderBook": True,
    "orderMinSize": 5,
    "hasReviewedDates": True,
    "version": "v1",
    "makerBaseFee": 1000,
    "takerBaseFee": 1000,
    "negRisk": False,
    "ready": False,
    "funded": False,
    "cyom": False,
    "pagerDutyNotificationEnabled": False,
    "approved": True,
    "rewardsMinSize": 50,
    "rewardsMaxSpread": 4.5,
    "automaticallyActive": True,
    "clearBookOnStart": False,
    "showGmpSeries": False,
    "showGmpOutcome": False,
    "manualActivation": False,
    "negRiskOther": False,
    "umaResolutionStatuses": "[]",
    "pendingDeployment": False,
    "deploying": False,
    "rfqEnabled": False,
    "holdingRewardsEnabled": False,
    "feesEnabled": True,
    "requiresTranslation": False,
    "makerRebatesFeeShareBps": 10000,
    "feeType": FEE_TYPE,
    "feeSchedule": {"exponent": 1, "rate": 0.07, "takerOnly": True, "rebateRate": 0.2},
}


def _market(scene: Scene, listing: Listing, view: MarketView) -> dict[str, Any]:
    key, book, result = view.key, scene.book(view.key), scene.result(view.key)
    listed_ms = _listed_ms(listing)
    return {
        "id": str(listing.number),
        "question": title(key),
        "conditionId": listing.condition_id,
        "slug": slug(key),
        "resolutionSource": resolution_source(key.coin),
        "endDate": iso(key.end * 1000),
        "startDate": iso_micro(listed_ms + 60_000),
        "image": "",
        "icon": "",
        "description": describe(key),
        "outcomes": json.dumps(["Up", "Down"]),
        "active": True,
        "closed": result is not None,
        "marketMakerAddress": "",
        "createdAt": iso_micro(listed_ms),
        "updatedAt": iso_micro(scene.now_ms if result is None else result.at_ms),
        "questionID": "0x" + listing.condition_id[:1:-1],
        "orderPriceMinTickSize": 1 / book.ticks_per_dollar,
        "endDateIso": iso(key.end * 1000)[:10],
        "startDateIso": iso(listed_ms)[:10],
        "clobTokenIds": json.dumps([listing.up_token, listing.down_token]),
        # ids of the other protocol version: on a "v1" market they trade nothing
        "positionIds": [str(int(listing.up_token) ^ 1), str(int(listing.down_token) ^ 1)],
        "acceptingOrders": result is None,
        "acceptingOrdersTimestamp": iso(listed_ms + 10_000),
        "eventStartTime": iso(key.epoch * 1000),
        "cryptoMarketConfig": {
            "id": f"{key.coin}-{key.horizon}-twap-{TWAP_SECONDS}",
            "asset": key.coin,
            "duration": key.horizon,
            "twapEnabled": True,
            "twapLookbackSeconds": TWAP_SECONDS,
        },
        **_MARKET_CONSTANTS,
        **_quotes(book, result),
        **_volumes(book),
        **_resolution(view, result),
    }


def _quotes(book: MarketBook, result: Result | None) -> dict[str, Any]:
    best_bid, best_ask = book.best()
    unit = book.ticks_per_dollar
    bid, ask = (best_bid or 0) / unit, (unit if best_ask is None else best_ask) / unit
    mid = (bid + ask) / 2
    prices = (mid, 1 - mid) if result is None else (float(result.outcome == "up"), float(result.outcome == "down"))
    liquidity = 0.0 if result else sum(book.bids.values()) + sum(book.asks.values())
    quotes: dict[str, Any] = {
        "outcomePrices": json.dumps([plain(price, 5) for price in prices]),
        "bestBid": number(bid),
        "bestAsk": number(ask),
        "spread": number(round(ask - bid, 4)),
        "competitive": number(round(1 - abs(mid - 0.5), 4)),
        "liquidity": plain(liquidity, 4),
        "liquidityNum": number(round(liquidity, 4)),
        "liquidityClob": number(round(liquidity, 4)),
    }
    if book.last_trade is not None:
        quotes["lastTradePrice"] = number(round(book.last_trade, 4))
    return quotes


def _volumes(book: MarketBook) -> dict[str, Any]:
    """Left out before the first trade."""
    if not book.volume:
        return {}
    volume = round(book.volume, 6)
    names = ("volumeNum", "volumeClob", *(f"volume{span}{clob}" for span in _SPANS for clob in ("", "Clob")))
    return {"volume": plain(volume, 6), **dict.fromkeys(names, number(volume))}


_SPANS: Final = ("24hr", "1wk", "1mo", "1yr")


def _resolution(view: MarketView, result: Result | None) -> dict[str, Any]:
    """No status while the window is open, "proposed" until the result is public, then "resolved" with its time."""
    if result is not None:
        return {
            "umaResolutionStatus": "resolved",
            "umaEndDate": iso(result.at_ms),
            "closedTime": bare_utc(result.at_ms),
            "automaticallyResolved": True,
        }
    return {"umaResolutionStatus": "proposed"} if view.state in {"ended", "resolved"} else {}


_EVENT_CONSTANTS: Final[dict[str, Any]] = {
    "image": "",
    "icon": "",
    "active": True,
    "archived": False,
    "new": False,
    "featured": False,
    "restricted": True,
    "enableOrderBook": True,
    "negRisk": False,
    "commentCount": 0,
    "cyom": False,
    "showAllOutcomes": True,
    "showMarketImages": True,
    "enableNegRisk": False,
    "automaticallyActive": True,
    "negRiskAugmented": False,
    "pendingDeployment": False,
    "deploying": False,
    "requiresTranslation": False,
}


def _event(scene: Scene, listing: Listing, view: MarketView) -> dict[str, Any]:
    key, book, result = view.key, scene.book(view.key), scene.result(view.key)
    listed_ms = _listed_ms(listing)
    record: dict[str, Any] = {
        "id": str(listing.number + 1),
        "ticker": slug(key),
        "slug": slug(key),
        "title": title(key),
        "description": describe(key),
        "resolutionSource": resolution_source(key.coin),
        "startDate": iso_micro(listed_ms + 60_000),
        "creationDate": iso_micro(listed_ms + 90_000),
        "endDate": iso(key.end * 1000),
        "closed": result is not None,
        "volume": number(round(book.volume, 6)),
        "openInterest": number(round(book.volume / 2, 6)),
        "createdAt": iso_micro(listed_ms),
        "updatedAt": iso_micro(scene.now_ms if result is None else result.at_ms),
        "series": [_series(scene, key.coin, key.horizon)],
        "startTime": iso(key.epoch * 1000),
        "seriesSlug": series_slug(key.coin, key.horizon),
        **_EVENT_CONSTANTS,
    }
    if result is not None:
        record["closedTime"] = iso(result.at_ms)
        record["automaticallyResolved"] = True
    metadata = {}
    if (strike := scene.price_to_beat(view)) is not None:
        metadata["priceToBeat"] = strike
    if result is not None and view.final is not None:
        metadata["finalPrice"] = view.final
    if metadata:
        record["eventMetadata"] = metadata
    return record


def _series(scene: Scene, coin: Coin, horizon: Horizon) -> dict[str, Any]:
    name = series_slug(coin, horizon)
    return {
        "id": _SERIES_IDS[coin, horizon],
        "ticker": name,
        "slug": name,
        "title": f"{coin.upper()} Up or Down {horizon}",
        "seriesType": "single",
        "recurrence": horizon,
        "image": "",
        "icon": "",
        "active": True,
        "closed": False,
        "archived": False,
        "featured": False,
        "restricted": True,
        "createdAt": "2025-10-20T23:33:11.301323Z",
        "updatedAt": iso_micro(scene.now_ms),
        "volume24hr": 746027.5,
        "volume": 100437.75,
        "liquidity": 1179460.5,
        "commentCount": 0,
        "requiresTranslation": False,
    }


def _tag(number_: str, label: str) -> dict[str, Any]:
    return {
        "id": number_,
        "label": label,
        "slug": label.lower().replace(" ", "-"),
        "forceShow": False,
        "createdAt": "2025-05-09T20:56:58.880785Z",
        "updatedAt": "2026-03-09T22:33:38.505979Z",
        "isCarousel": False,
        "requiresTranslation": False,
    }
