"""The endpoints that answer from the database, on one whose figures were worked out by hand."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from polyterm.errors import StoreError
from polyterm.service import view
from polyterm.store.location import SqliteFile
from polyterm.store.reports import export
from tests.service.engines import Running, running, settings, short_folder
from tests.store.builders import EPOCH
from tests.store.reported import store_example

TIMES = "write a time like 2026-02-01T12:30, unix seconds or unix ms"


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
async def engine(folder: Path) -> AsyncIterator[Running]:
    (folder / "data").mkdir()
    await store_example(SqliteFile(folder / "data" / "polyterm.db"))
    async with running(settings(folder)) as engine:
        yield engine


async def test_windows_come_in_pages_with_the_columns_of_their_table(engine: Running) -> None:
    code, body = await engine.request("GET", "/api/windows?limit=1&resolved=true")
    assert (code, body["total"], body["resolved"], body["limit"], body["offset"]) == (200, 2, 2, 1, 0)
    (window,) = body["windows"]
    assert (window["crypto"], window["epoch"], window["start_price"], window["end_price"]) == (
        "btc",
        EPOCH,
        100.0,
        101.0,
    )
    assert (window["outcome"], window["outcome_grade"], window["change_pct"]) == ("up", "official", 1.0)
    _, rest = await engine.request("GET", "/api/windows?offset=1")
    assert [window["crypto"] for window in rest["windows"]] == ["eth"]
    _, none = await engine.request("GET", f"/api/windows?start={EPOCH + 900}")
    assert none["total"] == 0


async def test_metrics_and_research_add_up_what_is_stored(engine: Running) -> None:
    _, metrics = await engine.request("GET", "/api/metrics")
    # 5 + 12.50 + 0 + 60 - 40 dollars in five trades, three of them won; every one paid 2.50 or 1.75 in fees
    assert (metrics["totalTrades"], metrics["wins"], metrics["totalPnl"], metrics["winRate"]) == (5, 3, 37.5, 60.0)
    assert metrics["costedPnl"] == 37.5 - 3 * 2.5 - 2 * 1.75
    _, metrics = await engine.request("GET", "/api/metrics?period=hour")
    assert (metrics["totalTrades"], metrics["winRate"], metrics["costedPnl"]) == (0, None, None)
    _, found = await engine.request("GET", "/api/research-export?crypto=eth")
    assert (found["summary"]["total_trades"], found["summary"]["windows_resolved"]) == (1, 1)
    assert [line["strategy"] for line in found["trade_statistics"]] == ["SpotLag_Fast"]
    (sample,) = found["sample_sizes_with_confidence"]
    assert (sample["side"], sample["trades"], sample["wins"], sample["sufficient_for_edge"]) == ("up", 1, 0, False)
    assert sample["win_interval"] == pytest.approx([0.0, 0.7935], abs=5e-5)  # of 0 in 1, as tables have it
    assert [line["outcome"] for line in found["window_outcomes"]] == ["down"]


async def test_ticks_are_exported_oldest_first_and_can_be_gone_on_with(engine: Running) -> None:
    whole = f"/api/ticks-export?start={EPOCH}&end={EPOCH + 900}"
    _, body = await engine.request("GET", whole)
    seconds = [tick["timestamp_ms"] // 1000 - EPOCH for tick in body["ticks"]]
    assert seconds == [880, 881, 884, 884, 885]
    assert body["ticks"][0]["up_book_depth"]["bids"][0] == [0.49, 120.0]
    assert body["meta"] == {
        "count": 5, "start": EPOCH * 1000, "end": (EPOCH + 900) * 1000, "limit": 500_000, "next_start": None,
    }  # fmt: skip
    _, first = await engine.request("GET", f"{whole}&limit=3")
    assert [tick["timestamp_ms"] // 1000 - EPOCH for tick in first["ticks"]] == [880, 881]
    following = first["meta"]["next_start"]
    assert following == (EPOCH + 884) * 1000
    _, rest = await engine.request("GET", f"/api/ticks-export?start={following}&end={EPOCH + 900}")
    assert first["ticks"] + rest["ticks"] == body["ticks"]
    _, window = await engine.request("GET", f"/api/ticks-export?window_epoch={EPOCH}&crypto=eth&horizon=15m")
    assert [tick["crypto"] for tick in window["ticks"]] == ["eth"]
    _, none = await engine.request("GET", "/api/ticks-export")
    assert (none["ticks"], none["meta"]["count"]) == ([], 0)


async def test_ticks_are_exported_as_csv(engine: Running) -> None:
    connector = aiohttp.UnixConnector(path=str(engine.settings.socket_path))
    url = f"http://localhost/api/ticks-export?format=csv&start={EPOCH}&end={EPOCH + 900}"
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
        assert response.content_type == "text/csv"
        header, *lines = (await response.text()).splitlines()
    assert header.startswith("crypto,horizon,timestamp_ms,timestamp,session,")
    assert [line.split(",")[0] for line in lines] == ["btc", "btc", "btc", "eth", "btc"]


REFUSED = (
    ("/api/windows?horizon=1d", "The parameter horizon is '1d': choose from 5m, 15m, 1h, 4h."),
    ("/api/windows?resolved=yes", "The parameter resolved is 'yes': choose from true, false."),
    ("/api/windows?limit=1001", "The parameter limit is '1001': give a whole number, 1 to 1000."),
    ("/api/windows?hours=-1", "The parameter hours is '-1': give a number above 0, 8784 at most."),
    ("/api/windows?hours=nan", "The parameter hours is 'nan': give a number above 0, 8784 at most."),
    ("/api/metrics?period=24h", "The parameter period is '24h': choose from current, hour, day, week, all."),
    ("/api/metrics?coin=btc", "There is no parameter 'coin' here: choose from period, strategy, crypto."),
    ("/api/research-export?crypto=doge", "The parameter crypto is 'doge': choose from btc, eth, sol, xrp."),
    ("/api/metrics?strategy=a%00b", "The parameter strategy is 'a\\x00b': give a name of letters that show."),
    ("/api/windows?start=1e300", f"The parameter start is '1e300': {TIMES}."),
    ("/api/ticks-export?format=xml", "The parameter format is 'xml': choose from json, csv."),
    ("/api/ticks-export?limit=500001", "The parameter limit is '500001': give a whole number, 1 to 500000."),
    ("/api/ticks-export?hours=1&start=5", "Give hours or start, not both."),
    ("/api/ticks-export?start=9&end=5", "The start must be before the end."),
    ("/api/ticks-export?start=soon", f"The parameter start is 'soon': {TIMES}."),
)


async def test_what_makes_no_sense_is_refused_with_what_would(folder: Path) -> None:
    async with running(settings(folder)) as engine:
        for question, sentence in REFUSED:
            assert await engine.request("GET", question) == (400, {"error": sentence})


async def test_a_database_that_does_not_answer_delays_nobody(engine: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "ASK_TIMEOUT_S", 0.3)
    held, asked = asyncio.Event(), asyncio.Event()

    async def never(*_: object) -> None:
        asked.set()
        await held.wait()

    monkeypatch.setattr("polyterm.service.status.stored.windows_page", never)
    waiting = asyncio.create_task(engine.request("GET", "/api/windows"))
    await asked.wait()
    async with asyncio.timeout(0.2):
        code, answer = await engine.request("POST", "/api/live/kill")
    assert (code, answer["state"]) == (200, "KILLED")
    assert not waiting.done()
    assert await waiting == (503, {"error": "The database did not answer within 0.3 s."})


async def test_one_export_at_a_time(engine: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    held, asked = asyncio.Event(), asyncio.Event()

    async def one_part(*_: object) -> AsyncIterator[None]:
        asked.set()
        await held.wait()
        return
        yield

    monkeypatch.setattr("polyterm.service.status.stored.tick_parts", one_part)
    first = asyncio.create_task(engine.request("GET", "/api/ticks-export"))
    await asked.wait()
    assert (await engine.request("GET", "/api/ticks-export"))[0] == 429
    held.set()
    assert (await first)[1]["ticks"] == []
    assert (await engine.request("GET", "/api/ticks-export"))[0] == 200


async def test_an_export_that_breaks_off_does_not_look_whole(engine: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*arguments: object) -> AsyncIterator[export.Part]:
        async for part in export.tick_parts(*arguments):  # type: ignore[arg-type]
            yield part
            raise StoreError("The disk is gone.")

    monkeypatch.setattr("polyterm.service.status.stored.tick_parts", broken)
    with pytest.raises(aiohttp.ClientError):
        await engine.request("GET", f"/api/ticks-export?start={EPOCH}&end={EPOCH + 900}")
