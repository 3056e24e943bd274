"""Finding a window's market: what the catalogue says, and what is made of its refusals."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from polyterm.core.market import FeeSchedule, MarketKey
from polyterm.errors import FeedError
from polyterm.feeds.polymarket import gamma_wire
from polyterm.feeds.polymarket.discovery import Discovery, market_info
from polyterm.feeds.polymarket.rest import RestError
from polyterm.transport.http import http_client
from tests.feeds.polymarket_venue import Venue, condition, event, tokens

KEY = MarketKey("btc", "15m", 1_790_000_100)
UP, DOWN = tokens(KEY)


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with Venue() as venue:
        yield venue


@pytest.fixture
async def discovery(venue: Venue) -> AsyncIterator[Discovery]:
    async with http_client() as client:
        yield Discovery(client, venue.settings)


async def test_a_listed_market_is_described(venue: Venue, discovery: Discovery) -> None:
    venue.list(event(KEY, cryptoMarketConfig={"twapEnabled": True, "twapLookbackSeconds": 60}))
    info = await discovery.market(KEY)
    assert (info.slug, info.condition_id) == ("btc-updown-15m-1790000100", condition(KEY))
    assert (info.up_token, info.down_token) == (UP, DOWN)
    assert (info.tick, info.min_size, info.fee) == (0.01, 5.0, FeeSchedule(0.07, 1.0))
    assert (info.twap_seconds, info.accepting_orders, info.closed, info.outcome) == (60, True, False, None)
    assert (info.price_to_beat, info.final_price) == (None, None)
    assert info.tradable
    assert venue.asked == ["/events/slug/btc-updown-15m-1790000100"]


async def test_tokens_follow_the_labels_and_not_their_place(venue: Venue, discovery: Discovery) -> None:
    venue.list(event(KEY, outcome="up", outcomes='["Down", "Up"]', outcomePrices='["1", "0"]'))
    info = await discovery.market(KEY)
    assert (info.up_token, info.down_token) == (DOWN, UP)
    assert info.outcome == "down"


async def test_the_version_chooses_the_ids_and_an_unknown_one_is_only_watched(
    venue: Venue, discovery: Discovery
) -> None:
    venue.list(event(KEY, version="v2", positionIds=["71", "72"]))
    assert (await discovery.market(KEY)).up_token == "71"
    venue.list(event(KEY, version="v1", positionIds=["71", "72"]))
    assert (await discovery.market(KEY)).up_token == UP
    venue.list(event(KEY, version="v3", positionIds=["71", "72"]))
    info = await discovery.market(KEY)
    assert (info.up_token, info.tradable) == (UP, False)
    venue.list(event(KEY, version=None))
    assert not (await discovery.market(KEY)).tradable


async def test_a_fee_that_the_catalogue_leaves_out_is_asked_of_the_order_book(
    venue: Venue, discovery: Discovery
) -> None:
    venue.list(event(KEY, feeSchedule=None))
    unknown = await discovery.market(KEY)
    assert (unknown.fee, unknown.tradable) == (None, False)
    venue.market_infos[condition(KEY)] = {"c": condition(KEY), "t": [], "fd": {"r": "0.07", "e": 1, "to": True}}
    assert (await discovery.market(KEY)).fee == FeeSchedule(0.07, 1.0)
    venue.list(event(KEY, feesEnabled=False, feeSchedule=None))
    assert (await discovery.market(KEY)).fee == FeeSchedule(0.0, 1.0)


async def test_results_count_only_once_resolved(venue: Venue, discovery: Discovery) -> None:
    venue.list(event(KEY, strike=100.5, final=101.25, outcome="up"))
    info = await discovery.market(KEY)
    assert (info.outcome, info.price_to_beat, info.final_price) == ("up", 100.5, 101.25)
    venue.list(event(KEY, outcome="up", umaResolutionStatus="proposed"))
    assert (await discovery.market(KEY)).outcome is None
    venue.list(event(KEY, outcome="up", outcomePrices='["0.5", "0.5"]'))  # voided
    assert (await discovery.market(KEY)).outcome is None
    venue.list(event(KEY, outcomePrices='["0.999", "0.001"]'))  # still trading
    assert (await discovery.market(KEY)).outcome is None


async def test_a_fresh_question_never_repeats_a_url(venue: Venue, discovery: Discovery) -> None:
    venue.list(event(KEY))
    for _ in range(3):
        await discovery.market(KEY, fresh=True)
    assert len(set(venue.asked)) == 3


async def test_another_windows_market_is_refused(venue: Venue, discovery: Discovery) -> None:
    venue.list(event(KEY, eventStartTime="2026-09-21T14:15:00Z"))  # 1790000100
    assert (await discovery.market(KEY)).key == KEY
    venue.list(event(KEY, eventStartTime="2026-09-21T14:30:00Z"))
    with pytest.raises(FeedError, match="starts at"):
        await discovery.market(KEY)


async def test_what_is_not_listed_or_not_named_by_epoch_is_no_outage(discovery: Discovery) -> None:
    with pytest.raises(FeedError, match="btc-updown-15m-1790000100 is not listed") as caught:
        await discovery.market(KEY)
    assert not isinstance(caught.value, RestError)
    with pytest.raises(FeedError, match="1h"):
        await discovery.market(MarketKey("btc", "1h", 1_790_000_000))


@pytest.mark.parametrize(
    "changed", [{"outcomes": '["Yes", "No"]'}, {"clobTokenIds": "[]"}, {"outcomes": "Up, Down"}, {"slug": 7}]
)
async def test_nonsense_is_refused_with_a_sentence(
    venue: Venue, discovery: Discovery, changed: dict[str, object]
) -> None:
    answer = event(KEY)
    answer["markets"][0].update(changed)
    venue.list(answer)
    with pytest.raises(FeedError, match="makes no sense"):
        await discovery.market(KEY)


async def test_a_refusal_says_how_long_to_wait(venue: Venue, discovery: Discovery) -> None:
    venue.refusal = (429, {"Retry-After": "7"})
    with pytest.raises(RestError, match="slow down") as caught:
        await discovery.market(KEY)
    assert (caught.value.status, caught.value.retry_in_s) == (429, 7.0)
    venue.refusal = (403, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    with pytest.raises(RestError, match="refuses access") as caught:
        await discovery.market(KEY)
    assert caught.value.retry_in_s is None


async def test_a_dead_host_is_an_outage() -> None:
    async with Venue() as gone:
        settings = gone.settings
    async with http_client() as client:
        with pytest.raises(RestError, match="cannot be reached"):
            await Discovery(client, settings).market(KEY)


async def test_no_answer_is_an_outage(venue: Venue) -> None:
    venue.answering.clear()
    async with http_client(timeout_s=0.05) as client:
        with pytest.raises(RestError, match="does not answer"):
            await Discovery(client, venue.settings).market(KEY)
    venue.answering.set()


def test_a_captured_result_is_read(recordings: Path) -> None:
    line = (recordings / "messages" / "gamma_event_resolved_5m.jsonl").read_text(encoding="utf-8").splitlines()[0]
    found = gamma_wire.decode_event(msgspec.json.decode(line)["raw"].encode())
    assert found is not None
    info = market_info(MarketKey("btc", "5m", 1783425300), found)
    assert (info.outcome, info.price_to_beat, info.final_price) == ("up", 63273.34081414265, 63344.55091892723)
    assert info.up_token == "13901162395707747156011582554818786789601957704302127569820516061327049109476"
    assert (info.fee, info.tick, info.version, info.tradable) == (FeeSchedule(0.07, 1.0), 0.001, None, False)
