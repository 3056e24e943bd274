import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve

from polyterm.core.market import COINS
from polyterm.feeds.board import Board, OraclePrint
from polyterm.feeds.settlement import rtds, wire
from polyterm.feeds.settlement.channel import SettlementFeed
from polyterm.settings import Credentials, FeedSettings
from polyterm.transport.clock import Clock, ManualClock, system_clock
from polyterm.transport.socket import HangUpError
from tests.waiting import eventually

START_MS = 1_790_000_000_000
KEY = Credentials(api_key=SecretStr("my-key"), secret=SecretStr("my-secret"), passphrase=SecretStr("my-phrase"))


def update(
    seq: int, at_ms: int, exact: str, *, channel: str = wire.TWAP, symbol: str = "btcusd", **extra: object
) -> str:
    payload: dict[str, object] = {
        "symbol": symbol, "value": 0.5, "full_accuracy_value": exact, "timestamp": at_ms, "source": "chainlink",
    }  # fmt: skip
    if channel == wire.TWAP:
        payload["window_seconds"] = 60
    return json.dumps({"v": 1, "channel": channel, "seq": seq, "ts": at_ms + 1400, "payload": payload, **extra})


def snapshot(seq: int, points: dict[int, str], *, channel: str = wire.TWAP, symbol: str = "btcusd") -> str:
    data = [{"timestamp": at_ms, "value": 0.5, "full_accuracy_value": exact} for at_ms, exact in points.items()]
    payload = {"symbol": symbol, "source": "chainlink", "window_seconds": 60, "data": data}
    return json.dumps({"v": 1, "channel": channel, "seq": seq, "ts": 0, "snapshot": True, "payload": payload})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def feed(board: Board, clock: ManualClock) -> SettlementFeed:
    return make_feed(board, clock)


def make_feed(
    board: Board, clock: Clock, url: str = "ws://127.0.0.1:9/ws", credentials: Credentials = KEY
) -> SettlementFeed:
    return SettlementFeed(FeedSettings(settlement_ws=url), credentials, COINS, board, clock, random.Random(1))


def test_a_print_carries_the_exact_value_and_its_own_stamp(feed: SettlementFeed, board: Board) -> None:
    assert feed.on_text(update(1, START_MS - 1000, "65000.123456789012345678"))
    expected = OraclePrint("btc", 65000.12345678901, "twap60", START_MS - 1000, START_MS)
    assert board.twap("btc") == expected
    assert board.twap_at("btc", START_MS // 1000 - 1) == expected
    assert board.oracle("btc") is None


def test_the_point_price_names_its_provider_and_is_no_sign_of_life(feed: SettlementFeed, board: Board) -> None:
    assert not feed.on_text(update(1, START_MS, "2.5", channel=wire.POINT, symbol="XRPUSD"))
    assert board.oracle("xrp") == OraclePrint("xrp", 2.5, "chainlink-stream", START_MS, START_MS)
    assert board.twap("xrp") is None
    frame = json.loads(update(2, START_MS + 1000, "2.6", channel=wire.POINT, symbol="xrpusd"))
    frame["payload"]["source"] = "pyth"
    feed.on_text(json.dumps(frame))
    newest = board.oracle("xrp")
    assert newest is not None
    assert newest.source == "pyth-stream"


def test_a_snapshot_fills_the_history_and_an_empty_one_is_no_data(feed: SettlementFeed, board: Board) -> None:
    assert not feed.on_text(snapshot(1, {}))
    assert feed.on_text(snapshot(2, {START_MS - 1000: "3.0", START_MS - 3000: "1.0"}))
    prints = [board.twap_at("btc", START_MS // 1000 - back) for back in (3, 2, 1)]
    assert [found and found.price for found in prints] == [1.0, None, 3.0]
    assert feed.health.row().gaps == 0


def test_a_jump_of_the_sequence_is_a_gap_of_its_channel(feed: SettlementFeed) -> None:
    for seq in (1, 2, 5):
        feed.on_text(update(seq, START_MS + seq, "1.0"))
    feed.on_text(update(9, START_MS, "1.0", channel=wire.POINT))
    assert feed.health.row().gaps == 1
    feed.on_text(update(6, START_MS + 6, "1.0", dropped=4))
    assert feed.health.row().gaps == 2


def test_the_sequence_starts_anew_with_each_connection(feed: SettlementFeed) -> None:
    feed.on_text(update(41, START_MS, "1.0"))
    feed.on_close()
    feed.on_open(lambda _: None)
    feed.on_text(update(1, START_MS + 1, "1.0"))
    assert feed.health.row().gaps == 0


def test_another_average_is_not_taken_for_ours(feed: SettlementFeed, board: Board) -> None:
    frame = json.loads(update(1, START_MS, "1.0"))
    frame["payload"]["window_seconds"] = 30
    assert not feed.on_text(json.dumps(frame))
    assert board.twap("btc") is None
    assert feed.health.row().unknown == 1


@pytest.mark.parametrize(
    "text",
    ["[]", "PONG", "{", update(1, 1, "nan"), update(1, 1, "-5"), update(1, 1, ""), '{"channel":"price.crypto.twap"}'],
)
def test_what_is_malformed_is_refused(feed: SettlementFeed, text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        feed.on_text(text)


def test_unknown_channels_and_operations_are_counted(feed: SettlementFeed) -> None:
    for text in ('{"v":1,"channel":"comments","seq":1,"payload":{}}', '{"op":"dance"}', "{}"):
        assert not feed.on_text(text)
    assert feed.health.row().unknown == 3


def test_answers_without_news_are_no_data(feed: SettlementFeed) -> None:
    for text in ('{"op":"pong"}', '{"op":"subscribed","rid":"2","channel":"price.crypto"}'):
        assert not feed.on_text(text)
    assert feed.health.row().unknown == 0


@pytest.mark.parametrize(("code", "long"), [("auth_invalid", True), ("auth_unavailable", False), ("bad_filter", None)])
def test_an_error_is_weighed_by_its_code(feed: SettlementFeed, code: str, long: bool | None) -> None:
    text = json.dumps({"op": "error", "rid": "1", "code": code, "channel": None})
    if long is None:
        assert not feed.on_text(text)
        return
    with pytest.raises(HangUpError) as caught:
        feed.on_text(text)
    wait_s = caught.value.retry_in_s
    assert (wait_s is not None and 300 <= wait_s <= 600) is long
    assert code in str(caught.value)


@asynccontextmanager
async def running(
    handler: Callable[[ServerConnection], Awaitable[None]], board: Board
) -> AsyncIterator[SettlementFeed]:
    async with serve(handler, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        feed = make_feed(board, system_clock(), url)
        task = asyncio.create_task(feed.run())
        try:
            yield feed
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_it_authenticates_then_subscribes_then_reads(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    frames: list[object] = []

    async def venue(socket: ServerConnection) -> None:
        frames.append(json.loads(await socket.recv()))
        with pytest.raises(TimeoutError):  # nothing more before the answer
            async with asyncio.timeout(0.05):
                await socket.recv()
        await socket.send('{"op":"authed","rid":"1"}')
        frames.append(json.loads(await socket.recv()))
        await socket.send(snapshot(1, {START_MS: "1.5"}))
        await socket.send(update(2, START_MS + 1000, "1.6"))
        await socket.wait_closed()

    async with running(venue, board) as feed:
        await eventually(lambda: (found := board.twap("btc")) and found.price == 1.6)
        assert feed.health.row().state == "live"
    auth, subscribe = frames
    assert auth == {
        "op": "auth", "rid": "1", "auth": {"apiKey": "my-key", "secret": "my-secret", "passphrase": "my-phrase"},
    }  # fmt: skip
    assert isinstance(subscribe, dict)
    assert (subscribe["op"], len(subscribe["subscriptions"])) == ("subscribe", 8)
    assert {
        "channel": "price.crypto.twap", "filter": {"symbol": "xrpusd", "window_seconds": 60},
    } in subscribe["subscriptions"]  # fmt: skip
    assert {"channel": "price.crypto", "filter": {"symbol": "btcusd"}} in subscribe["subscriptions"]
    ours = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server"))
    for secret in ("my-key", "my-secret", "my-phrase"):
        assert secret not in ours
        assert secret not in repr(wire.Credentials("my-key", "my-secret", "my-phrase"))


@pytest.mark.parametrize(
    ("code", "words", "shortest_s", "longest_s"),
    [
        (4001, "does not accept our API credentials", 290, 600),
        (4002, "found us too slow", 0, 2),
        (4003, "is being drained", 0, 10),
        (4008, "says that we broke its rules", 25, 60),
    ],
)
async def test_the_venues_close_codes_are_understood(
    board: Board, code: int, words: str, shortest_s: float, longest_s: float
) -> None:
    async def venue(socket: ServerConnection) -> None:
        await socket.close(code)

    async with running(venue, board) as feed:
        await eventually(lambda: feed.health.row().state == "down")
        row = feed.health.row()
    assert row.reason == f"{row.host} {words} ({code})"
    assert row.retry_in_s is not None
    assert shortest_s <= row.retry_in_s <= longest_s


async def test_without_credentials_it_is_off_and_says_so(board: Board) -> None:
    feed = make_feed(board, system_clock(), credentials=Credentials(api_key=SecretStr("only")))
    task = asyncio.create_task(feed.run())
    await eventually(lambda: feed.health.row().state == "off")
    assert feed.health.row().reason == "no API credentials: prices come from the chain instead"
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def recorded(recordings: Path, name: str) -> list[tuple[str, rtds.Prices]]:
    found = []
    for line in (recordings / "messages" / f"{name}.jsonl").read_text().splitlines():
        raw = json.loads(line)["raw"]
        prices = rtds.decode(raw)
        assert isinstance(prices, rtds.Prices), raw
        found.append((raw, prices))
    return found


@pytest.mark.parametrize(
    ("name", "count", "first"),
    [
        (
            "rtds_chainlink_update", 45,
            rtds.Prices("chainlink", "btc/usd", False, (rtds.Point(76568.78, 1777428654000),)),
        ),
        (
            "rtds_chainlink_update_2025", 60,
            rtds.Prices("chainlink", "xrp/usd", False, (rtds.Point(2.616504, 1761765904000),)),
        ),
        (
            "rtds_binance_update", 60,
            rtds.Prices("binance", "xrpusdt", False, (rtds.Point(2.6145, 1761765906000),)),
        ),
        (
            "rtds_misc", 2,
            rtds.Prices(
                "binance", "btcusdt", True,
                (
                    rtds.Point(61164.12, 1780726209000),
                    rtds.Point(61161.07, 1780726210000),
                    rtds.Point(61150.89, 1780726211000),
                ),
            ),
        ),
    ],
)  # fmt: skip
def test_every_recorded_message_of_the_old_socket_is_read(
    recordings: Path, name: str, count: int, first: rtds.Prices
) -> None:
    messages = recorded(recordings, name)
    assert len(messages) == count
    assert messages[0][1] == first
    for raw, prices in messages:
        payload = json.loads(raw)["payload"]
        if not prices.snapshot:  # both scalings of the exact value agree with the approximate one
            assert prices.points[0].price == pytest.approx(payload["value"], rel=1e-12)


def test_every_recorded_snapshot_of_the_old_socket_is_read(recordings: Path) -> None:
    messages = recorded(recordings, "rtds_chainlink_subscribe_snapshot")
    assert [prices.symbol for _, prices in messages] == ["btc/usd", "eth/usd", "sol/usd"] * 2
    assert [len(prices.points) for _, prices in messages] == [57, 57, 56, 58, 57, 59]
    assert {(prices.provider, prices.snapshot) for _, prices in messages} == {("chainlink", True)}
    assert messages[0][1].points[0] == rtds.Point(76579.44275333079, 1777428595000)


def test_the_old_sockets_average_and_unknown_topics_are_told_apart() -> None:
    point = {
        "symbol": "btc/usd",
        "timestamp": 1790000000000,
        "value": 1.5,
        "full_accuracy_value": "1500000000000000000",
    }
    message = {"topic": "crypto_prices_twap_sixty", "type": "update", "timestamp": 0, "payload": point}
    expected = rtds.Prices("twap60", "btc/usd", False, (rtds.Point(1.5, 1790000000000),))
    assert rtds.decode(json.dumps(message)) == expected
    assert rtds.decode('{"topic":"comments","type":"comment_created"}') == rtds.Unknown("comments comment_created")
