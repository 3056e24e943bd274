import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.event import EventId, WindowClosed, WindowSettled, WindowStats
from polyterm.core.market import COINS, GRADES, HORIZONS, MarketKey, Reference
from polyterm.core.position import Conditions, Leg, Trade
from polyterm.core.tick import INVALID_REASONS, Tick
from polyterm.errors import StoreError
from polyterm.store.rows import closing_row, outcome_row
from polyterm.store.tick_rows import tick_from_row, tick_row
from polyterm.store.trade_rows import correction_row, trade_from_row, trade_row
from tests.store.builders import KEY, closed, corrected, early_exit, settled, tick

ID = EventId("s1", 7, 0)
STATS = WindowStats(900, 40, 0.5, 0.9, 0.95, 0.45, 0.001, 0.0001, 0.002)

prices = st.floats(0, 1)
sizes = st.floats(0, 1e7)
dollars = st.floats(1e-3, 1e7)
some = st.none
text = st.text(max_size=12)
moments = st.integers(0, 4_000_000_000_000)
keys = st.builds(
    MarketKey, st.sampled_from(COINS), st.sampled_from(HORIZONS), st.integers(0, 4_000_000).map(lambda n: n * 900)
)
levels = st.lists(st.tuples(prices, sizes), max_size=5).map(tuple)
references = st.builds(Reference, dollars, text, st.sampled_from(GRADES), moments)
ticks = st.builds(
    Tick,
    key=keys,
    slot=st.integers(0, 4_000_000_000),
    made_ms=moments,
    **{
        name: some() | prices
        for name in ("up_bid", "up_ask", "down_bid", "down_ask", "up_last_trade", "down_last_trade")
    },
    **{name: some() | sizes for name in ("up_bid_size", "up_ask_size", "down_bid_size", "down_ask_size")},
    **dict.fromkeys(("up_bids", "up_asks", "down_bids", "down_asks"), levels),
    **{name: some() | dollars for name in ("spot", "oracle", "twap")},
    **{
        name: some() | moments
        for name in ("book_age_ms", "spot_age_ms", "oracle_at_ms", "oracle_age_ms", "twap_at_ms", "twap_age_ms")
    },
    spot_source=some() | text,
    oracle_source=some() | text,
    spot_basis=some() | st.floats(-0.1, 0.1),
    strike=some() | references,
    invalid=some() | st.sampled_from(INVALID_REASONS),
).filter(lambda one: one.spread_pct is None or math.isfinite(one.spread_pct))

conditions = st.builds(
    Conditions,
    **{
        name: some() | sizes for name in ("spot", "up_mid", "bid_size", "ask_size", "spread", "spread_pct", "imbalance")
    },
    time_remaining_s=st.integers(0, 14_400),
)
legs = st.tuples(
    st.builds(Leg, st.just("touch"), sizes, prices, st.just(0.0), st.just("full"), prices, dollars),
    st.builds(Leg, st.just("costed"), sizes, prices, sizes, st.just("full"), prices, dollars),
    st.builds(
        Leg,
        st.just("realistic"),
        sizes,
        prices,
        sizes,
        st.sampled_from(["partial", "none", "pending"]),
        some() | prices,
        some() | dollars,
    ),
).flatmap(lambda whole: st.sampled_from([whole, whole[:2], whole[:1], (whole[0], whole[2])]))
exits = st.one_of(st.tuples(some(), some() | dollars), conditions.map(lambda conditions: (conditions, conditions.spot)))
trades = st.builds(
    lambda ended, **values: Trade(exit=ended[0], exit_spot=ended[1], **values),
    ended=exits,
    strategy=text,
    key=keys,
    side=st.sampled_from(["up", "down"]),
    entry_ms=moments,
    exit_ms=moments,
    entry_reason=text,
    exit_reason=text,
    strength=some() | prices,
    entry=conditions,
    strike=some() | dollars,
    strike_grade=some() | st.sampled_from(GRADES),
    legs=legs,
    outcome=some() | st.sampled_from(["up", "down"]),
    grade=some() | st.sampled_from(GRADES),
    session=st.sampled_from(["s0", "s1"]),  # the one that opened it, which may be another than closed it
)


@given(ticks)
def test_a_tick_comes_back_from_its_row(one):
    assert tick_from_row(tick_row(one, "s1")) == one


@given(trades)
def test_a_trade_comes_back_from_its_row(one):
    assert trade_from_row(trade_row(ID, one)) == one


@given(one=ticks, places=st.lists(st.integers(0, 10_000), max_size=5))
def test_a_mirrored_depth_is_stored_once_and_comes_back(one, places):
    """Prices in hundredths of a cent, as the venue's finest market has them."""
    up_bids = tuple((place / 10_000, float(place)) for place in places)
    down_asks = tuple(((10_000 - place) / 10_000, float(place)) for place in places)
    book = {"up_bids": up_bids, "up_asks": (), "down_bids": (), "down_asks": down_asks}
    one = msgspec.structs.replace(one, **book)
    row = tick_row(one, "s1")
    assert row["down_book_depth"] == ('"mirror"' if places else None)
    assert tick_from_row(row) == one


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("field", "column"),
    [("up_bid", "up_bid"), ("down_ask_size", "down_ask_size"), ("spot", "spot_price"), ("twap", "twap_price")],
)
def test_a_tick_with_a_number_that_is_not_finite_is_refused_by_name(field, column, bad):
    with pytest.raises(StoreError, match=rf"btc-15m-1769299200 at 1769299204 was not stored: {column} is"):
        tick_row(tick(**{field: bad}), "s1")


def test_a_level_that_is_not_finite_is_refused():
    with pytest.raises(StoreError, match="up_book_depth"):
        tick_row(tick(up_bids=((0.5, math.nan),)), "s1")


def test_an_integer_that_no_database_holds_is_refused():
    with pytest.raises(StoreError, match="book_age_ms does not fit"):
        tick_row(tick(book_age_ms=2**63), "s1")


def test_trades_corrections_and_windows_refuse_numbers_that_are_not_finite():
    bad = early_exit(pnl=math.nan)
    with pytest.raises(StoreError, match="SpotLag_Fast on btc-15m-1769299200 was not stored: pnl is nan"):
        trade_row(ID, bad)
    with pytest.raises(StoreError, match="pnl_after is nan"):
        correction_row(corrected(8, early_exit(), bad))
    with pytest.raises(StoreError, match="end_price is inf"):
        closing_row(WindowClosed(ID, 1, KEY, None, Reference(math.inf, "twap60", "stream", 1), STATS, 0))
    with pytest.raises(StoreError, match="end_price is nan"):
        outcome_row(WindowSettled(ID, 1, KEY, "up", "official", "gamma", math.nan, corrects=False))


def test_a_trade_that_was_never_closed_is_refused():
    still_open = Leg("touch", 100.0, 0.4, 0.0)
    trade = settled()
    with pytest.raises(StoreError, match="exit_price is missing"):
        trade_row(
            ID, Trade(**{name: getattr(trade, name) for name in trade.__struct_fields__} | {"legs": (still_open,)})
        )


def test_the_event_that_closed_a_trade_is_named_in_its_row():
    event = closed(12, settled())
    assert trade_row(event.id, event.trade)["event_id"] == "s1/12/0"


def test_a_trade_belongs_to_the_session_that_opened_it():
    opened_before = msgspec.structs.replace(settled(), session="s0")
    assert trade_row(ID, opened_before)["session"] == "s0"
    assert trade_row(ID, settled())["session"] == ID.session
