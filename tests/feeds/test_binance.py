import asyncio
import contextlib
import json
import random
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from polyterm.core.market import COINS
from polyterm.feeds.binance.channel import BinanceFeed
from polyterm.feeds.binance.skew import ClockSkew
from polyterm.feeds.binance.wire import BookTicker, Reply, Shutdown, Trade, Unknown, decode
from polyterm.feeds.board import Board, SpotQuote
from polyterm.feeds.coinbase import wire as coinbase
from polyterm.settings import FeedSettings
from polyterm.transport.clock import ManualClock, system_clock
from polyterm.transport.socket import HangUpError
from tests.waiting import eventually


def book(bid: str, ask: str, symbol: str = "BTCUSDT") -> str:
    data = {"u": 77001, "s": symbol, "b": bid, "B": "1.2", "a": ask, "A": "0.8"}
    return json.dumps({"stream": f"{symbol.lower()}@bookTicker", "data": data})


def trade(price: str, sent_ms: int = 0, symbol: str = "BTCUSDT") -> str:
    data = {"e": "aggTrade", "E": sent_ms, "s": symbol, "a": 5, "p": price, "q": "1", "T": sent_ms - 1, "m": True}
    return json.dumps({"stream": f"{symbol.lower()}@aggTrade", "data": data})


def test_every_recorded_trade_is_read(recordings: Path) -> None:
    lines = (recordings / "messages" / "binance_ws_trade.jsonl").read_text().splitlines()
    frames = [decode(json.loads(line)["raw"]) for line in lines]
    assert len(frames) == 45
    assert frames[0] == Trade("BTCUSDT", 76584.81, 1777428651069, 1777428651069)
    assert frames[8] == Trade("BTCUSDT", 76584.80, 1777428651789, 1777428651788)
    assert {frame.symbol for frame in frames if isinstance(frame, Trade)} == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}


def test_every_recorded_coinbase_ticker_is_read(recordings: Path) -> None:
    lines = (recordings / "messages" / "coinbase_ws_ticker.jsonl").read_text().splitlines()
    tickers = [coinbase.decode(json.loads(line)["raw"]) for line in lines]
    assert len(tickers) == 24
    first = tickers[0]
    assert (first.product_id, first.price, first.best_bid, first.best_ask) == ("SOL-USD", 84.16, 84.15, 84.16)
    assert first.at_ms == 1777428652233  # 2026-04-29T02:10:52.233043Z


def test_raw_frames_are_read_as_well_as_combined_ones() -> None:
    combined = book("65000.01", "65000.02")
    raw = json.dumps(json.loads(combined)["data"])
    assert decode(combined) == decode(raw) == BookTicker("BTCUSDT", 65000.01, 65000.02)
    assert decode(json.dumps(json.loads(trade("1.5", 9))["data"])) == Trade("BTCUSDT", 1.5, 9, 8)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}', Shutdown()),
        ('{"e":"serverShutdown","E":1}', Shutdown()),
        ('{"result":null,"id":1}', Reply()),
        ('{"error":{"code":2},"id":"x"}', Reply('{"code":2}')),
        ('{"stream":"btcusdt@depth","data":{"e":"depthUpdate"}}', Unknown("depth")),
        ('{"e":"24hrTicker"}', Unknown("24hrTicker")),
        ("{}", Unknown("")),
    ],
)
def test_other_frames_are_told_apart(text: str, frame: object) -> None:
    assert decode(text) == frame


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "nonsense",
        '{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCU',
        '{"stream":"btcusdt@bookTicker"}',
        book("nan", "65000.02"),
        book("65000.01", "inf"),
        book("-1", "2"),
        trade("0"),
        trade("abc"),
    ],
)
def test_what_is_malformed_is_refused(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(text)


@pytest.mark.parametrize(
    ("bid", "ask", "mid"),
    [(100.0, 102.0, 101.0), (100.0, 100.0, 100.0), (102.0, 100.0, None), (0.0, 100.0, None), (100.0, 0.0, None)],
)
def test_a_mid_needs_two_sides_that_do_not_cross(bid: float, ask: float, mid: float | None) -> None:
    assert BookTicker("BTCUSDT", bid, ask).mid == mid


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(market_ms=1_790_000_000_000)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def feed(board: Board, clock: ManualClock) -> BinanceFeed:
    return BinanceFeed(FeedSettings(), COINS, board, clock, random.Random(1))


def test_the_price_is_the_mid_and_a_trade_does_not_replace_it(feed: BinanceFeed, board: Board) -> None:
    assert feed.on_text(book("65000", "65001"))
    assert feed.on_text(trade("64000"))
    assert board.spot("btc") == SpotQuote("btc", 65000.5, "binance", 1_790_000_000_000)
    assert board.spot("eth") is None


@pytest.mark.parametrize("bad", [book("65002", "65001"), book("0", "65001")])
def test_a_trade_is_the_price_while_the_book_is_unusable(
    feed: BinanceFeed, board: Board, clock: ManualClock, bad: str
) -> None:
    feed.on_text(book("65000", "65001"))
    clock.advance_to(1_790_000_000_100)
    feed.on_text(bad)
    spot = board.spot("btc")
    assert spot is not None
    assert spot.price == 65000.5
    feed.on_text(trade("64990", sent_ms=1_790_000_000_050))
    assert board.spot("btc") == SpotQuote("btc", 64990.0, "binance-trade", 1_790_000_000_100, 1_790_000_000_049)
    clock.advance_to(1_790_000_000_200)
    feed.on_text(book("64980", "64982"))
    assert board.spot("btc") == SpotQuote("btc", 64981.0, "binance", 1_790_000_000_200)


def test_a_trade_is_the_price_when_the_book_has_been_quiet(feed: BinanceFeed, board: Board, clock: ManualClock) -> None:
    feed.on_text(book("65000", "65001"))
    clock.advance_to(1_790_000_003_000)
    feed.on_text(trade("64990"))
    spot = board.spot("btc")
    assert spot is not None
    assert spot.source == "binance"
    clock.advance_to(1_790_000_003_001)
    feed.on_text(trade("64991"))
    spot = board.spot("btc")
    assert spot is not None
    assert (spot.source, spot.price) == ("binance-trade", 64991.0)


def test_an_unknown_kind_or_coin_is_counted(feed: BinanceFeed) -> None:
    assert not feed.on_text('{"stream":"btcusdt@weather","data":{}}')
    assert not feed.on_text(book("1", "2", symbol="DOGEUSDT"))
    assert not feed.on_text(trade("1", symbol="DOGEUSDT"))
    assert feed.health.row().unknown == 3


def test_an_announced_shutdown_means_reconnecting_at_once(feed: BinanceFeed) -> None:
    with pytest.raises(HangUpError) as caught:
        feed.on_text('{"stream":"!serverShutdown","data":{}}')
    assert caught.value.retry_in_s == 0.0


def test_skew_is_the_shortest_delay_of_the_last_minute(feed: BinanceFeed, clock: ManualClock) -> None:
    assert feed.skew_ms is None
    for at_ms, delay_ms in ((0, 80), (1_000, 30), (30_000, 50)):
        clock.advance_to(1_790_000_000_000 + at_ms)
        feed.on_text(trade("1", sent_ms=clock.market_ms() - delay_ms))
    assert feed.skew_ms == 30
    clock.advance_to(1_790_000_065_000)
    assert feed.skew_ms == 50
    clock.advance_to(1_790_000_120_000)
    assert feed.skew_ms is None


def test_a_negative_skew_shows_a_slow_clock() -> None:
    skew = ClockSkew()
    skew.observe(now_s=5.0, recv_ms=1_000, sent_ms=1_400)
    assert skew.estimate_ms(5.0) == -400


@pytest.mark.parametrize(
    ("sent_ago_ms", "said"),
    [
        (-2_300, "the clock of this machine is 2.3 s behind the exchange's: set it"),
        (-200, ""),
        (40, ""),
        (900, ""),
        (4_000, "the clock of this machine is 4.0 s ahead of the exchange's, or its prices come that late: set it"),
    ],
)
def test_a_clock_that_is_wrong_shows_while_data_flows(
    feed: BinanceFeed, clock: ManualClock, sent_ago_ms: int, said: str
) -> None:
    feed.on_text(trade("100", clock.market_ms() - sent_ago_ms))
    feed.health.data()
    assert (feed.health.row().state, feed.health.row().reason) == ("live", said)


async def test_one_connection_carries_eight_streams_and_moves_off_a_dead_host() -> None:
    paths: list[str] = []

    async def exchange(socket: ServerConnection) -> None:
        assert socket.request is not None
        paths.append(socket.request.path)
        for text in ("garbage", book("65000", "65001"), book("2.5", "2.7", "XRPUSDT")):
            await socket.send(text)
        await socket.wait_closed()

    board, clock = Board(), system_clock()
    async with serve(exchange, "127.0.0.1", 0) as server:
        good = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = FeedSettings(binance_ws=("ws://127.0.0.1:9", good))
        feed = BinanceFeed(settings, COINS, board, clock, random.Random(1))
        task = asyncio.create_task(feed.run())
        await eventually(lambda: board.spot("xrp"))
        row = feed.health.row()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert (row.state, row.host, row.malformed) == ("live", good.removeprefix("ws://"), 1)
    (path,) = paths
    assert path.removeprefix("/stream?streams=").split("/") == [
        "btcusdt@bookTicker", "btcusdt@aggTrade", "ethusdt@bookTicker", "ethusdt@aggTrade",
        "solusdt@bookTicker", "solusdt@aggTrade", "xrpusdt@bookTicker", "xrpusdt@aggTrade",
    ]  # fmt: skip
