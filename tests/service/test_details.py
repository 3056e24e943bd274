"""What an engine tells of one strategy, one window and its settings, over a real link."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from polyterm.core.query import Failed, Query, SettingsQuery, StrategyQuery, WindowQuery, WindowsQuery
from polyterm.service.effective import effective, masked
from polyterm.service.link.client import LinkClient
from polyterm.settings import Settings, load
from polyterm.store.location import SqliteFile
from tests.service.engines import KEY as RUNNING
from tests.service.engines import Running, opened, running, settings, short_folder, tick
from tests.store.builders import EPOCH, KEY
from tests.store.reported import store_example
from tests.waiting import eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@asynccontextmanager
async def linked(engine: Running) -> AsyncIterator[LinkClient]:
    link = LinkClient(engine.address)
    task = asyncio.create_task(link.run())
    try:
        await eventually(lambda: link.connection.state == "connected")
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def asked(folder: Path, *queries: Query) -> list[object]:
    (folder / "data").mkdir()
    await store_example(SqliteFile(folder / "data" / "polyterm.db"))
    async with running(settings(folder)) as engine, linked(engine) as link:
        engine.feed(opened(), tick(400, 0.6), tick(399, 0.6))
        return [await link.ask(query) for query in queries]


async def test_a_strategy_and_its_record(folder: Path) -> None:
    answer, nobody = await asked(folder, StrategyQuery("SpotLagSimple"), StrategyQuery("Nobody"))
    assert answer.family == "SpotLag"
    assert answer.rule.startswith("Buys the side of a move of spot")
    assert [(one.name, one.value, one.unit) for one in answer.parameters][:2] == [
        ("lookback_ticks", 10, "ticks"), ("min_move", 0.0005, "fraction"),
    ]  # fmt: skip
    assert "windows of 5m 15m 1h 4h" in answer.limits
    assert [(way.side, way.reason) for way in answer.entries] == [
        ("up", "spot_lag_detected"), ("down", "spot_lag_detected"),
    ]  # fmt: skip
    assert answer.entries[0].gates[0] == "time left ≥ 120"
    assert answer.exits[0].gates == ("return ≤ −0.4",)
    assert [point.touch for point in answer.record.equity] == [60.0, 20.0]
    assert nobody == Failed("There is no strategy Nobody.")


async def test_windows_that_ran_and_the_one_that_runs(folder: Path) -> None:
    windows, past, now = await asked(
        folder, WindowsQuery("btc", "15m"), WindowQuery(KEY), WindowQuery(RUNNING)
    )  # fmt: skip
    assert [line.key for line in windows.windows][:1] == [RUNNING]
    assert windows.windows[0].strike is not None
    assert KEY in [line.key for line in windows.windows]
    assert past.line.outcome == "up"
    # Of 880, 881, 884 and 885 the newest of each three seconds.
    assert [point.slot - EPOCH for point in past.path] == [881, 884, 885]
    assert [trade.strategy for trade in past.trades] == ["SpotLag_Fast", "SpotLagSimple", "SpotLagSimple"]
    assert now.line.key == RUNNING


async def test_secrets_and_what_may_be_one_stay_in_the_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYTERM_SERVICE__TOKEN", "hush-hush-token")
    monkeypatch.setenv("POLYMARKET_API_KEY", "hush-key")
    monkeypatch.setenv("DATABASE_URL", "postgres://maria:hush-password@db.test:5432/polyterm")
    config = folder / "config.toml"
    config.write_text(
        '[feeds]\nsilence_s = 6.0\npolygon_rpc = ["https://rpc.test/v2/0123456789abcdef0123456789abcdef"]\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("POLYTERM_CONFIG", str(config))
    answer = effective(load({"console": {"theme": "light"}}))
    assert (answer.file, answer.found) == (str(config), True)
    lines = {line.name: line for line in answer.lines}
    assert "hush" not in str(answer)
    assert "0123456789abcdef" not in str(answer)
    assert (lines["service.token"].value, lines["service.token"].origin) == ("set (…)", "environment")
    assert (lines["credentials.api_key"].value, lines["credentials.api_key"].origin) == ("set (…)", "environment")
    assert (lines["credentials.secret"].value, lines["credentials.secret"].origin) == ("not set", "default")
    assert (lines["feeds.silence_s"].value, lines["feeds.silence_s"].origin) == ("6.0", "file")
    assert lines["feeds.polygon_rpc"].value == "https://rpc.test/v2/…"
    assert (lines["console.theme"].value, lines["console.theme"].origin) == ("light", "flag")
    assert "db.test" in lines["db"].value
    assert lines["db"].origin == "environment"


async def test_settings_are_told_to_whoever_asks(folder: Path) -> None:
    given = Settings(
        _env_file=None, data_dir=folder / "data", runtime_dir=folder / "run", credentials={"secret": "hush"}
    )
    async with running(given) as engine, linked(engine) as link:
        answer = await link.ask(SettingsQuery())
    assert "hush" not in str(answer)
    assert {line.name: line.value for line in answer.lines}["credentials.secret"] == "set (…)"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://host.test:9443/ws/market", "wss://host.test:9443/ws/market"),
        ("https://maria:secret@host.test/x", "https://…@host.test/x"),
        ("https://host.test/rpc?apikey=abc", "https://host.test/rpc?…"),
        ("binance", "binance"),
    ],
)
def test_what_may_be_a_key_in_a_url_is_masked(url: str, shown: str) -> None:
    assert masked(url) == shown
