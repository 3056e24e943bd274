"""``polyterm sweep`` as a user runs it."""

import csv
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from distributed import Client

from polyterm.cli import main
from polyterm.cli.heatmap import heatmap
from polyterm.cli.sweep_runs import Done, run_here, run_on_cluster
from polyterm.core.input import WindowEnded
from polyterm.core.tick import Tick
from polyterm.engine.sweep import Piece, SweptRecording
from polyterm.errors import ConfigError
from tests.engine.sweep_market import market

Run = Callable[..., subprocess.CompletedProcess[str]]
GRID = ("--param", "min_move=0.0001:0.0005:5", "--param", "stop=0.2,0.4")
WAIT_S = 60


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six windows of btc and eth, all of them won by Up."""
    lines = []
    for at_ms, payload in market(5, windows=6, flaws=0):
        match payload:
            case Tick(key=key):
                lines.append({
                    "type": "tick", "timestamp_ms": at_ms, "crypto": key.coin, "window_epoch": key.epoch,
                    "up_bid": payload.up_bid, "up_ask": payload.up_ask, "spot_price": payload.spot,
                    "price_to_beat": payload.strike.price if payload.strike else None,
                })  # fmt: skip
            case WindowEnded(key=key):
                lines.append({
                    "type": "window_end", "ts": at_ms, "crypto": key.coin, "epoch": key.epoch, "outcome": "up",
                })  # fmt: skip
    path = tmp_path_factory.mktemp("sweep") / "ticks.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def sweep(polyterm: Run, *arguments: str | Path) -> dict:
    done = polyterm("sweep", *map(str, arguments), "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def test_every_figure_is_that_of_a_replay(polyterm: Run, recording: Path) -> None:
    found = sweep(polyterm, "SpotLagSimple", recording, "--param", "stop=0.4,0.9")
    as_it_is = next(variant for variant in found["variants"] if variant["parameters"] == {"stop": 0.4})
    replayed = json.loads(polyterm("replay", str(recording), "--json").stdout)
    row = next(row for row in replayed["leaderboard"] if row["strategy"] == "SpotLagSimple")
    score = as_it_is["result"]["score"]
    assert (score["trades"], score["wins"]) == (row["trades"], row["wins"])
    assert score["trades"] > 5
    assert score["touch"] == pytest.approx(row["pnl_touch"], abs=1e-9)
    assert score["costed"] == pytest.approx(row["pnl_costed"], abs=1e-9)
    assert found["source"] == {"series": ["btc 15m", "eth 15m"], "windows": 12, "ticks": replayed["ticks"]}


def test_processes_change_nothing(polyterm: Run, recording: Path) -> None:
    arguments = ("SpotLagSimple", recording, *GRID, "--folds", "3")
    alone, together = (sweep(polyterm, *arguments, "--jobs", jobs) for jobs in ("1", "2"))
    assert alone == together
    assert len(alone["variants"]) == 10


def test_the_table_the_walk_and_the_map(polyterm: Run, recording: Path) -> None:
    done = polyterm("sweep", "SpotLagSimple", str(recording), *GRID, "--folds", "2", "--top", "3")
    assert (done.returncode, done.stderr) == (0, "")
    head, table, walk, drawn = done.stdout.strip().split("\n\n")
    assert head.startswith("SpotLagSimple: 10 variants over 12 windows and 10,800 ticks of btc 15m, eth 15m, ranked by")
    header, *rows, more = table.splitlines()
    assert header.split()[:5] == ["min_move", "stop", "trades", "win", "%"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    assert more == "7 more: --top, --csv or --json shows them"
    assert walk.splitlines()[0] == "walk forward, chosen by costed P&L of all folds before"
    assert walk.splitlines()[2].split()[:2] == ["2", "3"]  # six windows, those of both coins as one
    title, columns, *cells, legend = drawn.splitlines()
    assert title == "costed P&L, min_move downwards, stop to the right"
    assert columns.split() == ["0.2", "0.4"]
    assert [cell.split()[0] for cell in cells] == ["0.0001", "0.0002", "0.0003", "0.0004", "0.0005"]
    assert all(re.fullmatch(r" *[0-9.]+( +[+-][0-9]+[ ░▒▓█]){2}", cell) for cell in cells)
    assert legend.startswith("░▒▓█ to ")


def test_csv_has_every_variant_and_the_same_figures(polyterm: Run, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    found = sweep(polyterm, "SpotLagSimple", recording, *GRID, "--folds", "2", "--by", "touch", "--csv", out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "rank", "min_move", "stop", "trades", "wins", "touch", "costed", "average", "ratio", "drawdown",
        "fold_1_touch", "fold_2_touch",
    ]  # fmt: skip
    assert len(rows) == 10
    for row, variant in zip(rows, found["variants"], strict=True):
        score = variant["result"]["score"]
        assert float(row["touch"]) == score["touch"]
        assert float(row["fold_1_touch"]) + float(row["fold_2_touch"]) == pytest.approx(score["touch"])
        assert {"min_move": float(row["min_move"]), "stop": float(row["stop"])} == variant["parameters"]
    assert [float(row["touch"]) for row in rows] == sorted((float(row["touch"]) for row in rows), reverse=True)


def test_a_draw_is_the_same_for_its_seed(polyterm: Run, recording: Path) -> None:
    arguments = ("Endgame", recording, "--param", "stop=0.1:0.5", "--random", "4")
    first, again, other = (sweep(polyterm, *arguments, "--seed", seed) for seed in ("3", "3", "4"))
    assert first == again
    assert first["variants"] != other["variants"]
    assert len(first["variants"]) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("SpotLagSimpel", "{}"), "There is no strategy SpotLagSimpel: did you mean SpotLagSimple?"),
        (("SpotLagSimple", "{}", "--param", "stap=1"), "no parameter 'stap': did you mean 'stop'?"),
        (("SpotLagSimple", "{}", "--param", "stop=99"), "stop cannot be '99'"),
        (("SpotLagSimple", "{}", "--param", "stop=0.1:0.2"), "LOW:HIGH:COUNT"),
        (("SpotLagSimple", "{}", "--folds", "99"), "99 folds need at least as many windows"),
        (("SpotLagSimple", "absent.jsonl"), "absent.jsonl"),
        (("SpotLagSimple", "{}", "--coins", "xrp"), "no windows"),
        (("SpotLagSimple", "{}", "--csv", "absent/out.csv"), "absent/out.csv cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_2(
    polyterm: Run, recording: Path, arguments: tuple[str, ...], words: str
) -> None:  # fmt: skip
    done = polyterm("sweep", *(argument.format(recording) for argument in arguments))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_without_distributed_a_cluster_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'polyterm-console[cluster]'")):
        next(run_on_cluster((), (), "tcp://127.0.0.1:9"))


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyterm.cli.sweep_runs.CONNECT_TIMEOUT_S", 0.2)
    with pytest.raises(ConfigError, match=r"The cluster at tcp://127\.0\.0\.1:9 cannot be reached"):
        next(run_on_cluster((), (), "tcp://127.0.0.1:9"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process of its own, on loopback."""
    address = tmp_path / "scheduler.json"
    common = ("--no-dashboard", "--scheduler-file", str(address))
    dask = (
        (sys.executable, "-m", "distributed.cli.dask_scheduler"),
        (sys.executable, "-m", "distributed.cli.dask_worker"),
    )
    commands = (
        (*dask[0], "--host", "127.0.0.1", "--port", "0", *common),
        *2 * ((*dask[1], "--host", "127.0.0.1", "--nthreads", "1", "--local-directory", str(tmp_path), *common),),
    )
    processes = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands
    ]
    try:
        with Client(scheduler_file=str(address), timeout=WAIT_S, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=WAIT_S)
            yield client.scheduler.address
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait(WAIT_S)


def test_a_cluster_gives_what_one_process_gives(polyterm: Run, recording: Path, cluster: str) -> None:
    arguments = ("SpotLagSimple", recording, *GRID, "--folds", "3")
    assert sweep(polyterm, *arguments, "--cluster", cluster) == sweep(polyterm, *arguments, "--jobs", "1")


def test_an_interrupt_keeps_what_is_done(
    recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl+C after the second piece: one piece of each of the two coins."""

    def interrupted(recordings: Sequence[SweptRecording], pieces: Sequence[Piece]) -> Iterator[Done]:
        yield from itertools.islice(run_here(recordings, pieces), 2)
        raise KeyboardInterrupt

    monkeypatch.setattr("polyterm.cli.sweep_runs.run_here", interrupted)
    monkeypatch.setattr(sys, "argv", ["polyterm", "sweep", "SpotLagSimple", str(recording), *GRID, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["complete"] is False
    assert len(report["variants"]) == 3  # ten variants for four pieces of a process: three in a piece
    assert err == "polyterm: interrupted: 3 of 10 variants are done\n"


def test_a_map_too_wide_keeps_sign_and_shade() -> None:
    lines = list(heatmap(["1"], ["10", "20", "30"], [[-100.0, 50.0, None]], width=10))
    assert lines == ["   1  2  3", "1 -█ +▓  .", "░▒▓█ to 100.00; + earned, - lost"]
    wide = list(heatmap(["1"], ["10", "20", "30"], [[-100.0, 50.0, 0.0]], width=80))
    assert wide[1] == "1 -100█  +50▓   +0 "
