"""The whole engine while its PostgreSQL is away."""

from polyterm.core.event import TradeClosed
from tests.postgres import Cluster
from tests.service.engines import ended, opened, running, settings, short_folder, tick, won
from tests.waiting import eventually


async def test_an_outage_is_shown_and_what_happened_in_it_is_announced_at_once_and_stored_later(
    cluster: Cluster, postgres: str
) -> None:
    name = postgres.rpartition("/")[2]
    with short_folder() as folder:
        async with running(settings(folder).model_copy(update={"db": postgres})) as engine:
            engine.feed(opened(), tick(81, 0.90), tick(80, 0.90))
            view = engine.runtime.view
            await eventually(lambda: view.snapshot().status.store_pending == 0)
            cluster.stop("immediate")
            try:
                engine.feed(tick(79, 0.92), ended(), won("up"))

                async def is_told() -> bool:
                    _, status = await engine.request("GET", "/api/live/status")
                    return bool(status["store"]["spoolRows"] and status["store"]["state"] == "slow")

                await eventually(is_told)
                _, health = await engine.request("GET", "/health")
                assert health["status"] == "degraded"
                assert any("wait in the spool, the oldest for" in reason for reason in health["reasons"])
                await eventually(lambda: any(isinstance(event, TradeClosed) for event in view._recent))
            finally:
                cluster.start()
            await eventually(lambda: view.snapshot().status.store_state == "ok")
    trades = cluster.sql("SELECT strategy_name, outcome, round(pnl::numeric, 2) FROM paper_trades", name)
    assert trades == "Endgame_Aggressive|up|9.00"
    assert cluster.sql("SELECT count(*) FROM ticks", name) == "3"
    assert cluster.sql("SELECT ended_ms IS NOT NULL FROM sessions", name) == "t"
