"""``polyterm db migrate|adopt|prune`` as they are typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from polyterm.cli import cli
from polyterm.errors import ConfigError
from polyterm.store.schema import VERSION

REFERENCE = (Path(__file__).parents[1] / "store" / "reference.sql").read_text(encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["db", *arguments], catch_exceptions=False)


@pytest.fixture
def foreign(postgres: str, cluster) -> str:
    """A database of the earlier system."""
    cluster.sql(REFERENCE, postgres.rpartition("/")[2])
    return postgres


def test_a_database_is_made_and_its_version_told(postgres):
    assert run("migrate", "--db", postgres).output.endswith(f"has schema version {VERSION}.\n")
    assert "is empty" not in run("prune", "--older-than", "1d", "--db", postgres).output


def test_adopt_tells_what_became_of_every_table_and_then_everything_works(foreign):
    with pytest.raises(ConfigError, match="another program made"):
        run("migrate", "--db", foreign)
    told = run("adopt", "--db", foreign).output
    assert "paper_trades: 2 of 2 rows adopted; as it was: paper_trades_before_adoption\n" in told
    assert "ticks: 2 of 4 rows adopted, 2 left out (crypto 'doge' is not one of btc, eth, sol, xrp)" in told
    assert run("migrate", "--db", foreign).exit_code == 0
    with pytest.raises(ConfigError, match="nothing to adopt"):
        run("adopt", "--db", foreign)


def test_a_session_of_a_database_that_is_not_ours_is_refused_in_words(foreign, postgres, cluster):
    def verify() -> Result:
        return CliRunner().invoke(cli, ["replay", "--verify-session", "--db", foreign], catch_exceptions=False)

    with pytest.raises(ConfigError, match="another program made"):
        verify()
    cluster.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", postgres.rpartition("/")[2])
    with pytest.raises(ConfigError, match="is empty: no engine has run on it"):
        verify()


def test_prune_counts_and_deletes_only_when_told_to(foreign):
    run("adopt", "--db", foreign, "--json")
    preview = run("prune", "--older-than", "30d", "--db", foreign).output
    assert "2 of 2 ticks and 0 other inputs are from before" in preview
    assert "add --yes" in preview
    assert json.loads(run("prune", "--older-than", "30d", "--db", foreign, "--json").output)["ticks"] == 2
    assert run("prune", "--older-than", "30d", "--yes", "--db", foreign).output.splitlines()[-1].startswith("Deleted.")
    assert "0 of 0 ticks" in run("prune", "--older-than", "30d", "--db", foreign).output


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    for command in (("adopt",), ("prune", "--older-than", "30d")):
        with pytest.raises(ConfigError, match="There is no database at"):
            run(*command, "--db", str(tmp_path / "none.db"))
    assert not (tmp_path / "none.db").exists()


def test_nobody_prunes_tables_of_another_program(foreign):
    with pytest.raises(ConfigError, match="another program made"):
        run("prune", "--older-than", "30d", "--db", foreign)
