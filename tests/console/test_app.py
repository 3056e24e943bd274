"""The console as its operator uses it: keys go in, commands go up the link, words appear."""

import uuid
from collections.abc import Callable

import msgspec
import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets._toast import Toast

from polyterm.console.app import ConsoleApp
from polyterm.console.control import operator
from polyterm.console.screens.base import ConsoleScreen
from polyterm.console.theming import Themes
from polyterm.console.widgets.filter import FilterField
from polyterm.console.widgets.heatmap import Heatmap
from polyterm.console.widgets.lines import Lines
from polyterm.console.widgets.table import Table
from polyterm.core.command import Ack
from polyterm.core.snapshot import Camp, Leaderboard, Positions, SnapshotDelta
from polyterm.service.link.port import Connection
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink, obedient
from tests.waiting import eventually

Build = Callable[..., ConsoleApp]
DISCONNECTED = Connection("disconnected", "unix:/x.sock", "no engine is listening", retry_in_s=2.0)


def words(app: ConsoleApp, selector: str) -> str:
    """What a widget shows, as text."""
    widget = app.screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


async def painted(pilot: Pilot[None]) -> None:
    """Once everything has been told, and once more when the panes have their sizes."""
    for _ in range(2):
        await pilot.pause()
        pilot.app.repaint()
    await pilot.pause()


def table(app: ConsoleApp, name: str) -> Table:
    return app.screen.query_one(f"#{name}", Table)


@pytest.mark.parametrize("key", ["K", "ctrl+k"])
@pytest.mark.parametrize("screen", ["main", "help"])
async def test_kill_acts_at_once_on_every_screen(console: Build, key: str, screen: str) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        if screen == "help":
            await pilot.press("question_mark")
        await pilot.press(key)
        assert len(link.commands) == 1
        command = link.commands[0]
        assert (command.kind, command.actor, command.origin) == ("kill", operator(), "console")
        assert uuid.UUID(command.id).version == 4
        assert "KILLING…" in words(app, "#status")
        await link.answers.put(obedient(command))
        await eventually(lambda: "KILLED" in words(app, "#status"))
        assert "R resumes, and asks first" in words(app, "#status")


@pytest.mark.parametrize("focus", ["ticks", "leaderboard", "conflicts", "positions"])
async def test_kill_acts_whatever_has_focus(console: Build, focus: str) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    link.reply = obedient
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        app.screen.query_one(f"#{focus}").focus()
        await pilot.press("K")
        assert [command.kind for command in link.commands] == ["kill"]


async def test_every_command_has_an_id_of_its_own(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("K", "K")
        assert len({command.id for command in link.commands}) == 2


async def test_kill_without_an_engine_is_loud(console: Build) -> None:
    link = MemoryLink(DISCONNECTED)
    link.unreachable = "Not connected to the engine: no engine is listening."
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("K")
        await eventually(lambda: "KILL NOT CONFIRMED" in words(app, "#status"))
        assert "engine unreachable. Use: polyterm kill" in words(app, "#status")
        await pilot.press("escape")
        await painted(pilot)
        assert "NOT CONFIRMED" not in words(app, "#status")


async def test_a_refusal_is_shown_with_its_reason(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    link.reply = lambda command: Ack(command.id, False, "viewers may not pause", "RUNNING")
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("P")
        await eventually(lambda: "Refused to pause: viewers may not pause" in words(app, "#status"))


async def test_pause_pauses_and_resumes(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    link.reply = obedient
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("P")
        await eventually(lambda: "PAUSED" in words(app, "#status"))
        assert "P resume" in words(app, "#footer")
        await pilot.press("P")
        await eventually(lambda: "RUNNING" in words(app, "#status"))
        assert [command.kind for command in link.commands] == ["pause", "resume"]


async def test_pause_in_killed_does_nothing_and_says_how_to_resume(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.KILLED)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("P")
        assert link.commands == []
        assert "P does nothing here. R resumes, and asks first" in words(app, "#status")


async def test_pause_before_anything_was_heard_says_so(console: Build) -> None:
    link = MemoryLink(DISCONNECTED)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("P")
        assert link.commands == []
        assert "polyterm pause" in words(app, "#status")


async def test_lower_case_keys_are_inert(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("k", "p", "question_mark", "k", "p")
        assert link.commands == []


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quit(console: Build, key: str) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await eventually(lambda: app._exit)


async def test_quit_waits_for_a_kill_that_is_on_its_way(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("K", "q")
        assert not app._exit
        assert "Quitting once the engine has answered" in words(app, "#status")
        await link.answers.put(obedient(link.commands[0]))
        await eventually(lambda: app._exit)


async def test_quit_twice_does_not_wait(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("K", "q", "q")
        await eventually(lambda: app._exit)


async def test_keys_move_between_panes_and_rows(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        seen = []
        for _ in range(5):
            assert app.focused is not None
            seen.append(app.focused.id)
            await pilot.press("tab")
        assert seen == ["leaderboard", "conflicts", "positions", "events", "ticks"]
        await pilot.press("left")
        assert app.focused is not None
        assert app.focused.id == "ticks"
        await pilot.press("right", "down", "down")
        assert table(app, "leaderboard").cursor_key == "Endgame"
        await pilot.press("end")
        assert table(app, "leaderboard").cursor_key == "Endgame_Safe"
        await pilot.press("home")
        assert table(app, "leaderboard").cursor_key == "SpotLag_Fast"


async def test_the_heatmap_tells_the_exact_figures_under_its_cursor(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        heatmap = app.screen.query_one(Heatmap)
        heatmap.focus()
        await pilot.press("right", "right", "right", "right")
        assert "3 of 4 opposed, 75%: SpotLagSimple × Endgame" in words(app, "#conflicts")
        await pilot.press("left", "left", "left", "left", "left", "up")
        assert (heatmap.cursor.x, heatmap.cursor.y) == (0, 0)
        for _ in range(12):
            await pilot.press("down")
        assert heatmap.cursor.y == 6  # two of the nine have not traded


async def test_the_heatmaps_cursor_stays_on_its_pair_wherever_that_stands(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        heatmap = app.screen.query_one(Heatmap)
        heatmap.focus()
        await pilot.press("right", "right", "right", "right", "down")
        assert heatmap.cursor_names == ("SpotLag_Fast", "Endgame")
        order = tuple(reversed(scenes.NAMES[:7]))
        link.on_snapshot(SnapshotDelta(conflicts=msgspec.structs.replace(scenes.CONFLICTS, version=2, order=order)))
        await painted(pilot)
        assert heatmap.cursor_names == ("SpotLag_Fast", "Endgame")
        assert (heatmap.cursor.x, heatmap.cursor.y) == (2, 5)


async def test_the_ticks_turn_to_the_book_and_to_the_inputs(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        app.screen.query_one("#ticks").focus()
        assert "size" not in words(app, "#ticks")
        await pilot.press("]")
        assert "size" in words(app, "#ticks")
        await pilot.press("]")
        assert "age:book" in words(app, "#ticks")
        await pilot.press("]")
        assert "distance" in words(app, "#ticks")
        await pilot.press("[")
        assert "age:book" in words(app, "#ticks")


async def test_the_heatmap_shows_camps(console: Build) -> None:
    names = scenes.NAMES
    camps = (Camp("Lag", names[:4], False), Camp("End", names[4:7], True))
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        app.screen.query_one(Heatmap).focus()
        await pilot.press("]")
        assert "No camp has formed yet" in words(app, "#conflicts")
        link.on_snapshot(SnapshotDelta(conflicts=msgspec.structs.replace(scenes.CONFLICTS, version=2, camps=camps)))
        await painted(pilot)
        await pilot.press("right")
        assert "12 of 18 opposed, 67%: Lag × End" in words(app, "#conflicts")
        await pilot.press("[")
        assert "SpotLag_Confirmed" in words(app, "#conflicts")


async def test_the_leaderboards_cursor_drives_the_other_panes(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL, events=scenes.EVENTS))
    async with app.run_test(size=(200, 50)) as pilot:
        await painted(pilot)
        assert "»SpotLag_Fast" in words(app, "#positions")
        assert "» BTC 15m SpotLag_Fast bought" in words(app, "#events")
        await pilot.press("down", "down", "down")
        await pilot.pause()
        assert table(app, "leaderboard").cursor_key == "SpotLagSimple"
        assert words(app, "#positions").splitlines()[1].startswith("»SpotLagSimple")
        assert "1»SpotLagSimple" in words(app, "#conflicts")
        assert "»" not in words(app, "#events")


def ranking(app: ConsoleApp) -> list[str]:
    return [line.split()[0] for line in words(app, "#leaderboard").splitlines()[1:] if line.strip()]


async def test_the_leaderboard_is_sorted_by_keys_and_by_the_mouse(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        assert ranking(app)[0] == "SpotLag_Fast"
        await pilot.press("r")
        await pilot.pause()
        assert ranking(app)[0] == "SpotLag_Aggressive"
        assert "costed↑" in words(app, "#leaderboard")
        assert table(app, "leaderboard").cursor_key == "SpotLag_Fast"
        await pilot.press(">")
        await pilot.pause()
        assert "touch↓" in words(app, "#leaderboard")
        await pilot.press("<", "<", "<")
        await pilot.pause()
        assert "trade↓" in words(app, "#leaderboard")
        assert ranking(app)[0] == "SpotLag_Aggressive"
        await pilot.click("#leaderboard", offset=(3, 1))
        await pilot.pause()
        assert "strategy↑" in words(app, "#leaderboard")
        assert ranking(app)[0] == "Endgame"


async def test_the_leaderboard_shows_breakdowns(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        board = app.screen.query_one("#leaderboard")
        titles = []
        for _ in range(8):
            await pilot.press("]")
            await pilot.pause()
            titles.append(str(board.border_title).removeprefix("Leaderboard").strip())
        assert titles == ["today", "window", "last window", "BTC", "ETH", "SOL", "XRP", ""]
        await pilot.press("[")
        await pilot.pause()
        assert all(line.split()[1] == "0" for line in words(app, "#leaderboard").splitlines()[2:9] if "✗" not in line)


async def test_text_in_the_filter_is_text_and_only_control_k_kills(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    link.reply = obedient
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("/", "K", "P", "q", "t", "?", "[", "/", "]", "$", "r")
        await pilot.pause()
        field = app.screen.query_one(FilterField)
        assert field.value == "KPqt?[/]$r"
        assert link.commands == []
        assert app.theme == "dark"
        assert "No strategy is called “KPqt?[/]$r”" in words(app, "#leaderboard")
        assert "ctrl+k KILLS" in str(field.border_title)
        await pilot.press("ctrl+k")
        assert [command.kind for command in link.commands] == ["kill"]
        await pilot.press("escape")
        await painted(pilot)
        assert not field.display
        assert "SpotLag_Fast" in words(app, "#leaderboard")
        assert app.focused is app.screen.query_one("#leaderboard")


async def test_a_key_typed_right_after_the_slash_is_text(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        for key, character in (("slash", "/"), ("K", "K"), ("slash", "/"), ("P", "P")):
            app.post_message(Key(key, character))
        await pilot.pause()
        await eventually(lambda: app.screen.query_one(FilterField).value == "K/P")
        assert link.commands == []


async def test_a_filter_is_kept_until_it_is_cleared(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL, events=scenes.EVENTS))
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        await pilot.press("/", *"conf", "enter")
        await painted(pilot)
        assert ranking(app) == ["SpotLag_Confirmed"]
        assert "/conf" in str(app.screen.query_one("#leaderboard").border_title)
        app.screen.query_one("#events").focus()
        await pilot.press("/", *"bought", "tab")
        await painted(pilot)
        shown = [line for line in words(app, "#events").splitlines()[1:] if line.strip()]
        assert len(shown) == 1
        assert not app.screen.query_one(FilterField).display
        app.screen.query_one("#events").focus()
        await pilot.press("/", "escape", "]", "]")
        await painted(pilot)
        assert "windows" in str(app.screen.query_one("#events").border_title)
        assert "bought" not in words(app, "#events")


async def test_events_before_the_console_attached_are_fetched(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    link.past = scenes.EVENTS
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        assert "RUNNING → PAUSED by maria" in words(app, "#events")


def many(count: int, best: int = 0) -> Leaderboard:
    """``count`` strategies; number ``best`` leads."""
    rows = tuple(
        scenes.standing(f"Strategy_{number:02}", (4, 2), (0.0, 1000.0 if number == best else 500.0 - number))
        for number in range(count)
    )
    return Leaderboard(2 + best, rows)


async def test_cursor_and_scroll_survive_a_refresh(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL, SnapshotDelta(leaderboard=many(45)))
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        board = table(app, "leaderboard")
        await pilot.press("pagedown", "pagedown", "down")
        await pilot.press("up", "up", "up")
        scroll = board.scroll_offset.y
        assert board.cursor_key == "Strategy_16"
        assert scroll == 10
        link.on_snapshot(SnapshotDelta(leaderboard=many(45, best=40)))
        await painted(pilot)
        assert board.cursor_key == "Strategy_16"
        assert board.scroll_offset.y == scroll
        assert "Strategy_16" in words(app, "#leaderboard")


async def test_a_row_under_the_cursor_is_not_lost_from_view_by_its_rank(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL, SnapshotDelta(leaderboard=many(45)))
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("end", "up")
        assert table(app, "leaderboard").cursor_key == "Strategy_43"
        link.on_snapshot(SnapshotDelta(leaderboard=many(45, best=43)))
        await painted(pilot)
        assert table(app, "leaderboard").cursor_key == "Strategy_43"
        assert table(app, "leaderboard").scroll_offset.y == 0


async def test_a_cursor_whose_row_is_gone_stays_in_place(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        positions = table(app, "positions")
        positions.focus()
        await pilot.press("end")
        assert positions.cursor_key == f"SpotLagSimple {scenes.KEYS['btc']}"
        link.on_snapshot(SnapshotDelta(positions=Positions(9, scenes.POSITIONS.rows[:1])))
        await painted(pilot)
        assert positions.cursor_key == f"SpotLagSimple {scenes.KEYS['btc']}"
        link.on_snapshot(SnapshotDelta(positions=Positions(10, ())))
        await painted(pilot)
        assert positions.cursor_key is None
        await pilot.press("down", "up", "pagedown", "end")
        assert "Nothing is open" in words(app, "#positions")


async def test_new_events_come_on_top_and_the_cursor_stays_where_it_was_put(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL, events=scenes.EVENTS[:3])
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        pane = table(app, "events")
        pane.focus()
        link.on_events(scenes.EVENTS[3:4])
        await painted(pilot)
        assert pane.cursor_key == str(scenes.EVENTS[3].id)
        await pilot.press("down")
        link.on_events(scenes.EVENTS[4:])
        await painted(pilot)
        assert pane.cursor_key == str(scenes.EVENTS[2].id)


async def test_pause_is_not_sent_twice_or_over_a_kill(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        await pilot.press("P", "P", "K", "P")
        assert [command.kind for command in link.commands] == ["pause", "kill"]
        assert "KILLING…" in words(app, "#status")


async def test_a_terminal_resized_under_help_is_rearranged_behind_it(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        await pilot.press("question_mark")
        await pilot.resize_terminal(80, 24)
        await pilot.press("escape")
        await painted(pilot)
        assert not app.screen.query_one("#events").display
        assert app.screen.query_one("#footer").region.bottom == 24


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_only_the_lines_that_changed_are_painted(
    console: Build, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=size) as pilot:
        await painted(pilot)
        lines: list[tuple[str | None, int]] = []

        def watch(widget: Widget) -> None:
            render = widget.render_line
            monkeypatch.setattr(widget, "render_line", lambda y: (lines.append((widget.id, y)), render(y))[1])

        for name in ("ticks", "leaderboard", "conflicts", "positions"):
            watch(app.screen.query_one(f"#{name}"))
        rows = list(scenes.LEADERBOARD.rows)
        rows[2] = msgspec.structs.replace(rows[2], trades=4)  # SpotLag_Confirmed, second in the ranking
        pairs = list(scenes.CONFLICTS.pairs)
        pairs[0] = msgspec.structs.replace(pairs[0], opposed=6)  # SpotLagSimple and SpotLag_Fast
        conflicts = msgspec.structs.replace(scenes.CONFLICTS, pairs=tuple(pairs))
        for version in (2, 3):
            link.on_snapshot(
                SnapshotDelta(
                    leaderboard=Leaderboard(version, tuple(rows)),
                    conflicts=msgspec.structs.replace(conflicts, version=version),
                    positions=msgspec.structs.replace(scenes.POSITIONS, version=version),
                )
            )
            await painted(pilot)
            # The last conflict line names the worst opponents of SpotLag_Fast, which the leaderboard's cursor is on.
            assert sorted(set(lines)) == [("conflicts", 1), ("conflicts", 2), ("conflicts", 8), ("leaderboard", 2)]


async def test_a_flood_is_painted_once(console: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(200, 50)) as pilot:
        await painted(pilot)
        repaints = 0
        repaint = ConsoleScreen.repaint
        screen = type(app.screen)
        original = screen.repaint

        def counted(self: ConsoleScreen, view: object) -> None:
            nonlocal repaints
            repaints += 1
            original(self, view)

        assert repaint is not original
        monkeypatch.setattr(screen, "repaint", counted)
        for number in range(1_000):
            link.on_snapshot(scenes.with_status(scenes.FULL, inputs=number, version=number))
        assert repaints == 0
        await painted(pilot)
        assert repaints <= 3
        assert "999 inputs" in words(app, "#status")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_markup_in_a_name_is_just_a_name(console: Build, size: tuple[int, int]) -> None:
    name = "[red]x[/]$up [@click=app.quit]"
    row = scenes.standing(name, (3, 2), (5.0, 4.0), ("up", "[/bold] why", 3), open=1)
    held = scenes.holding(name, "btc", "up", (0.5, 0.6))
    conflicts = msgspec.structs.replace(scenes.CONFLICTS, strategies=(name, *scenes.NAMES[1:]))
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=size) as pilot:
        link.on_snapshot(
            SnapshotDelta(leaderboard=Leaderboard(2, (row,)), positions=Positions(2, (held,)), conflicts=conflicts)
        )
        await painted(pilot)
        assert "[red]x[/]$up" in words(app, "#leaderboard")
        assert "[red]x[/]$up" in words(app, "#positions")
        await pilot.press("tab", "down")
        await painted(pilot)


async def test_resizing_rearranges_and_nothing_is_lost(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL, events=scenes.EVENTS))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        assert not app.screen.query_one("#events").display
        await pilot.press("down")
        key = table(app, "leaderboard").cursor_key
        for size in ((120, 36), (60, 20), (200, 50), (80, 24), (500, 130)):
            await pilot.resize_terminal(*size)
            await painted(pilot)
            small = size == (60, 20)
            assert app.screen.query_one("#too-small", Lines).display is small
            assert app.screen.query_one("#leaderboard").display is not small
            if not small:
                assert "+61.15" in words(app, "#leaderboard")
        assert app.screen.query_one("#events").display
        assert table(app, "leaderboard").cursor_key == key


async def test_a_terminal_that_was_too_small_at_first_takes_keys(console: Build) -> None:
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(50, 10)) as pilot:
        await painted(pilot)
        await pilot.resize_terminal(80, 24)
        await painted(pilot)
        await pilot.press("down")
        assert table(app, "leaderboard").cursor_key == "SpotLag_Confirmed"


async def test_a_terminal_that_is_too_small_says_so_and_still_kills(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    link.reply = obedient
    app = console(link)
    async with app.run_test(size=(50, 10)) as pilot:
        await painted(pilot)
        shown = " ".join(words(app, "#too-small").split())
        assert "polyterm needs 80×24; this terminal is 50×10" in shown
        assert "The engine: RUNNING" in shown
        await pilot.press("K")
        await painted(pilot)
        assert [command.kind for command in link.commands] == ["kill"]
        assert "The engine: KILLED" in " ".join(words(app, "#too-small").split())


async def test_fewer_coins_leave_more_room(console: Build) -> None:
    one = msgspec.structs.replace(scenes.TICKS, rows=scenes.TICKS.rows[:1])
    app = console(MemoryLink(CONNECTED, msgspec.structs.replace(scenes.FULL, ticks=one)))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        assert app.screen.query_one("#ticks").size.height == 2
        assert table(app, "leaderboard").size.height == 13


async def test_theme_notices_are_shown_until_they_are_put_away(themes: Themes) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = ConsoleApp(link, theme=themes.themes[0], clock=lambda: 100.0, notices=("The file [x] lacks roles.up.",))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await painted(pilot)
        assert [toast.render().plain.strip() for toast in app.screen.query(Toast)] == ["The file [x] lacks roles.up."]
        await pilot.press("escape")
        await painted(pilot)
        assert not app.screen.query(Toast)


async def test_no_color_leaves_no_colour(console: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = console(MemoryLink(CONNECTED, scenes.FULL))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        svg = app.export_screenshot()
    hues = {colour for colour in _colours(svg) if len({colour[1:3], colour[3:5], colour[5:7]}) > 1}
    # The buttons of the drawn window frame and its title are the exporter's own.
    assert hues <= {"#ff5f57", "#febc2e", "#28c840", "#c5c8c6"}


def _colours(svg: str) -> set[str]:
    found = set()
    for part in svg.replace('"', " ").replace(";", " ").replace("}", " ").split():
        value = part.removeprefix("fill:").strip()
        if len(value) == 7 and value.startswith("#"):
            found.add(value.lower())
    return found
