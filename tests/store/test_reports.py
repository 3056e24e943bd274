"""Reports against figures worked out by hand, on either kind of database."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from polyterm.cli.tables import percent, rounded
from polyterm.core.market import MarketKey
from polyterm.errors import ConfigError, StoreError
from polyterm.store.location import SqliteFile, locate
from polyterm.store.reports.archive import Archives
from polyterm.store.reports.export import parts
from polyterm.store.reports.health import health
from polyterm.store.reports.research import research
from polyterm.store.reports.review import review
from polyterm.store.reports.status import database_status
from polyterm.store.reports.trades import TradesWanted, trades_page, wanted_in
from polyterm.store.reports.windows import WindowsWanted, windows_page
from polyterm.store.rows import SessionInfo, utc
from polyterm.store.schema import VERSION
from polyterm.store.span import Span
from polyterm.store.tick_rows import tick_row
from polyterm.store.trade_rows import trade_row
from tests.store.builders import EPOCH, KEY, closed, early_exit, settled, tick
from tests.store.databases import opened
from tests.store.reported import EARLIER, ETH, NOW_MS, ask, store, store_example, window
from tests.store.test_migrations import _columns as columns_of
from tests.store.test_migrations import insert

HERE = Path(__file__).parent


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def location(request, tmp_path_factory):
    """The example, which nobody changes."""
    folder = tmp_path_factory.mktemp("reported")
    if request.param == "sqlite":
        place = SqliteFile(folder / "example.db")
        asyncio.run(store_example(place))
        yield place
        return
    cluster = request.getfixturevalue("cluster")
    name = cluster.create()
    place = locate(cluster.url(name), folder)
    asyncio.run(store_example(place))
    yield place
    cluster.drop(name)


async def test_a_review_counts_what_closed_within_the_hours(location):
    found = await ask(location, lambda archive: review(archive, NOW_MS, 6))
    assert (found.to_ms, found.from_ms, found.is_demo, found.sizing) == (
        NOW_MS,
        NOW_MS - 21_600_000,
        False,
        ("shares",),
    )
    simple, fast = found.strategies
    assert (simple.strategy, simple.coin, simple.trades, simple.wins, simple.losses) == ("SpotLagSimple", None, 2, 1, 1)
    assert (simple.pnl, simple.average, simple.best, simple.worst) == (20.0, 10.0, 60.0, -40.0)
    assert (simple.costed, simple.costed_pnl, simple.fees, simple.volume) == (2, 16.5, 3.5, 80.0)
    assert simple.win_rate == 0.5
    assert simple.win_interval == pytest.approx((0.0945, 0.9055), abs=5e-5)  # of 1 in 2, as tables have it
    assert (fast.strategy, fast.trades, fast.wins, fast.pnl, fast.costed_pnl) == ("SpotLag_Fast", 2, 1, 12.5, 7.5)
    assert [(line.strategy, line.coin, line.pnl) for line in found.strategies_by_coin] == [
        ("SpotLagSimple", "btc", 20.0), ("SpotLag_Fast", "btc", 12.5), ("SpotLag_Fast", "eth", 0.0),
    ]  # fmt: skip


async def test_the_last_trades_of_a_review_are_the_newest_of_all(location):
    found = await ask(location, lambda archive: review(archive, NOW_MS, 0.001))
    assert found.strategies == ()
    assert [(line.strategy, line.coin, line.pnl, line.outcome) for line in found.last_trades] == [
        ("SpotLagSimple", "btc", -40.0, "down"), ("SpotLagSimple", "btc", 60.0, "up"),
        ("SpotLag_Fast", "eth", 0.0, None), ("SpotLag_Fast", "btc", 12.5, None), ("Old", "btc", 5.0, None),
    ]  # fmt: skip


async def test_a_review_tells_of_windows_and_of_what_was_collected(location):
    found = await ask(location, lambda archive: review(archive, NOW_MS, 6))
    btc, eth = found.windows
    assert (btc.coin, btc.epoch, btc.start, btc.end, btc.change_pct) == ("btc", EPOCH, 100.0, 101.0, 1.0)
    assert (btc.outcome, btc.outcome_grade, btc.delay_s) == ("up", "official", 30.0)
    assert (eth.coin, eth.outcome, eth.change_pct) == ("eth", "down", -1.0)
    series = found.series[0]
    assert (series.coin, series.horizon, series.ticks, series.missing, series.tradable) == ("btc", "15m", 4, 2, 3)
    assert (series.with_oracle, series.mean_staleness_s) == (3, 1.5)
    assert series.mean_divergence_pct == pytest.approx(100 * 0.25 / 100.25)
    assert (series.first_ms, series.last_ms) == ((EPOCH + 880) * 1000, (EPOCH + 885) * 1000)


async def test_who_foretold_the_outcome_is_judged_by_the_last_tick_with_an_oracle_price(location):
    """At 884 s: btc 100.5 on the exchange, oracle 100.25, average 100.125, and Up won; eth 100.5 and 99.5, Down won."""
    found = await ask(location, lambda archive: review(archive, NOW_MS, 6))
    assert [(line.source, line.coin, line.right, line.windows) for line in found.accuracy] == [
        ("exchange", "btc", 1, 1), ("exchange", "eth", 0, 1), ("oracle", "btc", 1, 1), ("oracle", "eth", 1, 1),
        ("average", "btc", 1, 1),
    ]  # fmt: skip


async def test_a_tick_early_in_the_window_foretells_nothing(make):
    database = make()
    await store(database.location, list(window(KEY, "up", 101.0)), [tick(779)])  # 121 s before the end
    found = await ask(database.location, lambda archive: review(archive, NOW_MS, 6))
    assert found.accuracy == ()


async def test_trades_are_filtered_paged_and_totalled(location):
    wanted = TradesWanted(strategy="SpotLag_Fast", coins=("btc", "eth"))
    page = await ask(location, lambda archive: trades_page(archive, wanted, 1))
    assert [(line.coin, line.exit_ms) for line in page.trades] == [("eth", (EPOCH + 303) * 1000)]
    assert (page.total, page.windows, len(page.totals)) == (2, 2, 2)
    rest = await ask(location, lambda archive: trades_page(archive, wanted, 5, offset=1))
    assert [line.coin for line in rest.trades] == ["btc"]
    between = TradesWanted(after_ms=(EPOCH + 300) * 1000, before_ms=(EPOCH + 900) * 1000)
    page = await ask(location, lambda archive: trades_page(archive, between, 5))
    assert [line.coin for line in page.trades] == ["eth"]
    current = wanted_in("current", (EARLIER.epoch + 60) * 1000)
    page = await ask(location, lambda archive: trades_page(archive, current, 5))
    assert [line.strategy for line in page.trades] == ["Old"]


async def test_windows_are_filtered_and_paged(location):
    page = await ask(location, lambda archive: windows_page(archive, WindowsWanted(resolved=True), 1))
    assert [line.coin for line in page.windows] == ["btc"]
    assert (page.total, page.resolved) == (2, 2)
    page = await ask(location, lambda archive: windows_page(archive, WindowsWanted(coins=("eth",)), 9))
    assert [line.coin for line in page.windows] == ["eth"]
    page = await ask(location, lambda archive: windows_page(archive, WindowsWanted(after_ms=KEY.end * 1000), 9))
    assert page.total == 0


async def test_research_says_what_samples_can_carry(location):
    found = await ask(location, lambda archive: research(archive, TradesWanted()))
    (btc, eth) = found.samples
    # Old, SpotLag_Fast and twice SpotLagSimple bought Up on btc, in two windows; three of them won.
    assert (btc.coin, btc.side, btc.trades, btc.windows, btc.wins, btc.pnl) == ("btc", "up", 4, 2, 3, 37.5)
    assert (eth.trades, eth.wins, eth.sufficient_for_edge, eth.sufficient_for_anomaly) == (1, 0, False, False)
    assert [(line.coin, line.outcome, line.grade, line.windows) for line in found.outcomes] == [
        ("btc", "up", "official", 1), ("eth", "down", "official", 1),
    ]  # fmt: skip


async def test_a_status_counts_everything(location):
    found = await ask(location, database_status)
    counts = {table.name: table.rows for table in found.tables}
    assert (counts["ticks"], counts["paper_trades"], counts["windows"], counts["sessions"]) == (5, 5, 2, 1)
    assert (found.ticks, found.paper_trades, found.windows, found.windows_resolved) == (5, 5, 2, 2)
    assert found.last_trades[0].strategy == "SpotLagSimple"
    assert found.size_bytes > 10_000
    assert found.bytes_per_day is None  # of five seconds nothing can be said


PING = '{"timestamp": %d, "inputs": 7, "errors": 0, "reconnects": 1, "uptime": 600, "memory": 88.5}'


async def test_health_is_fresh_while_ticks_and_signs_of_life_come(make):
    database = make()
    await store(database.location, [], [tick(880), tick(881)], ping=PING % ((EPOCH + 820) * 1000))
    found = await ask(database.location, lambda archive: health(archive, (EPOCH + 940) * 1000))
    assert (found.verdict, found.reasons, found.ping_age_s) == ("fresh", (), 120.0)
    assert (found.ping.inputs, found.ping.memory) == (7, 88.5)
    assert [(line.coin, line.age_s) for line in found.series] == [("btc", 59.0)]
    assert found.ticks_by_hour == (0, 0, 0, 0, 0, 2)
    late = await ask(database.location, lambda archive: health(archive, (EPOCH + 942) * 1000))
    assert late.verdict == "stale"
    assert late.reasons == (
        "the last sign of life is 2 min old, over 120 s", "the newest tick is 61 s old, over 60 s",
    )  # fmt: skip


async def test_gaps_of_every_series_are_found_and_counted(make):
    """btc lacks 301 s within, eth the 600 s until now; 300 s are no gap yet."""
    database = make()
    seconds = (10, 310, 611, 900 + 10, 900 + 300, 900 + 600)
    btc = [tick(second % 900, MarketKey("btc", "15m", EPOCH + second // 900 * 900)) for second in seconds]
    await store(database.location, [], [*btc, tick(899, ETH)])
    found = await ask(database.location, lambda archive: health(archive, (EPOCH + 1_500) * 1000))
    assert [(gap.coin, gap.from_ms // 1000 - EPOCH, gap.to_ms // 1000 - EPOCH) for gap in found.gaps] == [
        ("btc", 310, 611), ("eth", 899, 1_500),
    ]  # fmt: skip
    assert found.lost_s == 301 + 601


async def test_a_gap_of_days_counts_from_where_the_day_begins(make):
    database = make()
    await store(database.location, [], [tick(5)])
    day_s = 86_400
    found = await ask(database.location, lambda archive: health(archive, (EPOCH + 3 * day_s) * 1000))
    assert found.lost_s == day_s
    assert found.verdict == "stale"


async def test_a_demo_counts_back_from_its_own_clock(make):
    database = make()
    demo = SessionInfo(id="s1", started_ms=EPOCH * 1000, mode="DEMO")
    await store(database.location, [closed(1, early_exit())], [tick(310)], session=demo)
    wall_ms = (EPOCH - 5_000) * 1000  # a demo runs ahead
    found = await ask(database.location, lambda archive: review(archive, wall_ms, 1))
    assert (found.is_demo, found.to_ms, len(found.strategies)) == (True, (EPOCH + 310) * 1000, 1)
    found = await ask(database.location, lambda archive: health(archive, wall_ms))
    assert found.reasons == ("no engine has given a sign of life yet", "the demo is over")


async def test_every_report_of_an_empty_database_is_empty(make):
    database = make()
    await opened(database.location)
    found = await ask(database.location, lambda archive: review(archive, NOW_MS, 6))
    assert (found.strategies, found.last_trades, found.windows, found.series, found.accuracy) == ((), (), (), (), ())
    page = await ask(database.location, lambda archive: trades_page(archive, TradesWanted(), 9))
    assert (page.trades, page.total, page.windows) == ((), 0, 0)
    status = await ask(database.location, database_status)
    assert (status.ticks, status.paper_trades, status.last_windows, status.series) == (0, 0, (), ())
    poor = await ask(database.location, lambda archive: health(archive, NOW_MS))
    assert poor.reasons == ("no engine has given a sign of life yet", "no tick is stored yet")
    assert (await ask(database.location, lambda archive: research(archive, TradesWanted()))).samples == ()


async def test_a_database_without_tables_and_one_of_another_program_are_refused_in_a_sentence(make):
    bare, foreign = make(), make()
    bare.script("CREATE TABLE unrelated (x INTEGER);")
    foreign.script("CREATE TABLE ticks (id INTEGER, up_bid REAL);")
    with pytest.raises(ConfigError, match="holds no tables of polyterm yet"):
        await ask(bare.location, lambda archive: review(archive, NOW_MS, 6))
    with pytest.raises(ConfigError, match=r"another program made \(ticks\): 'polyterm db adopt'"):
        await ask(foreign.location, lambda archive: review(archive, NOW_MS, 6))


async def test_reports_cannot_write(location):
    with pytest.raises(StoreError):
        await ask(location, lambda archive: archive.text("DELETE FROM paper_trades"))


PERFORMANCE = """SELECT strategy_name, COUNT(*) as trades, SUM(CASE WHEN pnl > 0 THEN 1 ELSE 0 END) as wins, ROUND(SUM(pnl)::numeric, 2) as total_pnl, ROUND((SUM(CASE WHEN pnl > 0 THEN 1 ELSE 0 END)::float / COUNT(*) * 100)::numeric, 1) as win_rate FROM paper_trades WHERE exit_time > NOW() - INTERVAL '24 hours' GROUP BY strategy_name ORDER BY total_pnl DESC;"""  # noqa: E501 - as it is written for people
LAST_TRADES = """SELECT exit_time, strategy_name, crypto, side, ROUND(pnl::numeric, 2) as pnl, outcome FROM paper_trades ORDER BY exit_time DESC LIMIT 20;"""  # noqa: E501


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
async def test_the_documented_sql_says_what_a_review_says(postgres, tmp_path, zone):
    """Strategies whose sums and rates end on a half, and a trade of the day before yesterday."""
    now_s = int(datetime.now(UTC).timestamp())
    epoch = now_s - now_s % 900
    pnls = {"A": [0.125, 2.0, -1.0], "B": [1.0] + [-0.335] * 15, "C": [-7.005]}  # 1.125; -4.025 and 6.25 %; -7.005
    keys = [MarketKey("btc", "15m", epoch - 1_800 * place) for place in range(1, 17)]
    trades = [
        early_exit(strategy, second=ord(strategy) % 7, key=key, pnl=pnl)
        for strategy, of_strategy in pnls.items()
        for key, pnl in zip(keys, of_strategy, strict=False)
    ]
    trades.append(settled("C", key=MarketKey("sol", "15m", epoch - 900 * 250)))
    connection = await asyncpg.connect(postgres, server_settings={"timezone": zone})
    for location in (locate(postgres, tmp_path), locate(str(tmp_path / "same.db"), tmp_path)):
        await store(location, [closed(number, trade) for number, trade in enumerate(trades)])
        found = await ask(location, lambda archive: review(archive, now_s * 1000, 24))
        performance = [
            (line.strategy, line.trades, line.wins, str(rounded(line.pnl, 2)), percent(line.win_rate))
            for line in found.strategies
        ]
        assert performance == [("A", 3, 2, "1.13", "66.7"), ("B", 16, 1, "-4.03", "6.3"), ("C", 1, 0, "-7.01", "0.0")]
        assert performance == [
            (row["strategy_name"], row["trades"], row["wins"], str(row["total_pnl"]), str(row["win_rate"]))
            for row in await connection.fetch(PERFORMANCE)
        ]
        last = [
            (utc(line.exit_ms), line.strategy, line.coin, line.side, str(rounded(line.pnl, 2)), line.outcome)
            for line in found.last_trades
        ]
        assert last[-1][1:] == ("B", "btc", "up", "-0.34", None)  # 20 of the 21, so without the oldest
        assert last == [
            (row["exit_time"], row["strategy_name"], row["crypto"], row["side"], str(row["pnl"]), row["outcome"])
            for row in await connection.fetch(LAST_TRADES)
        ]
    await connection.close()


@pytest.mark.parametrize("version", range(1, VERSION))
async def test_every_report_reads_a_database_of_an_earlier_version_as_it_is(make, version):
    database = make()
    before = (HERE / f"schema_{version}{database.suffix}.sql").read_text(encoding="utf-8")
    database.script(before + insert("schema_version", {"version": version, "program": "0.1.0"}))
    known = {row["name"] for row in columns_of(database, "paper_trades")}
    event = closed(2, early_exit(), "old")
    row = {name: value for name, value in trade_row(event.id, event.trade).items() if name in known}
    database.script(insert("ticks", tick_row(tick(310), "old")) + insert("paper_trades", row))
    shape = database.shape()
    found = await ask(database.location, lambda archive: review(archive, NOW_MS, 6))
    assert [(line.strategy, line.pnl) for line in found.strategies] == [("SpotLag_Fast", 12.5)]
    assert (found.version, found.series[0].ticks, found.last_trades[0].pnl) == (version, 1, 12.5)
    assert (await ask(database.location, lambda archive: trades_page(archive, TradesWanted(), 9))).total == 1
    assert (await ask(database.location, lambda archive: health(archive, NOW_MS))).series[0].coin == "btc"
    assert (await ask(database.location, lambda archive: windows_page(archive, WindowsWanted(), 9))).total == 0
    assert (await ask(database.location, lambda archive: research(archive, TradesWanted()))).samples[0].trades == 1
    status = await ask(database.location, database_status)
    assert (status.version, status.program_version, status.ticks) == (version, VERSION, 1)
    archives = Archives.open(database.location)
    exported = [row async for part in parts(archives, "ticks", Span()) for row in part.rows]
    trades = [row async for part in parts(archives, "trades", Span()) for row in part.rows]
    await archives.close()
    assert (exported[0]["up_bid"], trades[0]["pnl"]) == (0.49, 12.5)
    assert database.shape() == shape
