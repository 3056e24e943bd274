"""Every action by its keys, and what must hold of every screen, modal and focus."""

import csv
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from textual import events
from textual.binding import Binding
from textual.keys import key_to_character
from textual.pilot import Pilot
from textual.widgets import Input
from textual.widgets._toast import Toast

from polyterm import __version__
from polyterm.console import screens
from polyterm.console.actions import ACTIONS, Action, explained, key_names
from polyterm.console.app import ConsoleApp
from polyterm.console.remap import FIXED, remapped
from polyterm.console.screens.base import ConsoleModal, ConsoleScreen
from polyterm.console.screens.detail import DetailScreen
from polyterm.console.screens.palette import PaletteScreen
from polyterm.console.screens.question import Question
from polyterm.console.widgets.heatmap import Heatmap
from polyterm.console.widgets.receipt import ReceiptPanel
from polyterm.console.widgets.themes import ThemeChooser
from polyterm.core.event import TradingStateChanged
from polyterm.core.snapshot import Positions, SnapshotDelta
from polyterm.errors import ConfigError
from polyterm.service.link.port import Connection
from tests.console import scenes
from tests.console.conftest import QUIT_NOTE
from tests.console.links import CONNECTED, MemoryLink, obedient
from tests.console.test_app import Build, painted, words
from tests.waiting import eventually

README = Path(__file__).resolve().parents[2] / "README.md"
VIEWER = Connection("connected", "test", latency_ms=3.0, role="viewer")
ABSTRACT = {ConsoleModal, DetailScreen}
# How a pane that offers an action gets the focus.
FOCUS = {"ticks": "ticks", "leaderboard": "leaderboard", "heatmap": "conflicts"}
INERT = {"kill", "pause", "quit", "dismiss", "freeze", "copy", "export", "screenshot", "masked_screenshot"}


def all_screens() -> set[type[ConsoleScreen]]:
    """Every screen in the folder of screens, whoever added it."""
    for module in pkgutil.iter_modules(screens.__path__):
        importlib.import_module(f"{screens.__name__}.{module.name}")

    def below(kind: type[ConsoleScreen]) -> Iterator[type[ConsoleScreen]]:
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    return {kind for kind in below(ConsoleScreen) if kind not in ABSTRACT}


def openers() -> list[Action]:
    """Whatever else the application does may open something, and so is tried."""
    return [action for action in ACTIONS if action.run.startswith("app.") and action.id not in INERT]


def linked(*deltas: SnapshotDelta, connection: Connection = CONNECTED) -> MemoryLink:
    link = MemoryLink(connection, *(deltas or (scenes.FULL,)), events=scenes.EVENTS)
    link.reply = obedient
    return link


async def press(pilot: Pilot[None], action: Action) -> None:
    """Its first key, where it acts."""
    pilot.app.main.query_one(f"#{FOCUS.get(action.scope, 'leaderboard')}").focus()
    strike(pilot.app, action.keys[0])
    await pilot.pause()


def receipt(app: ConsoleApp) -> str:
    panel = app.screen.query_one(ReceiptPanel)
    return "\n".join(panel.render_line(y).text for y in range(panel.size.height)) if panel.display else ""


def strike(app: ConsoleApp, *keys: str) -> None:
    """Keys as fast as they can be typed."""
    for key in keys:
        app.post_message(events.Key(key, key_to_character(key)))


async def back_to_main(pilot: Pilot[None]) -> None:
    """Esc leads back from everywhere."""
    app = pilot.app
    while app.screen is not app.main or app.focused not in app.main.focus_chain or app.screen.query(ThemeChooser):
        strike(app, "escape")
        await pilot.pause()


class Walk:
    """Through every screen: kill from everything there that can have the focus; see which keys are bound."""

    def __init__(self, pilot: Pilot[None], link: MemoryLink) -> None:
        self.pilot, self.link = pilot, link
        self.tried: set[tuple[object, ...]] = set()
        self.bound: set[str] = set()

    async def visit(self, opener: Action | None) -> None:
        app = self.pilot.app
        if opener is not None:
            await press(self.pilot, opener)
        for widget in (app.focused, *app.screen.focus_chain):
            where = (type(app.screen), type(widget), widget and widget.id)
            if where not in self.tried and (widget is None or (widget.display and widget.is_attached)):
                self.tried.add(where)
                self.bound |= bound_in(app)
                app.screen.set_focus(widget)
                await self.kill(where, typing=isinstance(widget, Input))
        await back_to_main(self.pilot)

    async def kill(self, where: tuple[object, ...], *, typing: bool) -> None:
        for keys in (("k", "p", "K"), ("ctrl+k",)):
            self.link.commands.clear()
            strike(self.pilot.app, *keys)
            await self.pilot.pause()
            kills = not (typing and "K" in keys)
            assert [command.kind for command in self.link.commands] == ["kill"] * kills, (keys, where)
            assert self.pilot.app.screen.query_one(ReceiptPanel).display or not kills, where


async def test_what_holds_of_every_screen_and_focus(console: Build, tmp_path: Path) -> None:
    """K and ctrl+k kill (K is text in a text field), k and p do nothing, and no key is bound that the table lacks."""
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link, folder=tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        walk = Walk(pilot, link)
        for opener in (None, *openers()):
            await walk.visit(opener)
        link.on_snapshot(scenes.KILLED)
        await walk.visit(next(action for action in ACTIONS if action.id == "resume"))
    assert {place[0] for place in walk.tried} == all_screens()
    assert walk.bound == {key for action in ACTIONS for key in action.keys}


@pytest.mark.parametrize("opener", ["slash", "colon"])
async def test_no_key_acts_while_text_is_typed(console: Build, tmp_path: Path, opener: str) -> None:
    plain = [key for action in ACTIONS for key in action.keys if (key_to_character(key) or "\0").isprintable()]
    link = linked()
    app = console(link, folder=tmp_path / "files")
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        # However fast they are typed: what opens the field has opened it before the next key is looked at.
        strike(app, opener, "K", *plain, "k", "p")
        await painted(pilot)
        field = app.focused
        assert isinstance(field, Input)
        assert field.value == "K" + "".join(map(str, map(key_to_character, plain))) + "kp"
        assert "ctrl+k KILLS" in str(field.border_title)
        await back_to_main(pilot)
        assert app.theme == "dark"
        assert link.commands == []
        assert not (tmp_path / "files").exists()


def bound_in(app: ConsoleApp) -> set[str]:
    nodes = [app, app.screen, *(node for node in app.screen.query("*") if not isinstance(node, Input))]
    return {
        binding.key
        for node in nodes
        for bindings in node._bindings.key_to_bindings.values()
        for binding in bindings
        if isinstance(binding, Binding)
    }


async def test_help_names_every_key(console: Build) -> None:
    app = console(linked())
    async with app.run_test(size=(120, 100)) as pilot:
        await painted(pilot)
        await pilot.press("question_mark")
        await painted(pilot)
        shown = words(app, "#help")
    named = {token for line in shown.splitlines()[1:] for token in line[:18].split()}
    here = [action for action in ACTIONS if action.scope != "replay"]  # whose keys act where a recording is played
    assert {token for action in here for token in key_names(action).split()} <= named
    assert QUIT_NOTE in shown


async def test_a_kill_shows_its_progress_and_leaves_a_receipt(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("K")
        assert "… Kill sent" in receipt(app)
        assert "Orders: none, this is paper" in receipt(app)
        # 100 shares each at 0.58, 0.61, 0.60 and 0.38.
        assert "4 positions left, at most -$217.00" in receipt(app)
        assert "SpotLag_Fast         BTC  ▲ up     100 at 0.610     -$61.00  ends 07:31" in receipt(app)
        assert "FLAT" not in receipt(app)
        link.on_snapshot(SnapshotDelta(positions=Positions(2, ())))  # of a RUNNING engine, which may buy again
        await painted(pilot)
        assert "FLAT" not in receipt(app)
        await link.answers.put(obedient(link.commands[0]))
        killed = scenes.with_status(SnapshotDelta(status=scenes.STATUS), trading_state="KILLED", open_positions=1)
        link.on_snapshot(msgspec.structs.replace(killed, positions=Positions(3, scenes.POSITIONS.rows[:1])))
        await eventually(lambda: "✓ Killed" in receipt(app))
        await painted(pilot)
        assert "1 position left, at most -$58.00" in receipt(app)
        assert "3 of 4 closed" in receipt(app)
        link.on_snapshot(scenes.KILLED)
        await painted(pilot)
        assert "FLAT: nothing is open" in receipt(app)
        await pilot.press("escape")
        await painted(pilot)
        assert receipt(app) == ""
        link.on_snapshot(scenes.with_status(scenes.KILLED, version=9))
        await painted(pilot)
        assert receipt(app) == ""


async def test_a_kill_that_reached_nobody_is_never_called_flat(console: Build) -> None:
    link = MemoryLink(Connection("disconnected", "unix:/x.sock", "no engine is listening"), scenes.EMPTY)
    link.unreachable = "no engine is listening"
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("K")
        await eventually(lambda: "NOT CONFIRMED" in receipt(app))
        assert "polyterm kill" in receipt(app)
        assert "FLAT" not in receipt(app)
        assert "Positions: none when the engine was last heard" in receipt(app)


async def test_a_kill_by_another_console_leaves_its_receipt_here_too(console: Build) -> None:
    link = linked()
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("question_mark")
        kill = TradingStateChanged(
            scenes.event_id(9), scenes.NOW_MS, "RUNNING", "KILLED", "c9", "jonas", "console", "looks wrong"
        )
        link.on_events((kill,))
        link.on_snapshot(scenes.with_status(SnapshotDelta(status=scenes.STATUS), trading_state="KILLED"))
        await painted(pilot)
        assert "Killed 14:22:29 UTC by jonas (console): looks wrong" in receipt(app)
        assert "4 positions left" in receipt(app)
        link.on_snapshot(scenes.FULL)  # somebody resumed
        await painted(pilot)
        assert receipt(app) == ""


async def test_resuming_after_a_kill_asks_and_ignores_keys_that_were_typed_before(console: Build) -> None:
    link = linked(scenes.KILLED)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        strike(app, "R", "y")
        await pilot.pause()
        question = app.screen
        assert isinstance(question, Question)
        assert link.commands == []
        await eventually(lambda: question.armed)
        await pilot.press("escape")
        assert app.screen is app.main
        await pilot.press("R")
        question = app.screen
        assert isinstance(question, Question)
        await eventually(lambda: question.armed)
        await pilot.press("y")
        assert [command.kind for command in link.commands] == ["resume"]
        await eventually(lambda: "RUNNING" in words(app, "#status"))
        assert receipt(app) == ""
        await pilot.press("R")
        await painted(pilot)
        assert "Nothing to resume" in words(app, "#status")


@pytest.mark.parametrize(("state", "key"), [(scenes.PAUSED, "P"), (scenes.KILLED, "R")])
async def test_a_viewer_cannot_resume_and_is_told_what_to_do(console: Build, state: SnapshotDelta, key: str) -> None:
    link = linked(state, connection=VIEWER)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        assert "viewer" in words(app, "#status")
        await pilot.press(key)
        await painted(pilot)
        assert link.commands == []
        assert "A viewer cannot resume: set POLYTERM_SERVICE__TOKEN and attach" in words(app, "#status")
        await pilot.press("K")
        assert [command.kind for command in link.commands] == ["kill"]


async def test_another_version_of_the_engine_is_said(console: Build) -> None:
    elder = msgspec.structs.replace(CONNECTED, engine_version="0.0.9")
    app = console(linked(connection=elder))
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        assert f"engine 0.0.9, console {__version__}: update the older" in words(app, "#status")


async def test_a_lost_connection_counts_down_and_comes_back(console: Build) -> None:
    now = [100.0]
    link = linked()
    app = console(link, clock=lambda: now[0])
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        link.on_connection(Connection("disconnected", "unix:/x.sock", "the engine closed it", retry_in_s=5.0))
        now[0] += 3.0
        await painted(pilot)
        assert "Was RUNNING 3.0s ago, retry in 2s: the engine closed it" in words(app, "#status")
        link.on_connection(CONNECTED)
        link.on_snapshot(scenes.FULL)
        await painted(pilot)
        assert "RUNNING" in words(app, "#status")
        assert "engine connected 3 ms" in words(app, "#status")


async def test_a_frozen_view_stands_still_and_what_matters_goes_on(console: Build) -> None:
    now = [100.0]
    link = linked()
    app = console(link, clock=lambda: now[0])
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        before = words(app, "#leaderboard")
        await pilot.press("f")
        now[0] += 2.0
        rows = (scenes.standing("SpotLag_Fast", (90, 50), (500.0, 444.0)),)
        board = msgspec.structs.replace(scenes.LEADERBOARD, version=2, rows=rows)
        link.on_snapshot(msgspec.structs.replace(scenes.PAUSED, leaderboard=board))
        await painted(pilot)
        assert words(app, "#leaderboard") == before
        assert "FROZEN" in str(app.screen.query_one("#leaderboard").border_title)
        assert "VIEW FROZEN 2s" in words(app, "#status")
        assert "PAUSED" in words(app, "#status")
        assert "f unfreeze" in words(app, "#footer")
        await pilot.press("K")
        await eventually(lambda: "KILLED" in words(app, "#status"))
        assert "Killed" in receipt(app)
        await pilot.press("f")
        await painted(pilot)
        assert "+444.00" in words(app, "#leaderboard")
        assert "FROZEN" not in words(app, "#status")


def focused(app: ConsoleApp) -> str | None:
    return app.focused and app.focused.id


async def test_panes_by_number_and_one_over_the_whole_screen(console: Build) -> None:
    app = console(linked())
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        for key, name in (("1", "ticks"), ("3", "conflicts"), ("4", "positions"), ("2", "leaderboard")):
            await pilot.press(key)
            assert focused(app) == name
        await pilot.press("z")
        await painted(pilot)
        assert app.screen.query_one("#leaderboard").size.height == 20
        assert not app.screen.query_one("#ticks").display
        await pilot.press("tab")
        await painted(pilot)
        assert focused(app) == "conflicts"
        assert app.screen.query_one("#conflicts").size == (80, 20)
        await pilot.resize_terminal(200, 50)
        await painted(pilot)
        assert focused(app) == "conflicts"
        assert app.screen.query_one("#conflicts").size == (200, 44)
        await pilot.press("z")
        await painted(pilot)
        assert focused(app) == "conflicts"
        assert app.screen.query_one("#ticks").display
        await pilot.resize_terminal(80, 24)
        await pilot.press("5")  # there is no room for it beside the others
        await painted(pilot)
        assert "RUNNING → PAUSED by maria" in words(app, "#events")
        await pilot.press("escape")
        await painted(pilot)
        assert app.screen.query_one("#leaderboard").display
        await pilot.press("6")
        assert type(app.screen).__name__ == "FeedsScreen"


async def test_a_picture_with_and_without_dollars(console: Build, tmp_path: Path) -> None:
    app = console(linked(), folder=tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        folder = tmp_path / "pictures"
        await pilot.press("s")
        await eventually(lambda: len(list(folder.glob("*.svg"))) == 1)
        (whole,) = folder.glob("*.svg")
        assert "+61.15" in whole.read_text(encoding="utf-8")
        assert "$217.00" in whole.read_text(encoding="utf-8")
        await pilot.press("S")
        await eventually(lambda: len(list(folder.glob("*.svg"))) == 2)
        (other,) = set(folder.glob("*.svg")) - {whole}
        text = other.read_text(encoding="utf-8")
        assert not [amount for amount in ("61.15", "217.00", "97.35", "148.20", "-14.65") if amount in text]
        assert "SpotLag_Fast" in text
        assert "97,123.4" in text  # the price of a coin is no secret


async def test_rows_are_copied_and_exported(console: Build, tmp_path: Path) -> None:
    app = console(linked(), folder=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("c")
        assert app.clipboard.split()[:2] == ["SpotLag_Fast", "14"]
        await pilot.press("/", *"endgame", "enter", "e")
        files = tmp_path / "exports"
        await eventually(lambda: list(files.glob("*leaderboard*.csv")))
        (file,) = files.glob("*leaderboard*.csv")
        rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        assert [row["strategy"] for row in rows] == [
            "Endgame",
            "Endgame_Conservative",
            "Endgame_Aggressive",
            "Endgame_Momentum",
            "Endgame_Safe",
        ]
        assert (rows[0]["trades"], rows[0]["wins"], rows[0]["pnl_costed"]) == ("4", "4", "15.9")
        for pane, column, value in (
            ("1", "spot", "97123.4"),
            ("3", "opposed", "1"),
            ("4", "greatest_loss", "57.99999999999999"),
            ("5", "what", "BTC 15m SpotLag_Fast bought 100 up at 0.61: spot_lag_detected"),
        ):
            before = set(files.iterdir())
            await pilot.press(pane, "e")
            await eventually(lambda before=before: set(files.iterdir()) - before)
            (file,) = set(files.iterdir()) - before
            rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
            assert value in {row[column] for row in rows}


async def test_a_folder_that_cannot_be_written_is_said(console: Build, tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file")
    app = console(linked(), folder=tmp_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await painted(pilot)
        await pilot.press("e")
        await eventually(
            lambda: "cannot be written" in " ".join(toast.render().plain for toast in app.screen.query(Toast))
        )


async def test_the_palette_offers_what_can_be_done_here_and_does_it(console: Build) -> None:
    link = linked()
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        strike(app, "4")
        await pilot.pause()
        strike(app, "ctrl+p", *"sort")
        await painted(pilot)
        assert isinstance(app.screen, PaletteScreen)
        assert "Nothing here is called so" in words(app, "#palette-list")
        await pilot.press("escape", "2")
        strike(app, "colon", *"round")
        await painted(pilot)
        await pilot.press("enter")
        await painted(pilot)
        assert app.screen is app.main
        assert "costed↑" in words(app, "#leaderboard")
        await pilot.press("colon", *"[/x", "backspace", "backspace", "backspace")
        strike(app, *"pause")
        await painted(pilot)
        await pilot.press("down", "up", "enter")
        await painted(pilot)
        assert [command.kind for command in link.commands] == ["pause"]


async def test_the_footer_can_be_clicked(console: Build) -> None:
    link = linked()
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.click("#footer", offset=(words(app, "#footer").index("pause"), 0))
        assert [command.kind for command in link.commands] == ["pause"]
        await pilot.click("#footer", offset=(words(app, "#footer").index("z zoom"), 0))
        await painted(pilot)
        assert app.screen.query_one("#leaderboard").size.height == 20
        await pilot.press("F")
        await painted(pilot)
        await pilot.click("#footer", offset=(words(app, "#footer").index("back"), 0))
        assert app.screen is app.main


async def test_a_click_puts_the_heatmaps_cursor_on_its_pair(console: Build) -> None:
    app = console(linked())
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        heatmap = app.screen.query_one(Heatmap)
        lines = words(app, "#conflicts").splitlines()
        await pilot.click("#conflicts", offset=(lines[0].index(" 5") + 1, 2))
        await painted(pilot)
        assert (heatmap.cursor.x, heatmap.cursor.y) == (4, 0)


async def test_quitting_with_live_orders_asks(console: Build) -> None:
    app = console(linked(scenes.with_status(scenes.FULL, mode="LIVE")))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("ctrl+c")
        question = app.screen
        assert isinstance(question, Question)
        await pilot.press("K")
        await painted(pilot)
        assert not app._exit
        await pilot.press("escape", "ctrl+c")
        question = app.screen
        assert isinstance(question, Question)
        await eventually(lambda: question.armed)
        await pilot.press("y")
        await eventually(lambda: app._exit)


async def test_keys_of_ones_own(console: Build) -> None:
    link = linked()
    app = console(link, actions=remapped({"freeze": ["f2"], "zoom": ["?"], "help": ["f1", "f"]}, vi=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("j", "j", "k")
        assert app.screen.query_one("#leaderboard").cursor_key == "SpotLag_Confirmed"
        await pilot.press("k", "k", "k")
        assert link.commands == []
        await pilot.press("f2")
        await painted(pilot)
        assert "VIEW FROZEN" in words(app, "#status")
        assert "f2 unfreeze" in words(app, "#footer")
        await pilot.press("?")
        assert not app.screen.query_one("#ticks").display
        await pilot.press("f")
        await painted(pilot)
        assert type(app.screen).__name__ == "HelpScreen"
        assert "f2" in words(app, "#help")
        await pilot.press("K")
        assert [command.kind for command in link.commands] == ["kill"]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"freez": ["x"]}, "names no action: did you mean 'freeze'?"),
        ({"freeze": ["K"]}, "K already means 'kill'; choose another."),
        ({"row_up": ["ctrl+k"]}, "ctrl+k already means 'kill'; choose another."),
        ({"zoom": ["P"]}, "P already means 'pause'; choose another."),
        ({"kill": ["k"]}, "K kills and P pauses on every console."),
        ({"freeze": ["z"]}, "z already means 'zoom'; choose another, or give 'zoom' one as well."),
        ({"freeze": ["escpe"]}, "unknown key 'escpe': did you mean 'escape'?"),
        ({"freeze": []}, "has no key: name one."),
    ],
)
def test_keys_that_cannot_be_had(keys: dict[str, list[str]], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        remapped(keys)
    assert sentence in str(refused.value)


def test_keys_can_change_places() -> None:
    changed = {action.id: action.keys for action in remapped({"freeze": ["z"], "zoom": ["f"]})}
    assert (changed["freeze"], changed["zoom"]) == (("z",), ("f",))


def test_readme_has_the_table_of_keys() -> None:
    text = README.read_text(encoding="utf-8")
    section = text[text.index("## Keys") : text.index("## What the numbers mean")]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == readme_rows()


def readme_rows() -> list[str]:
    rows = []
    for together, what in explained():
        keys = dict.fromkeys(" ".join(map(key_names, together)).split())
        names = " ".join(f"`{action.id}`" for action in together if action.id not in FIXED)
        rows.append(f"| {' '.join(f'`{key}`' for key in keys)} | {what} | {names} |")
    return rows
