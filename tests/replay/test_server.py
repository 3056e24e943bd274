"""Replaying what a PostgreSQL holds."""

import asyncio
import json

from click.testing import CliRunner

from polyterm.cli import cli
from polyterm.core.event import WindowStarted
from polyterm.core.market import FeeSchedule, Reference
from polyterm.store.location import locate
from tests.store.builders import EPOCH, KEY, closed, early_exit, tick
from tests.store.test_both_databases import put


def test_a_database_url_is_a_source(postgres, tmp_path):
    strike = Reference(100.0, "twap60", "stream", EPOCH * 1000)
    started = WindowStarted(closed(1, early_exit()).id, EPOCH * 1000, KEY, strike, FeeSchedule(0.07, 1.0))
    asyncio.run(put(locate(postgres, tmp_path), [[started], *(tick(second) for second in range(30))]))
    run = CliRunner().invoke(cli, ["replay", postgres, "--json"], catch_exceptions=False)
    assert run.exit_code == 0
    assert json.loads(run.output)["ticks"] == 30
