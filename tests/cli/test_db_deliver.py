"""``polyterm db deliver``: rows of a writer that lost its lease."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from polyterm.cli import cli
from polyterm.errors import ConfigError
from polyterm.store.checkpoint_rows import StoredCheckpoint, checkpoint_row, pack
from polyterm.store.intake import Intake, Limits
from polyterm.store.lines import line_of
from polyterm.store.location import locate
from polyterm.store.relay import SPOOL_SUFFIX
from polyterm.store.spool import Spool, put_aside
from polyterm.store.statements import CHECKPOINT
from polyterm.store.writer import Write, beginning_of_session
from tests.postgres import Cluster
from tests.store.builders import SESSION, closed, settled, taken, tick


def run(*arguments: str) -> str:
    return CliRunner().invoke(cli, ["db", *arguments], catch_exceptions=False).output


def lost(url: str, folder: Path) -> Path:
    """What a writer leaves that lost its lease before it could deliver anything."""
    intake = Intake(SESSION.id, Limits())
    for number in (1, 2):
        intake.take(taken(tick(number), number), [], ())
    intake.take(taken(number=3), [closed(3, settled())], ())
    intake.put_state("trading_state", '"RUNNING"', 5)
    writes = [beginning_of_session(SESSION), *intake.oldest().writes]
    for number in (0, 2):
        made = StoredCheckpoint(
            session=SESSION.id, number=number, at_ms=number, program="p", version=1, packed=pack(b"state")
        )
        writes.append(Write(CHECKPOINT, checkpoint_row(made), {"own_session": SESSION.id}))

    async def spooled() -> Path:
        spool = Spool(locate(url, folder).beside(SPOOL_SUFFIX))
        await spool.append([line_of(write) for write in writes])
        await spool.close()
        return spool.path

    aside = put_aside(asyncio.run(spooled()))
    assert aside is not None
    return aside


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLYTERM_DATA_DIR", str(tmp_path))
    return tmp_path


def test_what_was_put_aside_is_shown_and_then_delivered_where_it_is_missing(
    folder: Path, postgres: str, cluster: Cluster
) -> None:
    name = postgres.rpartition("/")[2]
    run("migrate", "--db", postgres)
    cluster.sql("INSERT INTO sessions (session, started_ms, started_at, mode, program, platform, sizing) "
                "VALUES ('next', 9e14, now(), 'PAPER', '', '', 'shares')", name)  # fmt: skip
    cluster.sql("INSERT INTO checkpoints (session, number, at_ms, program, version, state) "
                "VALUES ('next', 7, 7, 'p', 1, 'theirs')", name)  # fmt: skip
    aside = lost(postgres, folder)
    preview = run("deliver", "--db", postgres)
    assert f"{aside}: tick 2, " in preview
    assert "2 rows are not delivered" in preview
    assert "add --yes" in preview
    assert cluster.sql("SELECT count(*) FROM ticks", name) == "0"

    def stored() -> str:
        tables = ("ticks", "inputs", "paper_trades", "checkpoints", "system_state", "open_positions", "sessions")
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        return cluster.sql(f"SELECT concat_ws(' ', {counts})", name)

    assert "Delivered to" in run("deliver", "--yes", "--db", postgres)
    assert stored() == "2 1 1 2 0 0 2"
    assert (
        cluster.sql("SELECT string_agg(session || number, ' ' ORDER BY number) FROM checkpoints", name) == "s10 next7"
    )
    assert not aside.exists()
    assert "Nothing was put aside" in run("deliver", "--db", postgres)
    run("deliver", f"{aside}.delivered", "--yes", "--db", postgres)
    assert stored() == "2 1 1 2 0 0 2"


def test_what_cannot_be_delivered_is_refused_in_words(folder: Path, postgres: str) -> None:
    with pytest.raises(ConfigError, match="has no spool"):
        run("deliver", "--db", str(folder / "a.db"))
    with pytest.raises(ConfigError, match="There is no file"):
        run("deliver", str(folder / "none"), "--db", postgres)
    (folder / "other.spool.db.lost-1").write_bytes(b"")
    with pytest.raises(ConfigError, match="was put aside for another database"):
        run("deliver", str(folder / "other.spool.db.lost-1"), "--db", postgres)
