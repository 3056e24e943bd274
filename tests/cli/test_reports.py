"""The report commands as a person or a script runs them."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from polyterm.cli import cli
from polyterm.cli.export_files import format_of
from polyterm.cli.tables import amount, money, percent, quote, rounded, size, spot
from polyterm.errors import ConfigError
from polyterm.store.location import SqliteFile
from tests.store.builders import EPOCH
from tests.store.databases import opened
from tests.store.reported import store_example

REPORTS = (["review"], ["trades"], ["db", "status"], ["health"])


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("reports") / "filled.db"
    asyncio.run(store_example(SqliteFile(path)))
    return str(path)


@pytest.fixture
def empty(tmp_path: Path) -> str:
    path = tmp_path / "empty.db"
    asyncio.run(opened(SqliteFile(path)))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.125, "+0.13"), (-0.125, "-0.13"), (1.005, "+1.01"), (0.0, "+0.00"), (-1234.5, "-1,234.50"), (None, "-")],
)
def test_money_is_rounded_half_away_from_zero_and_has_a_sign(value: float | None, shown: str) -> None:
    assert money(value) == shown


def test_figures_read_as_people_write_them() -> None:
    assert (percent(1 / 16), percent(None), str(rounded(-2.345, 2))) == ("6.3", "-", "-2.35")
    assert (amount(1234.5), quote(0.4949999999999), spot(61_017.158), spot(1.4370424)) == (
        "1,234.50", "0.495", "61,017.16", "1.43704",
    )  # fmt: skip
    assert [size(value) for value in (12, 8_192, 551_700_000, 2_340_000_000)] == [
        "12 B",
        "8.2 kB",
        "551.7 MB",
        "2.34 GB",
    ]


def test_a_review_shows_both_kinds_of_profit_and_says_when_trades_are_few(filled: str) -> None:
    shown = run("review", "1000000", "--db", filled).output  # the example is of January 2026
    line = next(line.split() for line in shown.splitlines() if line.startswith("SpotLagSimple"))
    assert line == ["SpotLagSimple", "2*", "1", "50.0", "9.5–90.5", "+20.00", "+16.50"]
    assert "* under 100 trades: too few to tell an edge from luck." in shown
    assert "Sizing: 100 shares an entry." in shown


def test_what_a_narrow_terminal_has_no_room_for_is_named(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("review", "1000000", "--db", filled).output
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    assert "No room for: best $, worst $" in shown


@pytest.mark.parametrize("report", REPORTS, ids=" ".join)
def test_every_report_has_a_form_for_programs(filled: str, report: list[str]) -> None:
    told = json.loads(run(*report, "--json", "--db", filled).output)
    assert told["version" if report != ["trades"] else "total"] in (3, 5)


@pytest.mark.parametrize("report", REPORTS, ids=" ".join)
def test_an_empty_database_is_told_in_words(empty: str, report: list[str]) -> None:
    done = run(*report, "--db", empty)
    assert done.exit_code == (1 if report == ["health"] else 0)
    assert "None." in done.output or "would be" in done.output


def test_trades_can_be_chosen(filled: str) -> None:
    page = json.loads(run("trades", "--json", "--db", filled, "--strategy", "SpotLag_Fast", "--coins", "eth").output)
    assert [(trade["strategy"], trade["coin"], trade["exit_ms"]) for trade in page["trades"]] == [
        ("SpotLag_Fast", "eth", (EPOCH + 303) * 1000)
    ]
    page = json.loads(run("trades", "--json", "--db", filled, "--from", str(EPOCH + 900), "--limit", "1").output)
    assert (len(page["trades"]), page["total"]) == (1, 2)
    page = json.loads(run("trades", "--json", "--db", filled, "--to", str(EPOCH)).output)
    assert [trade["strategy"] for trade in page["trades"]] == ["Old"]


def test_a_strategy_that_never_traded_is_told_with_the_nearest(filled: str) -> None:
    done = run("trades", "--db", filled, "--strategy", "SpotLagFast")
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == "No trade of a strategy SpotLagFast is stored: did you mean SpotLag_Fast?"


@pytest.mark.parametrize(
    "arguments",
    [
        ["trades", "--period", "year"],
        ["trades", "--period", "day", "--from", "1"],
        ["trades", "--offset", "9" * 20],
        ["review", "0"],
        ["review", "nan"],
        ["conflicts", "--hours", "nan"],
        ["conflicts", "--hours", "1e300"],
        ["export", "all"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_refused(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_health_is_a_verdict_for_scripts(filled: str, tmp_path: Path) -> None:
    stale = run("health", "--db", filled)
    assert stale.exit_code == 1
    assert stale.output.startswith("stale: no engine has given a sign of life yet; the newest tick is ")
    missing = run("health", "--json", "--db", str(tmp_path / "none.db"))
    assert missing.exit_code == 2
    told = json.loads(missing.stdout)
    assert told["verdict"] == "unreachable"
    assert "There is no database at" in told["reasons"][0]
    away = run("health", "--db", "postgresql://ann:secret@127.0.0.1:9/none")
    assert away.exit_code == 2
    assert "unreachable" in away.stderr
    assert "secret" not in away.output


def test_reports_read_beside_a_writer_that_holds_the_database(filled: str) -> None:
    writer = sqlite3.connect(filled, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert run("trades", "--db", filled).exit_code == 0
    finally:
        writer.rollback()
        writer.close()


@pytest.mark.parametrize("name", ["ticks.jsonl", "ticks.csv.gz", "ticks.parquet", "ticks.json.zst"])
def test_exported_ticks_replay_as_the_database_they_are_from(filled: str, tmp_path: Path, name: str) -> None:
    windows = str(tmp_path / "windows.csv")
    assert run("export", "windows", "-o", windows, "--db", filled).exit_code == 0
    assert run("export", "ticks", "-o", name, "--db", filled).exit_code == 0
    assert not list(tmp_path.glob("*.part"))
    whole = run("replay", filled, "--events", "whole.jsonl")
    again = run("replay", name, "--outcomes", windows, "--events", "again.jsonl")
    assert (whole.exit_code, again.exit_code) == (0, 0)
    assert again.output == whole.output
    assert "ticks 5, windows 2, outcomes 2" in again.output


def test_an_export_goes_to_standard_output_where_no_file_is_given(filled: str) -> None:
    lines = run("export", "trades", "--format", "json", "--db", filled, "--coins", "eth").stdout.splitlines()
    (trade,) = [json.loads(line) for line in lines]
    assert (trade["strategy_name"], trade["crypto"], trade["pnl"], trade["costed_pnl"]) == (
        "SpotLag_Fast",
        "eth",
        0.0,
        -2.5,
    )
    assert trade["exit_time"] == "2026-01-25T00:05:03Z"
    header, *rows = run("export", "windows", "--db", filled).stdout.splitlines()
    assert header.startswith("crypto,horizon,epoch,")
    assert [row.split(",")[:3] for row in rows] == [["btc", "15m", str(EPOCH)], ["eth", "15m", str(EPOCH)]]


def test_an_export_that_is_refused_writes_nothing_to_standard_output(tmp_path: Path) -> None:
    for what in ("ticks", "trades", "windows"):
        refused = run("export", what, "--db", str(tmp_path / "none.db"))
        assert refused.exit_code == 1
        assert refused.stdout == ""


def test_an_export_keeps_to_its_time(filled: str) -> None:
    seconds = run("export", "ticks", "--db", filled, "--from", str(EPOCH + 881), "--to", str(EPOCH + 885)).stdout
    assert [line.split(",")[2] for line in seconds.splitlines()[1:]] == [
        f"{EPOCH + second}000" for second in (881, 884, 884)
    ]  # fmt: skip


def test_an_export_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    kept = tmp_path / "ticks.csv"
    kept.write_text("of yesterday")
    assert run("export", "ticks", "-o", str(kept), "--db", str(tmp_path / "none.db")).exit_code == 1
    assert kept.read_text() == "of yesterday"
    assert not list(tmp_path.glob("*.part"))
    nowhere = run("export", "ticks", "-o", str(tmp_path / "no" / "ticks.csv"), "--db", str(tmp_path / "none.db"))
    assert "cannot be written" in str(nowhere.exception)


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.jsonl.gz", "json"), ("b.PARQUET", "parquet"), ("c.zst", None), ("d", None), ("e.csv", "csv")],
)
def test_the_name_of_a_file_asks_for_its_format(name: str, format_: str | None) -> None:
    assert format_of(Path(name)) == format_
