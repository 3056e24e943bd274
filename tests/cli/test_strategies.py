"""``polyterm strategies``, and strategies of the user's own, as a user meets them."""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from polyterm.cli.user_strategies import load_own, strategies_dir
from polyterm.strategies.registry import REGISTRY
from tests.waiting import eventually

EPOCH = 1_770_000_300

OWN = '''
from collections.abc import Iterator

from polyterm.core.signal import HOLD, Signal
from polyterm.strategies.base import Branch, Limits, Rule, Strategy
from polyterm.strategies.entry import Entry
from polyterm.strategies.parameters import Parameters, Price


class Numbers(Parameters, frozen=True, kw_only=True):
    least: Price = 0.1


class Always(Rule):
    """Buys Up whenever it may."""

    def __init__(self, parameters: Numbers) -> None:
        self.parameters = parameters

    def entry(self, f):
        yield Branch(up=f.up_mid > self.parameters.least, reason="why_not")

    def exit(self, f, position):
        yield position.r < -2, "never"


'''
OFFER = 'STRATEGIES = (Entry("Always", "Own", Always, Numbers()),)\n'


def write(name: str, text: str) -> Path:
    strategies_dir().mkdir(parents=True, exist_ok=True)
    path = strategies_dir() / f"{name}.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def line_of(path: Path, words: str) -> int:
    return 1 + next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines()) if words in line)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Spot jumps by 0.1 % in second 20 while the book sleeps at 49 and 51 cents; then the book wakes up; Up wins."""
    path = tmp_path / "ticks.jsonl"
    lines = [
        {"type": "tick", "timestamp_ms": (EPOCH + second) * 1000, "crypto": "btc", "window_epoch": EPOCH,
         "up_bid": 0.49 if second < 40 else 0.58, "up_ask": 0.51 if second < 40 else 0.60,
         "spot_price": 1000.0 if second < 20 else 1001.0, "price_to_beat": 1000.0}
        for second in range(1, 60)
    ]  # fmt: skip
    lines.append({"type": "window_end", "ts": (EPOCH + 900) * 1000, "crypto": "btc", "epoch": EPOCH, "outcome": "up"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_the_list(polyterm: Callable) -> None:
    done = polyterm("strategies")
    assert (done.returncode, done.stderr) == (0, "")
    *rows, summary = done.stdout.splitlines()
    assert [row.split()[0] for row in rows] == [entry.name for entry in REGISTRY]
    assert rows[8].split() == [
        "SpotLag_Fast", "SpotLag", "lookback_ticks=5", "min_move=0.0003", "max_followed=0.3", "min_remaining_s=120",
        "stop=0.4",
    ]  # fmt: skip
    assert rows[38].split()[:3] == ["SpotLag_TP3", "*", "SpotLag"]
    assert summary == "73 strategies, 0 of them your own. * 35 are experimental."


def test_one_strategy_in_words(polyterm: Callable) -> None:
    done = polyterm("strategies", "spotlag_30sec")
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "SpotLag_30sec (SpotLag)"
    assert "Enters as SpotLag does; sells when its time is up, at its profit target, or at the stop." in lines
    assert "hold_s 30 s (at least 0)" in lines
    assert "lookback_ticks 5 ticks (at least 2 and at most 121)" in lines
    assert "Resets: Look-backs begin anew with every window." in lines
    assert lines[-1] == (
        "Limits: btc eth sol xrp; windows of 15m; any number of entries in a window; out for the rest of the window "
        "after timed_exit_30s, take_profit, extreme_stop."
    )


def test_a_wrong_name_is_told_the_nearest(polyterm: Callable) -> None:
    done = polyterm("strategies", "SpotLagFast")
    assert done.returncode == 2
    assert done.stderr.strip() == "polyterm: There is no strategy SpotLagFast: did you mean SpotLag_Fast?"


def test_too_many_words(polyterm: Callable) -> None:
    for words in (("new",), ("a", "b"), ("new", "a", "b")):
        done = polyterm("strategies", *words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_a_new_strategy_loads_and_trades_as_it_is(polyterm: Callable, recording: Path) -> None:
    done = polyterm("strategies", "new", "MyMove")
    path = strategies_dir() / "MyMove.py"
    assert (done.returncode, done.stderr) == (0, "")
    assert str(path) in done.stdout
    shown = polyterm("strategies", "MyMove").stdout
    assert f"from {path}" in shown
    assert "Buys the side of a move of spot; sells at its profit target or at the stop." in shown
    replayed = polyterm("replay", str(recording), "--json")
    assert (replayed.returncode, replayed.stderr) == (0, "")
    rows = {row["strategy"]: row for row in json.loads(replayed.stdout)["leaderboard"]}
    mine = rows["MyMove"]
    assert (mine["family"], mine["trades"], mine["wins"], mine["disabled"]) == ("Own", 1, 1, None)
    assert mine["pnl_touch"] == pytest.approx(7.0), "bought at 0.51, sold at 0.58 once the mid was 10 % above that"


def test_new_overwrites_nothing(polyterm: Callable) -> None:
    path = write("Mine", "# my work\n")
    for name, words in (("Mine", "exists already"), ("Endgame", "already"), ("4ever", "cannot be a name"), ("new", "")):
        done = polyterm("strategies", "new", name)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert path.read_text(encoding="utf-8") == "# my work\n"
    assert [path.name for path in strategies_dir().iterdir()] == ["Mine.py"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("x = 1\ny = (\n", 2, "SyntaxError: '(' was never closed"),
        ("x = 1\nraise RuntimeError('no luck')\n", 2, "RuntimeError: no luck"),
        ("import sys\n\nsys.exit('bye')\n", 3, "SystemExit: bye"),
        ("import nowhere_to_be_found\n", 1, "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("x = 1\n", None, "it must offer STRATEGIES, a tuple of Entry"),
        ("STRATEGIES = (1, 2)\n", None, "it must offer STRATEGIES, a tuple of Entry"),
        (OWN + OFFER.replace('"Always"', '"Endgame"'), None, "there is a strategy Endgame already"),
        (OWN + OFFER.replace('"Always"', '"a b"'), None, "'a b' cannot be a name"),
        (OWN + OFFER.replace("Numbers()", "Numbers(least=2)"), 27, "ValueError: least cannot be 2: it is a number"),
        (OWN + OFFER.replace("Numbers()),", 'Numbers(), Limits(coins=("doge",))),'), None, "may name the coins"),
        (OWN + OFFER.replace("Always, N", "lambda p: 5, N"), None, "makes no Strategy"),
        (OWN.replace("yield Branch(up", "yield Branch(up=True and") + OFFER, 21, "SyntaxError"),
        (OWN.replace("f.up_mid >", "f.up_mud >") + OFFER, None, "line 21, Always.entry: f.up_mud is not offered"),
        (OWN.replace("position.r < -2", "position.r < -2 or False") + OFFER, None, "line 24, Always.exit: BoolOp"),
    ],
    ids=lambda value: str(value).strip()[-40:],
)
def test_a_broken_file_is_named_with_its_reason_and_the_rest_is_loaded(
    text: str, line: int | None, reason: str
) -> None:
    broken = write("broken", text)
    write("sound", OWN + OFFER)
    own = load_own()
    assert [strategy.entry.name for strategy in own.usable] == ["Always"]
    assert own.entries == (*REGISTRY, own.usable[0].entry)
    (found,) = own.broken
    assert found.where == (str(broken) if line is None else f"{broken}:{line}")
    assert reason in found.reason


def test_a_sound_strategy_beside_a_broken_one_is_kept() -> None:
    write(
        "two", OWN + 'STRATEGIES = [Entry("Always", "Own", Always, Numbers()), Entry("new", "Own", Always, Numbers())]'
    )
    own = load_own()
    assert [strategy.entry.name for strategy in own.usable] == ["Always"]
    assert [broken.reason[:22] for broken in own.broken] == ["'new' cannot be a name"]


def test_a_memory_that_cannot_be_kept_is_found_out_at_once() -> None:
    write("remembers", OWN + '''
        class Own(Strategy):
            def on_tick(self, tick, position, context):
                return HOLD
            def state(self):
                return {1, 2, object()}

        STRATEGIES = (Entry("Mine", "Own", lambda _: Own()),)
        '''.replace("\n        ", "\n"))  # fmt: skip
    (broken,) = load_own().broken
    assert broken.reason.startswith("Mine begins anew: what it remembers could not be kept (TypeError")


def test_a_strategy_that_raises_on_a_tick_is_found_out_at_once() -> None:
    path = write("raises", OWN + '''
        class Falls(Strategy):
            def on_tick(self, tick, position, context):
                return Signal("buy", "up", str(1 / (tick.slot % 2)))

        STRATEGIES = (Entry("Falls", "Own", lambda _: Falls()),)
        '''.replace("\n        ", "\n"))  # fmt: skip
    (broken,) = load_own().broken
    assert broken.where == str(path)
    line = line_of(path, "1 / ")
    assert broken.reason.startswith("Falls: ZeroDivisionError: ")
    assert broken.reason.endswith(f"(raises.py:{line})")


def test_replay_says_what_it_leaves_out(polyterm: Callable, recording: Path) -> None:
    broken = write("broken", "x = (\n")
    done = polyterm("replay", str(recording), "--json")
    assert done.returncode == 0
    assert done.stderr.startswith(f"polyterm: skipped a strategy: {broken}:1: SyntaxError")
    assert len(json.loads(done.stdout)["leaderboard"]) == len(REGISTRY)
    assert "0 of them your own" in polyterm("strategies").stdout


def test_packages_offer_strategies_by_entry_point(
    polyterm: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    metadata = site / "tape_reader-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tape-reader\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        "[polyterm.strategies]\ntape = tape_reader\ntape_two = tape_reader:SECOND\ntape_bad = tape_reader:NOTHING\n",
        encoding="utf-8",
    )
    (site / "tape_reader.py").write_text(
        OWN + OFFER + 'SECOND = Entry("Second", "Own", Always, Numbers())\n', encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    done = polyterm("strategies")
    rows = [line.split()[0] for line in done.stdout.splitlines()]
    assert rows[-3:-1] == ["Always", "Second"]
    assert done.stderr.startswith("polyterm: skipped a strategy: entry point tape_bad (tape_reader:NOTHING): ")
    assert "AttributeError" in done.stderr


@pytest.mark.usefixtures("offline")
async def test_a_headless_engine_runs_them_and_reports_the_broken(headless: Callable, polyterm: Callable) -> None:
    broken = write("broken", "x = (\n")
    write("sound", OWN + OFFER)
    async with headless() as engine:
        await eventually(engine.answers, 30)
        _, health = await engine.request("GET", "/health")
        assert any(f"skipped strategies: {broken}:1: SyntaxError" in reason for reason in health["reasons"])
        snapshot = json.loads(polyterm("status", "--json").stdout)
        assert snapshot["leaderboard"]["rows"][-1]["strategy"] == "Always"
        assert await engine.stop() == 0
