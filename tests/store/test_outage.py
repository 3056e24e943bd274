"""A small outage, measured as the benchmark measures a day of one."""

from pathlib import Path

from tests.benchmarks.outage import measure
from tests.postgres import Cluster


async def test_an_outage_loses_nothing_and_live_ticks_do_not_wait_for_its_delivery(
    cluster: Cluster, postgres: str, tmp_path: Path
) -> None:
    outage = await measure(6_000, cluster, postgres.rpartition("/")[2], tmp_path)
    assert outage.spooled_rows == 6_000 + 8 * 8 + 1  # two windows of each coin with their trades, and the session
    assert outage.stored_ticks == outage.ticks
    assert outage.stored_trades == 8 * 8 + outage.live_ticks
    assert outage.spooled_rows / outage.delivered_s > 500
    assert outage.waits_s[-1] < 1.0
