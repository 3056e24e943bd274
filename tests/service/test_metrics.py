"""The figures of a running engine, as Prometheus reads them."""

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pydantic import SecretStr

from tests.service.engines import Running, opened, running, settings, short_folder, tick


async def scrape(engine: Running) -> dict[str, list[Sample]]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(engine.settings.socket_path))) as session,
        session.get("http://localhost/metrics") as response,
    ):
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = text_string_to_metric_families(await response.text())
        samples: dict[str, list[Sample]] = {}
        for family in families:
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample)
        return samples


def value(samples: dict[str, list[Sample]], name: str, **labels: str) -> float:
    (found,) = [sample for sample in samples[name] if labels.items() <= sample.labels.items()]
    return found.value


async def test_what_a_run_did_can_be_scraped() -> None:
    with short_folder() as folder:
        async with running(settings(folder)) as engine:
            engine.feed(opened(), tick(80, 0.9), tick(79, 0.9), tick(30, 0.40))
            samples = await scrape(engine)
    assert value(samples, "polyterm_inputs_total") == 4
    assert value(samples, "polyterm_ticks_total") == 3
    assert value(samples, "polyterm_events_total") >= 3
    assert value(samples, "polyterm_trades_total") == 1  # bought at 0.91, given up at 0.39
    assert value(samples, "polyterm_pnl_session_dollars", model="touch") == -52.0
    assert value(samples, "polyterm_pnl_session_dollars", model="costed") < -52.0
    assert value(samples, "polyterm_open_positions") == 0
    assert value(samples, "polyterm_trading_state", state="RUNNING") == 1
    assert value(samples, "polyterm_trading_state", state="KILLED") == 0
    assert value(samples, "polyterm_health", status="ok") == 1
    assert value(samples, "polyterm_run", mode="PAPER", role="owner") == 1
    assert value(samples, "polyterm_store_state", state="ok") == 1
    assert value(samples, "polyterm_lease_held") == 1
    assert value(samples, "polyterm_feed_state", feed="binance", state="live") == 1
    assert value(samples, "polyterm_feed_age_seconds", feed="binance") == 0.1
    assert value(samples, "polyterm_feed_reconnects_total", feed="binance") == 0
    assert value(samples, "process_resident_memory_bytes") > 10_000_000
    assert value(samples, "process_open_fds") > 3
    assert "polyterm_clock_skew_seconds" not in samples  # nobody has told the time


async def test_an_observer_says_that_it_does_not_hold_the_lease() -> None:
    with short_folder() as folder:
        first = settings(folder)
        async with running(first), running(settings(folder, instance="second")) as observer:
            samples = await scrape(observer)
    assert value(samples, "polyterm_lease_held") == 0
    assert value(samples, "polyterm_run", role="observer") == 1


async def test_beyond_this_machine_figures_take_the_token() -> None:
    with short_folder() as folder:
        open_to_all = settings(folder, host="0.0.0.0", port=0, token=SecretStr("open"))
        async with running(open_to_all) as engine, aiohttp.ClientSession() as session:
            port = engine.runtime._server._runner.addresses[-1][1]
            for headers, expected in (({}, 401), ({"Authorization": "Bearer open"}, 200)):
                async with session.get(f"http://127.0.0.1:{port}/metrics", headers=headers) as response:
                    assert response.status == expected
            async with session.get(f"http://127.0.0.1:{port}/health") as response:
                assert response.status == 200
