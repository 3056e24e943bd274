from hypothesis import given
from hypothesis import strategies as st

from polyterm.feeds.board import PRINT_HISTORY, Board, OraclePrint, SpotQuote


def twap(at_s: int, price: float = 1.0) -> OraclePrint:
    return OraclePrint("btc", price, "twap60", at_s * 1000, at_s * 1000 + 1400)


def test_the_spot_is_what_was_heard_last_even_within_one_millisecond() -> None:
    board = Board()
    for source, price in (("binance", 1.0), ("binance-trade", 2.0), ("binance", 3.0)):
        board.post_spot(SpotQuote("btc", price, source, recv_ms=1000))
    spot = board.spot("btc")
    assert spot is not None
    assert (spot.source, spot.price) == ("binance", 3.0)
    assert board.spot("eth") is None


def test_a_print_that_arrives_late_is_found_under_its_second() -> None:
    board = Board()
    for second in (100, 101, 103, 102):
        board.post_twap(twap(second, price=float(second)))
    found = board.twap_at("btc", 102)
    newest = board.twap("btc")
    assert found is not None
    assert found.price == 102
    assert newest is not None
    assert newest.price == 103
    assert board.twap_at("btc", 104) is None


def test_the_first_print_of_a_second_stands() -> None:
    board = Board()
    board.post_twap(twap(100, price=1.0))
    board.post_twap(twap(100, price=2.0))
    found = board.twap_at("btc", 100)
    assert found is not None
    assert found.price == 1.0


def test_an_oracle_price_as_of_a_second_is_never_a_later_one() -> None:
    board = Board()
    for second in (130, 97, 64):
        board.post_oracle(twap(second, price=float(second)))
    found = board.oracle_as_of("btc", 129)
    assert found is not None
    assert found.price == 97
    assert board.oracle_as_of("btc", 63) is None


@given(st.permutations(range(PRINT_HISTORY + 20)))
def test_the_newest_prints_are_kept_whatever_the_order_of_arrival(seconds: list[int]) -> None:
    board = Board()
    for second in seconds:
        board.post_twap(twap(second))
    kept = [second for second in seconds if board.twap_at("btc", second) is not None]
    assert sorted(kept) == list(range(20, PRINT_HISTORY + 20))
