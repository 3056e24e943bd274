"""One strategy's record and one window in full, on either kind of database, against figures worked out by hand."""

import asyncio

import msgspec
import pytest

from polyterm.core.details import CoinTotals, EquityPoint, MinuteTotals
from polyterm.core.gap import Gap
from polyterm.core.market import MarketKey
from polyterm.store.location import SqliteFile, locate
from polyterm.store.reports.strategy import POINTS, record
from polyterm.store.reports.trades import TradesWanted
from polyterm.store.reports.window import (
    newest_lines,
    ticks_from_rows,
    window_gaps,
    window_line,
    window_ticks,
    window_trades,
)
from polyterm.store.store import Store
from tests.store.builders import EPOCH, KEY, SESSION, closed, early_exit, settled, taken
from tests.store.reported import ETH, TICKS, ask, store, store_example

NEXT = MarketKey("btc", "15m", EPOCH + 900)
LATE = Gap("btc", "15m", "ticks", (EPOCH + 895) * 1000, (EPOCH + 905) * 1000, 10, "the engine was late")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def location(request, tmp_path_factory):
    """The example of the reports, one gap over the end of a window, and 700 trades of a strategy that sells fast."""
    folder = tmp_path_factory.mktemp("details")
    name = None
    if request.param == "sqlite":
        place = SqliteFile(folder / "example.db")
    else:
        cluster = request.getfixturevalue("cluster")
        name = cluster.create()
        place = locate(cluster.url(name), folder)
    asyncio.run(store_example(place))
    asyncio.run(_store_more(place))
    yield place
    if name is not None:
        cluster.drop(name)


async def _store_more(place):
    many = [early_exit("Many", second=second, key=NEXT, pnl=1.0) for second in range(700)]
    many[500] = msgspec.structs.replace(many[500], legs=many[500].legs[:1])
    await store(place, [closed(number, trade) for number, trade in enumerate(many, start=100)])
    writing = await Store.open(place, session=SESSION, on_durable=lambda _: None)
    task = asyncio.create_task(writing.run())
    writing.submit(taken(number=900), [])
    writing.note_gaps((LATE,))
    await writing.close()
    await task


async def test_equity_is_the_running_sum_under_both_models(location):
    simple = await ask(location, lambda archive: record(archive, TradesWanted(strategy="SpotLagSimple")))
    at_ms = KEY.end * 1000
    assert simple.equity == (EquityPoint(at_ms, 60.0, 58.25), EquityPoint(at_ms, 20.0, 16.5))
    fast = await ask(location, lambda archive: record(archive, TradesWanted(strategy="SpotLag_Fast")))
    assert fast.equity == (
        EquityPoint((EPOCH + 300) * 1000, 12.5, 10.0),
        EquityPoint((EPOCH + 303) * 1000, 12.5, 7.5),
    )


async def test_totals_by_coin_and_by_minute_of_the_window(location):
    fast = await ask(location, lambda archive: record(archive, TradesWanted(strategy="SpotLag_Fast")))
    assert fast.coins == (
        CoinTotals(coin="btc", trades=1, wins=1, touch=12.5, costed=10.0),
        CoinTotals(coin="eth", trades=1, wins=0, touch=0.0, costed=-2.5),
    )
    assert fast.minutes == (MinuteTotals(minute=0, trades=2, wins=1, touch=12.5, costed=7.5),)
    many = await ask(location, lambda archive: record(archive, TradesWanted(strategy="Many")))
    assert [(one.minute, one.trades) for one in many.minutes] == [*((minute, 60) for minute in range(11)), (11, 40)]


async def test_a_long_curve_is_thinned_to_its_last_point(location):
    many = await ask(location, lambda archive: record(archive, TradesWanted(strategy="Many")))
    assert POINTS - 2 <= len(many.equity) <= POINTS
    assert [point.touch for point in many.equity] == sorted(point.touch for point in many.equity)
    assert many.equity[-1].touch == 700.0
    # The fee of the 501st trade is not known: from there on nobody knows what is left after fees.
    assert all((point.costed is None) == (point.touch > 500) for point in many.equity)


async def test_nobody_has_no_record(location):
    nobody = await ask(location, lambda archive: record(archive, TradesWanted(strategy="Nobody")))
    assert (nobody.equity, nobody.coins, nobody.minutes) == ((), (), ())


async def test_a_window_tells_how_it_ended(location):
    line = await ask(location, lambda archive: window_line(archive, KEY))
    assert line.strike is not None
    assert (line.strike.price, line.strike.source, line.strike.grade) == (100.0, "twap60", "stream")
    assert (line.final_price, line.outcome, line.source, line.grade, line.delay_s) == (
        101.0,
        "up",
        "gamma",
        "official",
        30.0,
    )
    unknown = MarketKey("sol", "15m", EPOCH)
    assert (await ask(location, lambda archive: window_line(archive, unknown))).strike is None
    lines = await ask(location, lambda archive: newest_lines(archive, "btc", "15m", 10))
    assert KEY in [line.key for line in lines]
    assert [line.key.coin for line in lines] == ["btc"] * len(lines)
    assert [line.key.epoch for line in lines] == sorted((line.key.epoch for line in lines), reverse=True)


async def test_a_window_has_its_ticks_trades_and_gaps(location):
    rows = await ask(location, lambda archive: window_ticks(archive, KEY))
    expected = [msgspec.structs.replace(tick, up_bids=(), up_asks=(), down_bids=(), down_asks=()) for tick in TICKS[:4]]
    assert list(ticks_from_rows(rows)) == expected
    trades = await ask(location, lambda archive: window_trades(archive, KEY))
    assert [(trade.strategy, trade.entry_ms // 1000 - EPOCH, trade.touch, trade.costed) for trade in trades] == [
        ("SpotLag_Fast", 4, 12.5, 10.0), ("SpotLagSimple", 10, 60.0, 58.25), ("SpotLagSimple", 20, -40.0, -41.75),
    ]  # fmt: skip
    assert settled().exit_reason == trades[1].reason
    for key in (KEY, NEXT):
        assert await ask(location, lambda archive, key=key: window_gaps(archive, key)) == (LATE,)
    assert await ask(location, lambda archive: window_gaps(archive, ETH)) == ()
