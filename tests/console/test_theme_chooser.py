from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets._toast import Toast

from polyterm.console.app import ConsoleApp
from polyterm.console.memory import Memory, Remembered
from polyterm.console.theming import Themes, choose, still_there
from polyterm.console.widgets.themes import ThemeChooser
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink, obedient

Build = Callable[..., ConsoleApp]
SIZE = (80, 24)


@pytest.fixture
def app(console: Build) -> ConsoleApp:
    return console(MemoryLink(CONNECTED, scenes.FULL))


def remembering(themes: Themes, file: Path, **more: object) -> ConsoleApp:
    link = MemoryLink(CONNECTED, scenes.FULL)
    return ConsoleApp(link, theme=choose(themes, "dark"), themes=themes.themes, memory=Memory(file), **more)


async def test_a_theme_is_seen_while_the_cursor_is_on_it_and_escape_takes_it_back(app: ConsoleApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        before = app.focused
        await pilot.press("t")
        assert app.theme == "dark"
        await pilot.press("down")
        assert app.theme == "high-contrast"
        await pilot.press("up", "up")
        assert app.theme == "colour-blind"
        await pilot.press("escape")
        assert app.theme == "dark"
        assert not app.screen.query(ThemeChooser)
        assert app.focused is before


async def test_the_key_that_opens_the_chooser_goes_round_in_it(app: ConsoleApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("t", "t", "t")
        assert app.theme == "light"
        await pilot.press("t", "t", "enter")
        assert app.theme == "colour-blind"


async def test_going_elsewhere_takes_the_preview_back(app: ConsoleApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("t", "down")
        app.screen.query_one("#ticks").focus()
        await pilot.pause()
        assert app.theme == "dark"
        assert not app.screen.query(ThemeChooser)


async def test_kill_and_the_figures_go_on_under_the_chooser(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    link.reply = obedient
    app = console(link)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("t", "down", "K")
        await pilot.pause()
        assert [command.kind for command in link.commands] == ["kill"]
        assert app.screen.query(ThemeChooser)


async def test_a_screen_that_is_closed_under_the_chooser_takes_the_preview_with_it(app: ConsoleApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark", "t", "down", "enter", "t", "down")
        assert app.theme == "light"
        app.pop_screen()
        await pilot.pause()
        assert app.theme == "high-contrast"


async def test_what_was_kept_is_there_at_the_next_start(themes: Themes, tmp_path: Path) -> None:
    file = tmp_path / "state" / "console.json"
    app = remembering(themes, file)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("t", "down", "escape")
        assert Memory(file).now.theme is None
        await pilot.press("t", "down", "enter")
        await pilot.pause()
    assert Memory(file).now.theme == "high-contrast"
    assert [path.name for path in file.parent.iterdir()] == ["console.json"]


async def test_settings_that_name_a_theme_come_first_and_say_so(themes: Themes, tmp_path: Path) -> None:
    app = remembering(themes, tmp_path / "console.json", theme_is_set=True)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("t", "down", "enter")
        await pilot.pause()
        assert "the settings name a theme" in app.screen.query_one(Toast).render().plain


async def test_what_cannot_be_remembered_is_a_notice(themes: Themes, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    app = remembering(themes, tmp_path / "state" / "console.json")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("t", "down", "enter")
        await pilot.pause()
        assert app.theme == "high-contrast"
        assert "will be forgotten" in app.screen.query_one(Toast).render().plain


@pytest.mark.parametrize("content", ["", "[]", '{"theme": 5}', "\x00"])
def test_a_broken_memory_begins_anew_and_says_so(tmp_path: Path, content: str) -> None:
    file = tmp_path / "console.json"
    file.write_text(content)
    memory = Memory(file)
    assert str(file) in memory.problem
    assert memory.now == Remembered(toured=True)
    memory.keep(theme="mono")
    assert Memory(file).now == Remembered("mono", toured=True)


def test_two_consoles_forget_nothing_of_each_other(tmp_path: Path) -> None:
    one, other = Memory(tmp_path / "console.json"), Memory(tmp_path / "console.json")
    one.keep(theme="mono")
    other.keep(toured=True)
    assert Memory(tmp_path / "console.json").now == Remembered("mono", toured=True)


def test_a_theme_that_was_deleted_since_is_no_mistake(themes: Themes) -> None:
    assert still_there(themes, "mono") == "mono"
    assert still_there(themes, "sea") is None
    assert still_there(themes, None) is None
