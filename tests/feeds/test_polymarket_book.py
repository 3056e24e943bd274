"""Order books: rebuilt from real recordings, from deltas, and doubted when they should be."""

import json
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.tick import Invalid
from polyterm.feeds.polymarket import clob_wire, wire
from polyterm.feeds.polymarket.book import TokenBook, levels_by_key, quoted_ask, quoted_bid
from polyterm.feeds.polymarket.books import Books
from polyterm.feeds.polymarket.wire import BestBidAsk, BookMessage, Level, PriceChange, PriceChanges
from polyterm.transport.clock import ManualClock

UP, DOWN, MARKET = "11", "22", "0xaa"


class Captured(msgspec.Struct):
    raw: str
    recv_ms: int


def book(token: str, bids: dict[float, float], asks: dict[float, float], at_ms: int = 1_000) -> BookMessage:
    return BookMessage(
        market=MARKET,
        asset_id=token,
        bids=tuple(Level(*level) for level in bids.items()),
        asks=tuple(Level(*level) for level in asks.items()),
        timestamp=at_ms,
    )


def change(token: str, side: wire.OrderSide, price: float, size: float, *, bid: str, ask: str) -> PriceChanges:
    return PriceChanges(
        market=MARKET, price_changes=(PriceChange(token, price, size, side, "", bid, ask),), timestamp=2_000
    )


def rest(token: str, bids: dict[float, float], asks: dict[float, float], at_ms: int) -> clob_wire.RestBook:
    message = book(token, bids, asks)
    return clob_wire.RestBook(MARKET, token, message.bids, message.asks, at_ms)


def watching(clock: ManualClock, *tokens: str) -> Books:
    books = Books(clock)
    for token in tokens:
        books.watch(token)
    return books


def doubt(books: Books, token: str) -> Invalid | None:
    view = books.view(token)
    assert view is not None
    return view.doubt


def pair(clock: ManualClock) -> Books:
    """Up 0.40/0.42, Down its mirror, both just received."""
    books = watching(clock, UP, DOWN)
    books.apply(book(UP, {0.39: 5, 0.40: 10}, {0.43: 7, 0.42: 20}))
    books.apply(book(DOWN, {0.57: 7, 0.58: 20}, {0.61: 5, 0.60: 10}))
    return books


# Recorded books


def test_the_best_of_every_recorded_book_is_its_extreme_and_never_crossed(
    recordings: Path, measured: Callable[[str], None]
) -> None:
    compared = 0
    for path in sorted((recordings / "l2").glob("*.jsonl.xz")):
        kept = TokenBook()
        with lzma.open(path, "rb") as lines:
            for line in lines:
                message = msgspec.convert(json.loads(line)["raw"], BookMessage, strict=False)
                kept.replace(message.bids, message.asks)
                bids, asks = [level.price for level in message.bids], [level.price for level in message.asks]
                assert kept.best_bid == (round(max(bids) * 10_000) if bids else None)
                assert kept.best_ask == (round(min(asks) * 10_000) if asks else None)
                assert not kept.crossed
                assert [price for price, _ in kept.top_bids()] == sorted(set(bids), reverse=True)[:5]
                assert [price for price, _ in kept.top_asks()] == sorted(set(asks))[:5]
                compared += 1
    assert compared == 15_815, f"{compared} books were compared"
    measured(f"books of recorded streams equal to the venue's: {compared}")


def test_captured_deltas_agree_with_the_venue_at_every_change_and_end_in_its_next_book(
    recordings: Path, measured: Callable[[str], None]
) -> None:
    """The venue labels each state of a book with a hash: where a whole book carries the hash that our deltas led to,
    every level of it must be ours."""
    frames = []
    for name in ("clob_ws_book_initial_list", "clob_ws_price_change"):
        for line in (recordings / "messages" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            captured = msgspec.json.decode(line, type=Captured)
            frames.append((captured.recv_ms, captured.raw))
    books = Books(ManualClock())
    reached = 0
    rebuilt: dict[str, TokenBook] = {}
    hashes: dict[str, str] = {}
    deltas_since_book: Counter[str] = Counter()
    for _, raw in sorted(frames):
        for message in wire.decode(raw).messages:
            if isinstance(message, BookMessage):
                token = message.asset_id
                if hashes.get(token) == message.hash and deltas_since_book[token]:
                    assert rebuilt[token].bids == levels_by_key(message.bids)
                    assert rebuilt[token].asks == levels_by_key(message.asks)
                    reached += 1
                rebuilt.setdefault(token, TokenBook()).replace(message.bids, message.asks)
                hashes[token] = message.hash
                deltas_since_book[token] = 0
                books.watch(token)
            elif isinstance(message, PriceChanges):
                for delta in message.price_changes:
                    kept = rebuilt[delta.asset_id]
                    kept.change(delta.side, delta.price, delta.size)
                    assert kept.best_bid == quoted_bid(delta.best_bid), raw
                    assert kept.best_ask == quoted_ask(delta.best_ask), raw
                    hashes[delta.asset_id] = delta.hash
                    deltas_since_book[delta.asset_id] += 1
            books.apply(message)
    assert reached == 4, f"{reached} whole books were reached by deltas"
    assert books.counts.comparisons == 80, f"{books.counts.comparisons} price changes were compared"
    measured(f"recorded price changes equal to the venue's best: {books.counts.comparisons}")
    assert books.counts.mismatches == 0


# Deltas and whole books

levels = st.dictionaries(st.integers(1, 999).map(lambda tick: tick / 1000), st.integers(1, 10_000).map(float))
changes = st.lists(
    st.tuples(
        st.sampled_from(("BUY", "SELL")),
        st.integers(1, 999).map(lambda tick: tick / 1000),
        st.one_of(st.just(0.0), st.floats(0.01, 1e6)),
    ),
    max_size=60,
)


@given(levels, levels, changes)
def test_deltas_lead_to_the_same_book_as_building_it_at_once(
    bids: dict[float, float], asks: dict[float, float], deltas: list[tuple[wire.OrderSide, float, float]]
) -> None:
    by_deltas = TokenBook()
    by_deltas.replace((Level(*level) for level in bids.items()), (Level(*level) for level in asks.items()))
    plain = {"BUY": dict(bids), "SELL": dict(asks)}
    for side, price, size in deltas:
        by_deltas.change(side, price, size)
        plain[side][price] = size
    at_once = TokenBook()
    at_once.replace(
        (Level(*level) for level in plain["BUY"].items()), (Level(*level) for level in plain["SELL"].items())
    )
    assert (by_deltas.bids, by_deltas.asks) == (at_once.bids, at_once.asks)
    assert by_deltas.top_bids(1000) == tuple(sorted(((p, s) for p, s in plain["BUY"].items() if s), reverse=True))
    assert by_deltas.top_asks(1000) == tuple(sorted((p, s) for p, s in plain["SELL"].items() if s))


def test_placeholders_of_an_empty_side_are_no_quotes() -> None:
    assert quoted_bid("0") is None
    assert quoted_ask("1") is None
    assert quoted_ask("1.00") is None
    assert (quoted_bid("0.001"), quoted_ask("0.999")) == (10, 9990)
    books = watching(ManualClock(), UP)
    books.apply(book(UP, {}, {0.02: 5}))
    books.apply(change(UP, "SELL", 0.03, 4, bid="0", ask="0.02"))
    assert (books.counts.comparisons, books.counts.mismatches) == (1, 0)
    view = books.view(UP)
    assert view is not None
    assert (view.bids, view.asks) == ((), ((0.02, 5.0), (0.03, 4.0)))


def test_a_finer_tick_lives_beside_the_old_levels() -> None:
    books = watching(ManualClock(), UP)
    books.apply(book(UP, {0.96: 5}, {0.98: 5}))
    books.apply(wire.TickSizeChange(MARKET, UP, 0.01, 0.001, 1))
    books.apply(change(UP, "BUY", 0.965, 3, bid="0.965", ask="0.98"))
    view = books.view(UP)
    assert view is not None
    assert view.bids == ((0.965, 3.0), (0.96, 5.0))
    assert view.doubt is None


# Doubt


def test_a_lost_delta_is_doubted_at_once_and_healed_by_a_new_book() -> None:
    clock = ManualClock()
    books = pair(clock)
    assert doubt(books, UP) is None
    # The venue's best bid moved to 0.41 in a message that never came.
    books.apply(change(UP, "SELL", 0.43, 8, bid="0.41", ask="0.42"))
    assert doubt(books, UP) == "book_quarantined"
    assert books.to_resync() == ()
    clock.advance_to(2_000)
    assert books.to_resync() == (UP,)
    assert books.to_resync() == ()  # asked once
    books.apply(change(UP, "SELL", 0.43, 8, bid="0.40", ask="0.42"))
    assert doubt(books, UP) == "book_quarantined"  # a delta cannot restore trust
    books.apply(book(UP, {0.41: 10}, {0.42: 20}))
    assert doubt(books, UP) is None
    assert (books.counts.mismatches, books.counts.resyncs) == (1, 1)


def test_a_passing_mismatch_clears_itself() -> None:
    clock = ManualClock()
    books = pair(clock)
    books.apply(BestBidAsk(MARKET, UP, "0.41", "0.42", 1))
    assert doubt(books, UP) == "book_quarantined"
    books.apply(change(UP, "BUY", 0.41, 3, bid="0.41", ask="0.42"))
    assert doubt(books, UP) is None


def test_five_mismatches_in_a_row_are_enough() -> None:
    books = pair(ManualClock())
    for size in (1, 2, 3, 4):
        books.apply(change(DOWN, "BUY", 0.5, size, bid="0.59", ask="0.60"))
    assert books.to_resync() == ()
    books.apply(change(DOWN, "BUY", 0.5, 5, bid="0.59", ask="0.60"))
    assert books.to_resync() == (DOWN,)


def test_a_crossed_book_says_so_and_is_replaced_when_it_lasts() -> None:
    clock = ManualClock()
    books = watching(clock, UP)
    books.apply(book(UP, {0.50: 5}, {0.49: 5}))
    assert doubt(books, UP) == "book_crossed"
    clock.advance_to(2_000)
    assert books.to_resync() == (UP,)


def test_up_and_down_that_do_not_mirror_are_both_replaced() -> None:
    clock = ManualClock()
    books = pair(clock)
    books.apply(book(UP, {0.30: 10}, {0.32: 20}))
    assert doubt(books, UP) is None  # the other half may be on its way
    clock.advance_to(1_500)
    books.apply(book(DOWN, {0.68: 20}, {0.70: 10}))
    clock.advance_to(2_500)
    assert books.to_resync() == ()
    books.apply(book(UP, {0.50: 10}, {0.52: 20}))
    clock.advance_to(4_500)
    assert sorted(books.to_resync()) == [UP, DOWN]


def test_a_token_whose_first_book_never_comes_is_asked_for_again() -> None:
    clock = ManualClock()
    books = watching(clock, UP)
    books.apply(change(UP, "BUY", 0.4, 1, bid="0.4", ask="0.5"))  # deltas on nothing are no book
    assert books.view(UP) is None
    clock.advance_to(10_000)
    assert books.to_resync() == (UP,)
    assert books.to_resync() == ()
    clock.advance_to(20_000)
    assert books.to_resync() == (UP,)


def test_after_a_lost_connection_only_a_whole_book_is_believed() -> None:
    books = pair(ManualClock())
    books.distrust_all()
    assert (doubt(books, UP), doubt(books, DOWN)) == ("book_quarantined", "book_quarantined")
    books.apply(book(UP, {0.40: 10}, {0.42: 20}))
    assert (doubt(books, UP), doubt(books, DOWN)) == (None, "book_quarantined")


# REST beside the stream


def test_an_equal_rest_book_is_news_of_a_quiet_token() -> None:
    clock = ManualClock(10_000)
    books = pair(clock)
    clock.advance_to(13_000)
    assert books.quiet(3_000) == (UP, DOWN)
    verdict = books.verify(rest(UP, {0.40: 10, 0.39: 5}, {0.42: 20, 0.43: 7}, 1_000), books.frames(UP))
    assert verdict == "equal"
    assert books.quiet(3_000) == (DOWN,)
    view = books.view(UP)
    assert view is not None
    assert view.recv_ms == 13_000


def test_a_different_rest_book_is_believed_the_second_time() -> None:
    clock = ManualClock(10_000)
    books = pair(clock)
    other = rest(UP, {0.41: 10}, {0.42: 20}, 5_000)
    assert books.verify(other, books.frames(UP)) == "unequal"
    assert books.to_resync() == ()
    assert books.verify(other, books.frames(UP)) == "unequal"
    assert books.to_resync() == (UP,)


def test_a_different_rest_book_of_the_same_moment_proves_a_lost_delta() -> None:
    books = pair(ManualClock(10_000))
    assert books.verify(rest(UP, {0.39: 6, 0.40: 10}, {0.43: 7, 0.42: 20}, 1_000), books.frames(UP)) == "unequal"
    assert books.to_resync() == (UP,)


def test_a_rest_book_proves_nothing_when_it_is_old_or_overtaken() -> None:
    books = pair(ManualClock(10_000))
    old = rest(UP, {0.01: 10}, {0.99: 20}, 999)  # ours is of venue time 1,000
    assert books.verify(old, books.frames(UP)) == "inconclusive"
    before = books.frames(UP)
    books.apply(change(UP, "SELL", 0.43, 8, bid="0.40", ask="0.42"))
    assert books.verify(rest(UP, {0.41: 10}, {0.42: 20}, 5_000), before) == "inconclusive"
    assert books.to_resync() == ()


def test_a_forgotten_token_leaves_nothing_behind() -> None:
    books = pair(ManualClock())
    books.forget(UP)
    assert books.apply(book(UP, {0.4: 1}, {0.5: 1})) == ()
    assert books.view(UP) is None
    books.apply(book(DOWN, {0.1: 1}, {0.2: 1}))  # no sibling to mirror any more
    assert doubt(books, DOWN) is None
