"""Gamma, the order book's REST interface and the exchange's clock: recorded shapes, and what appears when."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from polyterm.core.market import MarketKey, slug
from polyterm.sim.box import Box
from tests.sim.clients import MARKET0_MS, gamma_event, get, recorded, running, shape, tokens

# Not in the recordings of spring 2026: they came with the time-weighted settlement and the protocol's version 2.
NEW_MARKET_KEYS = {"version", "positionIds", "cryptoMarketConfig"}
# Left out by the venue, too, now and then; they say nothing that this simulation has.
OPTIONAL_KEYS = {"oneHourPriceChange", "clobRewards", "comboStatus"}


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box(seed=7, market0_ms=MARKET0_MS, coins=("btc",)) as box:
        yield box


async def market_of(box: Box, key: MarketKey, nonce: str = "") -> dict[str, Any]:
    response = await get(f"{box.endpoints.feeds.gamma}/markets/slug/{slug(key)}", _=nonce)
    return response.json()


async def run_to_resolution(box: Box, key: MarketKey) -> None:
    while box.scene.result(key) is None:
        assert box.now_ms < (key.end + 120) * 1000
        await box.step(5000)


async def test_an_open_market_has_the_recorded_fields(box: Box, recordings: Path) -> None:
    ours = shape(await market_of(box, running(box)))
    (event,) = ours.pop("events")
    theirs = shape(recorded(recordings, "gamma_market_active")[0])
    assert ours.keys() - NEW_MARKET_KEYS == theirs.keys() - OPTIONAL_KEYS
    assert {name: ours[name] for name in theirs if name in ours} == without(theirs, OPTIONAL_KEYS)

    their_event = next(
        market["events"][0] for market in recorded(recordings, "gamma_market_active") if "events" in market
    )
    # sums over an event's markets, and the strike, which is not public yet
    left_out = {name for name in their_event if name.startswith(("volume", "liquidity"))} | {"competitive"}
    assert without(event, left_out) == without(shape(their_event), left_out | {"eventMetadata"})


async def test_a_resolved_event_has_the_recorded_fields(box: Box, recordings: Path) -> None:
    key = running(box)
    await run_to_resolution(box, key)
    ours = shape(await gamma_event(box, key))
    theirs = shape(recorded(recordings, "gamma_event_resolved_5m")[0][0])
    (our_market,), (their_market,) = ours.pop("markets"), theirs.pop("markets")
    (our_tag,), (their_tag,) = ours.pop("tags"), theirs.pop("tags")
    assert our_tag == their_tag
    assert ours == theirs
    left_out = {name for name in our_market if name.startswith(("volume", "liquidity"))} | {"competitive"}
    assert without(our_market, left_out | NEW_MARKET_KEYS) == without(their_market, left_out | OPTIONAL_KEYS)


def without(mapping: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}


async def test_lists_are_json_inside_text_and_v1_trades_the_clob_tokens(box: Box) -> None:
    key = running(box)
    market = await market_of(box, key)
    assert json.loads(market["outcomes"]) == ["Up", "Down"]
    assert tuple(json.loads(market["clobTokenIds"])) == tokens(box, key)
    assert market["version"] == "v1"
    assert not set(market["positionIds"]) & set(tokens(box, key))


async def test_window_times_are_not_listing_times(box: Box) -> None:
    key = running(box)
    market = await market_of(box, key)
    seconds = {
        name: datetime.fromisoformat(market[name]).timestamp()
        for name in ("eventStartTime", "endDate", "startDate", "acceptingOrdersTimestamp")
    }
    assert seconds["eventStartTime"] == key.epoch
    assert seconds["endDate"] == key.end
    assert 85_000 < key.epoch - seconds["startDate"] < 86_500
    assert 85_000 < key.epoch - seconds["acceptingOrdersTimestamp"] < 86_500


async def test_strike_and_final_appear_when_the_windows_before_and_itself_are_resolved(box: Box) -> None:
    first, second = running(box), running(box).next()
    assert "eventMetadata" not in await gamma_event(box, first, "0")
    await box.step(90_000)
    strike = (await gamma_event(box, first, "1"))["eventMetadata"]
    assert strike.keys() == {"priceToBeat"}
    stamped = [p.price for p in box.scene.world.twap_history("btc", 300) if p.at_ms == first.epoch * 1000]
    assert stamped in ([], [strike["priceToBeat"]])  # now and then a print is missing

    while box.now_ms < first.end * 1000:
        await box.step(5000)
    ended = await gamma_event(box, first, "2")
    assert ended["markets"][0]["umaResolutionStatus"] == "proposed"
    assert (ended["closed"], ended["markets"][0]["acceptingOrders"]) == (False, True)
    assert "eventMetadata" not in await gamma_event(box, second, "2")

    await run_to_resolution(box, first)
    resolved = await gamma_event(box, first, "3")
    market, metadata = resolved["markets"][0], resolved["eventMetadata"]
    won = "up" if metadata["finalPrice"] >= metadata["priceToBeat"] else "down"
    assert (market["closed"], market["acceptingOrders"]) == (True, False)
    assert (market["umaResolutionStatus"], market["automaticallyResolved"]) == ("resolved", True)
    assert json.loads(market["outcomePrices"]) == (["1", "0"] if won == "up" else ["0", "1"])
    # the end of one window is the start of the next
    assert (await gamma_event(box, second, "3"))["eventMetadata"] == {"priceToBeat": metadata["finalPrice"]}


async def test_the_same_url_is_answered_from_the_cache_for_a_minute(box: Box) -> None:
    key = running(box)
    before = await gamma_event(box, key)
    await box.step(30_000)
    assert await gamma_event(box, key) == before
    assert await gamma_event(box, key, "other") != before
    await box.step(31_000)
    assert await gamma_event(box, key) != before


async def test_an_unknown_slug_is_not_found(box: Box) -> None:
    for kind in ("events", "markets"):
        for name in ("btc-updown-15m-1600000200", "nonsense"):
            response = await get(f"{box.endpoints.feeds.gamma}/{kind}/slug/{name}")
            assert response.status_code == 404
            assert response.json() == {"type": "not found error", "error": "slug not found"}


async def test_the_next_window_is_listed_and_has_a_book(box: Box) -> None:
    key = running(box).next()
    market = await market_of(box, key)
    assert market["acceptingOrders"]
    book = (await get(f"{box.endpoints.feeds.clob}/book", token_id=tokens(box, key)[0])).json()
    assert book["bids"]
    assert book["asks"]


async def test_a_rest_book_has_the_recorded_shape(box: Box, recordings: Path) -> None:
    book = (await get(f"{box.endpoints.feeds.clob}/book", token_id=tokens(box, running(box))[1])).json()
    assert shape(book) == shape(recorded(recordings, "clob_rest_book")[0])


async def test_unknown_tokens_have_no_book(box: Box) -> None:
    url = f"{box.endpoints.feeds.clob}/book"
    unknown = await get(url, token_id="12345")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "No orderbook exists for the requested token id"})
    assert (await get(url)).status_code == 400


async def test_clob_market_has_the_recorded_shape_and_names_the_winner(box: Box, recordings: Path) -> None:
    key = running(box)
    listing = box.scene.listing(key)
    assert listing is not None
    url = f"{box.endpoints.feeds.clob}/markets/{listing.condition_id}"
    ours, theirs = (
        (await get(url)).json(),
        recorded(recordings, "rest_misc", "clob_market_closed_binary_accepting_true"),
    )
    rewards, recorded_rewards = ours.pop("rewards"), theirs[0].pop("rewards")
    assert shape(ours) == shape(theirs[0])
    assert rewards.keys() == recorded_rewards.keys()
    assert [token["winner"] for token in ours["tokens"]] == [False, False]

    await run_to_resolution(box, key)
    result = box.scene.result(key)
    assert result is not None
    resolved = (await get(url)).json()
    assert resolved["closed"]
    assert {token["outcome"]: (token["winner"], token["price"]) for token in resolved["tokens"]} == {
        "Up": (result.outcome == "up", int(result.outcome == "up")),
        "Down": (result.outcome == "down", int(result.outcome == "down")),
    }


async def test_market_info_gives_fee_tick_and_minimum(box: Box) -> None:
    key = running(box)
    listing = box.scene.listing(key)
    assert listing is not None
    info = (await get(f"{box.endpoints.feeds.clob}/clob-markets/{listing.condition_id}")).json()
    up, down = tokens(box, key)
    assert info["t"] == [{"t": up, "o": "Up"}, {"t": down, "o": "Down"}]
    assert (info["c"], info["mos"], info["mts"], info["ao"], info["itode"]) == (
        listing.condition_id,
        5,
        0.01,
        True,
        True,
    )
    assert info["fd"] == {"r": 0.07, "e": 1, "to": True}
    assert "nr" not in info
    tick = await get(f"{box.endpoints.feeds.clob}/tick-size", token_id=up)
    assert tick.json() == {"minimum_tick_size": 0.01}
    assert (await get(f"{box.endpoints.feeds.clob}/markets/0xnothing")).status_code == 404


async def test_clocks_tell_market_time(box: Box) -> None:
    feeds = box.endpoints.feeds
    assert (await get(f"{feeds.clob}/time")).text == str(MARKET0_MS // 1000)
    assert (await get(f"{feeds.binance_rest}/api/v3/time")).json() == {"serverTime": MARKET0_MS}
    await box.step(1500)
    assert (await get(f"{feeds.binance_rest}/api/v3/time")).json() == {"serverTime": MARKET0_MS + 1500}
