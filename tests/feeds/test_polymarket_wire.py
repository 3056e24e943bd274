"""Every captured message of the venue is read, and read right."""

import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from polyterm.feeds.polymarket import clob_wire, gamma_wire, user_wire, wire
from polyterm.feeds.polymarket.numbers import optional_number, price_key, shares
from polyterm.feeds.polymarket.wire import BookMessage, LastTrade, Level, MarketResolved, PriceChanges, TickSizeChange

Decoder = Callable[[str], object]


def market_frame(text: str) -> object:
    frame = wire.decode(text)
    assert frame.unknown == ()
    assert frame.malformed == ()
    return frame.messages


def as_type(kind: object) -> Decoder:
    return lambda text: msgspec.json.decode(text, type=kind, strict=False)


def rest_book(text: str) -> object:
    return clob_wire.decode_book(text.encode())


def clob_market(text: str) -> object:
    return clob_wire.decode_market(text.encode())


def gamma_market(text: str) -> object:
    return gamma_wire.decode_market(text.encode())


def gamma_event(text: str) -> object:
    return gamma_wire.decode_event(text.encode())


BY_FILE: dict[str, Decoder] = {
    "clob_ws_book": market_frame,
    "clob_ws_book_initial_list": market_frame,
    "clob_ws_price_change": market_frame,
    "clob_ws_new_market": market_frame,
    "clob_ws_market_misc": market_frame,
    "clob_ws_user": user_wire.decode_user_frame,
    "clob_rest_book": rest_book,
    "clob_prices_history": as_type(clob_wire.PricesHistory),
    "data_api_activity": as_type(tuple[user_wire.DataActivity, ...]),
    "data_api_positions": as_type(tuple[user_wire.DataPosition, ...]),
    "data_api_trades": as_type(tuple[user_wire.DataTrade, ...]),
    "gamma_event_active": gamma_event,
    "gamma_event_resolved_5m": gamma_event,
    "gamma_market_active": gamma_market,
    "gamma_market_resolved_5m": gamma_market,
}

BY_NAME: dict[str, Decoder] = {
    "http_balance_allowance_collateral": as_type(user_wire.Balance),
    "http_balance_allowance_no_allowance": as_type(user_wire.Balance),
    "http_batch_cancel_response": as_type(user_wire.CancelAnswer),
    "http_cancel_response_failed": as_type(user_wire.CancelAnswer),
    "http_cancel_response_ok": as_type(user_wire.CancelAnswer),
    "http_open_order": as_type(user_wire.OpenOrder),
    "http_open_order_sell_fok": as_type(user_wire.OpenOrder),
    "http_open_orders_page": as_type(user_wire.OrdersPage),
    "http_order_response_error_500": as_type(user_wire.ErrorAnswer),
    "http_order_response_failed": as_type(user_wire.OrderAnswer),
    "http_order_response_ok": as_type(user_wire.OrderAnswer),
    "http_trade_report": as_type(user_wire.UserTrade),
    "http_trades_page": as_type(user_wire.TradesPage),
    "clob_book_response": rest_book,
    "clob_fee_rate_response_nonzero": as_type(clob_wire.FeeRate),
    "clob_fee_rate_response_zero": as_type(clob_wire.FeeRate),
    "clob_market_closed_binary_accepting_false": clob_market,
    "clob_market_closed_binary_accepting_true": clob_market,
    "data_api_positions_response": as_type(tuple[user_wire.DataPosition, ...]),
    "data_api_trades_response": as_type(tuple[user_wire.DataTrade, ...]),
    "gamma_event": gamma_event,
    "gamma_market": gamma_market,
    "gamma_market_closed_binary_accepting_false": gamma_market,
    "gamma_market_closed_binary_accepting_true": gamma_market,
    "gamma_market_closed_nonbinary_legacy": gamma_market,
    "gamma_market_closed_zero_zero_legacy": gamma_market,
}

# Read by other venues' tests.
ELSEWHERE = ("binance_", "coinbase_", "rtds_")


class Captured(msgspec.Struct):
    raw: str
    recv_ms: int | None = None
    name: str | None = None


def captured(path: Path) -> Iterator[Captured]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield msgspec.json.decode(line, type=Captured)


def raw_by_name(recordings: Path, file: str, name: str) -> str:
    return next(message.raw for message in captured(recordings / "messages" / file) if message.name == name)


def test_every_captured_message_is_decoded(recordings: Path) -> None:
    read: dict[str, int] = {}
    for path in sorted((recordings / "messages").glob("*.jsonl")):
        if path.stem.startswith(ELSEWHERE):
            continue
        for message in captured(path):
            decoder = BY_FILE.get(path.stem) or BY_NAME.get(message.name or "")
            assert decoder is not None, f"nothing reads {path.name} {message.name}"
            assert decoder(message.raw), (path.name, message.name)
            read[path.stem] = read.get(path.stem, 0) + 1
    assert read["clob_ws_price_change"] == 40
    assert read["rest_misc"] == 13
    assert sum(read.values()) == 195, read


def test_a_book_is_read_with_its_numbers(recordings: Path) -> None:
    raw = raw_by_name(recordings, "clob_ws_market_misc.jsonl", "live2026_ws_market_book")
    (book,) = wire.decode(raw).messages
    assert isinstance(book, BookMessage)
    assert book.bids == ()
    assert book.asks[0] == Level(0.999, 19500402.66)
    assert (book.timestamp, book.tick_size, book.last_trade_price) == (1783132505573, "0.001", "0.001")


def test_an_initial_dump_is_a_list_of_books(recordings: Path) -> None:
    first = next(captured(recordings / "messages" / "clob_ws_book_initial_list.jsonl"))
    books = wire.decode(first.raw).messages
    assert len(books) == 6
    assert isinstance(books[0], BookMessage)
    assert books[0].hash == "79a2ac4dc67aa5d7d5aff083eb27957fef367e4f"
    assert optional_number(books[0].last_trade_price) is None  # "" means none


def test_a_price_change_names_both_tokens_of_its_market(recordings: Path) -> None:
    first = next(captured(recordings / "messages" / "clob_ws_price_change.jsonl"))
    (message,) = wire.decode(first.raw).messages
    assert isinstance(message, PriceChanges)
    buy, sell = message.price_changes
    assert (buy.price, buy.size, buy.side, buy.best_bid, buy.best_ask) == (0.37, 2525.0, "BUY", "0.49", "0.5")
    assert (sell.price, sell.size, sell.side, sell.best_bid, sell.best_ask) == (0.63, 2525.0, "SELL", "0.5", "0.51")


def test_messages_without_a_type_are_told_by_their_fields(recordings: Path) -> None:
    kinds = {
        "ws_book_snapshot": BookMessage,
        "ws_quotes": PriceChanges,
        "ws_last_trade": LastTrade,
        "ws_tick_size_change": TickSizeChange,
    }
    for name, kind in kinds.items():
        raw = raw_by_name(recordings, "clob_ws_market_misc.jsonl", name)
        assert "event_type" not in json.loads(raw)
        (message,) = wire.decode(raw).messages
        assert isinstance(message, kind), name


def test_a_resolution_names_the_winner(recordings: Path) -> None:
    (message,) = wire.decode(raw_by_name(recordings, "clob_ws_market_misc.jsonl", "ws_market_resolved_msg")).messages
    assert isinstance(message, MarketResolved)
    assert message.winning_outcome == "Yes"
    assert message.winning_asset_id == message.assets_ids[0]


def test_unknown_and_broken_messages_do_not_cost_the_good_ones() -> None:
    frame = wire.decode(
        '[{"event_type":"surprise","x":1},'
        '{"event_type":"last_trade_price","market":"0xa","asset_id":"1","price":"0.4","size":"2","side":"BUY",'
        '"timestamp":"5"},'
        '{"event_type":"book","market":"0xa","asset_id":"1"},'
        '7,{"neither":"this"}]'
    )
    assert [type(message) for message in frame.messages] == [LastTrade]
    assert frame.unknown == ("surprise", "no event_type")
    assert len(frame.malformed) == 2


@pytest.mark.parametrize("text", ["", "PONG", "{", "null", "3", '"PONG"', "[[]]"])
def test_nonsense_is_malformed_and_never_raises(text: str) -> None:
    frame = wire.decode(text)
    assert frame.messages == ()
    assert frame.malformed


def test_every_recorded_book_is_decoded(recordings: Path) -> None:
    """The recordings hold the message as an object; on the wire it is the text."""
    count = 0
    for path in sorted((recordings / "l2").glob("*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line, _ in zip(lines, range(200), strict=False):
                (book,) = wire.decode(json.dumps(json.loads(line)["raw"])).messages
                assert isinstance(book, BookMessage)
                count += 1
    assert count == 800


def test_what_we_say() -> None:
    assert json.loads(wire.first_frame(("11", "22"))) == {
        "type": "market", "assets_ids": ["11", "22"], "custom_feature_enabled": True,
    }  # fmt: skip
    assert json.loads(wire.subscribe_frame(("33",))) == {
        "operation": "subscribe", "assets_ids": ["33"], "custom_feature_enabled": True,
    }  # fmt: skip
    assert json.loads(wire.unsubscribe_frame(("33",)))["operation"] == "unsubscribe"


def test_gamma_hides_lists_in_strings_and_prices_in_the_event(recordings: Path) -> None:
    first = next(captured(recordings / "messages" / "gamma_event_resolved_5m.jsonl"))
    event = gamma_wire.decode_event(first.raw.encode())
    assert event is not None
    assert event.slug == "btc-updown-5m-1783425300"
    assert event.event_metadata == gamma_wire.EventMetadata(63273.34081414265, 63344.55091892723)
    (market,) = event.markets
    assert gamma_wire.texts(market.outcomes) == ("Up", "Down")
    assert gamma_wire.texts(market.outcome_prices) == ("1", "0")
    assert len(gamma_wire.texts(market.clob_token_ids)) == 2
    assert (market.closed, market.uma_resolution_status) == (True, "resolved")
    assert market.order_price_min_tick_size == 0.001
    assert market.fee_schedule is not None
    assert (market.fee_schedule.rate, market.fee_schedule.exponent) == (0.07, 1)


def test_a_v2_market_carries_position_ids_and_how_it_settles() -> None:
    market = gamma_wire.decode_market(
        b'{"id":"1","slug":"btc-updown-15m-1790000100","conditionId":"0xab","version":"v2",'
        b'"clobTokenIds":"[\\"1\\",\\"2\\"]","positionIds":["3","4"],"orderMinSize":"5",'
        b'"cryptoMarketConfig":{"id":"btc-15m-twap-60","asset":"btc","duration":"15m","twapEnabled":true,'
        b'"twapLookbackSeconds":60}}'
    )
    assert market is not None
    assert gamma_wire.texts(market.position_ids) == ("3", "4")
    assert market.crypto_market_config is not None
    assert market.crypto_market_config.twap_lookback_seconds == 60


def test_clob_market_info_and_time() -> None:
    info = clob_wire.decode_market_info(
        b'{"c":"0xab","t":[{"t":"1","o":"Up"},{"t":"2","o":"Down"}],"mos":5,"mts":0.01,"ao":true,'
        b'"fd":{"r":0.07,"e":1,"to":true},"itode":true,"v":"v1"}'
    )
    assert info.t[0] == clob_wire.InfoToken("1", "Up")
    assert info.fd == clob_wire.FeeData(0.07, 1)
    assert clob_wire.decode_time(b"1790000100") == clob_wire.decode_time(b'"1790000100"') == 1790000100


def test_a_closed_market_names_its_winner(recordings: Path) -> None:
    raw = raw_by_name(recordings, "rest_misc.jsonl", "clob_market_closed_binary_accepting_true")
    assert clob_wire.decode_market(raw.encode()).winner == "Yes"
    raw = raw_by_name(recordings, "rest_misc.jsonl", "clob_market_closed_binary_accepting_false")
    assert clob_wire.decode_market(raw.encode()).winner == "No"


def test_user_messages_are_told_apart(recordings: Path) -> None:
    (trade,) = user_wire.decode_user_frame(raw_by_name(recordings, "clob_ws_user.jsonl", "ws_user_trade"))
    assert isinstance(trade, user_wire.UserTrade)
    assert (trade.status, trade.size, trade.maker_orders[0].matched_amount) == ("CONFIRMED", "25.0", "25.0000")
    (order,) = user_wire.decode_user_frame(raw_by_name(recordings, "clob_ws_user.jsonl", "ws_user_order_venue_cancel"))
    assert isinstance(order, user_wire.UserOrder)
    assert (order.type, order.status) == ("CANCELLATION", "INVALID")


def test_prices_are_equal_however_they_are_written() -> None:
    assert price_key(0.5) == price_key(float("0.50")) == 5000
    assert price_key(0.999) == 9990
    assert price_key(float("0.0001")) == 1
    for bad in (-0.01, 1.01, float("nan"), 0.00005):
        with pytest.raises(ValueError, match="price"):
            price_key(bad)
    for bad in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="size"):
            shares(bad)
    assert optional_number("") is None
    assert optional_number("0.480") == 0.48
    for bad_number in ("nan", "1e999", 10**400):
        with pytest.raises(ValueError, match="finite"):
            optional_number(bad_number)
