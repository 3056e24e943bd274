from pathlib import Path

import msgspec
import pytest

from polyterm.core.market import MarketKey
from polyterm.core.query import StrategyTotals, TradesQuery
from polyterm.errors import ConfigError, StoreError
from polyterm.store.database import asking
from polyterm.store.queries import Reader
from tests.store.builders import EPOCH, KEY, closed, early_exit, rows, settled, taken
from tests.waiting import eventually

ETH = MarketKey("eth", "15m", EPOCH)
LATER = MarketKey("btc", "15m", EPOCH + 900)
FIVE = MarketKey("btc", "5m", EPOCH + 900)
NOW_MS = (EPOCH + 1_000) * 1000
HOUR_MS = 3_600_000

# Exits: early_exit 296 s after its entry; settled at its window's end.
TRADES = (
    early_exit("SpotLag_Fast", second=4),
    settled("SpotLagSimple", second=10),
    settled("SpotLagSimple", second=20, won=False),
    early_exit("SpotLag_Fast", second=7, key=ETH, pnl=0.0),
    early_exit("SpotLag_Fast", second=3, key=LATER),
    early_exit("Endgame", second=1, key=FIVE, pnl=1.5),
)


# What is read knows whose it is.
STORED = tuple(msgspec.structs.replace(trade, session="s1") for trade in TRADES)


@pytest.fixture
async def reader(open_store, place):
    store = await open_store(place=place)
    store.submit(taken(), [closed(number, trade) for number, trade in enumerate(TRADES)])
    await eventually(lambda: store.pending == 0)
    reader = Reader.open(place)
    yield reader
    await reader.close()


async def test_everything_newest_first_with_totals(reader):
    answer = await reader.trades(TradesQuery(period="all"), NOW_MS)
    fast, endgame, lost, won, eth, first = (STORED[i] for i in (4, 5, 2, 1, 3, 0))
    assert answer.trades == (fast, endgame, lost, won, eth, first)
    # wins: 0 dollars is no win. SpotLag_Fast on btc: 2 x (12.50 touch, 10.00 costed).
    assert answer.totals == (
        StrategyTotals("Endgame", "btc", 1, 1, 1.5, -1.0),
        StrategyTotals("SpotLagSimple", "btc", 2, 1, 20.0, 16.5),
        StrategyTotals("SpotLag_Fast", "btc", 2, 2, 25.0, 20.0),
        StrategyTotals("SpotLag_Fast", "eth", 1, 0, 0.0, -2.5),
    )
    assert answer.windows == 4


async def test_the_current_windows_of_every_horizon(reader):
    answer = await reader.trades(TradesQuery(period="current"), NOW_MS)
    assert [trade.key for trade in answer.trades] == [LATER, FIVE]
    earlier = await reader.trades(TradesQuery(period="current"), (EPOCH + 899) * 1000)
    assert {str(trade.key) for trade in earlier.trades} == {str(KEY), str(ETH)}


@pytest.mark.parametrize(("period", "length_ms"), [("hour", HOUR_MS), ("day", 24 * HOUR_MS), ("week", 168 * HOUR_MS)])
async def test_a_period_reaches_back_from_now(reader, period, length_ms):
    first_exit_ms = (EPOCH + 300) * 1000
    within = await reader.trades(TradesQuery(period=period), first_exit_ms + length_ms - 1)
    assert len(within.trades) == 6
    after = await reader.trades(TradesQuery(period=period), first_exit_ms + length_ms)
    assert len(after.trades) == 5
    assert after.windows == 4
    none = await reader.trades(TradesQuery(period=period), first_exit_ms + 2 * length_ms)
    assert none.trades == ()
    assert (none.totals, none.windows) == ((), 0)


async def test_one_strategy_and_one_coin(reader):
    answer = await reader.trades(TradesQuery(period="all", strategy="SpotLag_Fast", coin="eth"), NOW_MS)
    assert answer.trades == (STORED[3],)
    assert answer.windows == 1
    hostile = await reader.trades(TradesQuery(period="all", strategy="x' OR '1'='1"), NOW_MS)
    assert hostile.trades == ()


async def test_pages_follow_each_other_and_cover_everything(reader):
    everything = await reader.trades(TradesQuery(period="all"), NOW_MS)
    pages = [await reader.trades(TradesQuery(period="all", limit=4, offset=offset), NOW_MS) for offset in (0, 4, 8)]
    assert [len(page.trades) for page in pages] == [4, 2, 0]
    assert sum((page.trades for page in pages), ()) == everything.trades
    assert {page.totals for page in pages} == {everything.totals}
    odd = await reader.trades(TradesQuery(period="all", limit=-1, offset=-5), NOW_MS)
    assert odd.trades == ()


async def test_an_answer_is_bounded(open_store, path):
    store = await open_store()
    store.submit(taken(), [closed(number, settled(f"S{number}")) for number in range(1_005)])
    await eventually(lambda: store.pending == 0)
    reader = Reader.open(path)
    answer = await reader.trades(TradesQuery(period="all", limit=10**9), NOW_MS)
    await reader.close()
    assert len(answer.trades) == 1_000
    assert len(answer.totals) == 1_005


async def test_state_is_read_back(open_store, path):
    store = await open_store()
    store.put_state("collector_health", '{"ticks":5}', NOW_MS)
    await eventually(lambda: store.pending == 0)
    reader = Reader.open(path)
    assert await reader.state("collector_health") == '{"ticks":5}'
    assert await reader.state("nothing") is None
    await reader.close()


async def test_a_reader_changes_nothing_and_reads_a_closed_database(open_store, path):
    store = await open_store()
    store.submit(taken(), [closed(1, settled())])
    await store.close()
    path.with_name("polyterm.db-wal").unlink(missing_ok=True)
    reader = Reader.open(path)
    with pytest.raises(StoreError, match="cannot be written"):
        async with asking(reader._engine) as connection:
            await connection.exec_driver_sql("DELETE FROM paper_trades")
    answer = await reader.trades(TradesQuery(period="all"), NOW_MS)
    await reader.close()
    assert len(answer.trades) == 1
    assert len(rows(path, "SELECT * FROM paper_trades")) == 1


async def test_a_missing_database_is_a_sentence(tmp_path: Path):
    for path in (tmp_path / "none.db", tmp_path):
        with pytest.raises(
            ConfigError, match=r"There is no database at .* that can be read: start an engine, which makes it"
        ):
            Reader.open(path)
    assert not (tmp_path / "none.db").exists()


async def test_a_file_that_is_no_database_is_a_sentence(path):
    path.write_text("dear diary, " * 200)
    reader = Reader.open(path)
    with pytest.raises(StoreError, match="could not be answered: the file is not a database"):
        await reader.trades(TradesQuery(), NOW_MS)
    await reader.close()
