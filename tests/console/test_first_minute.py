"""What somebody sees who has never been here: a line that shows them round, and panes that say what will be there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from polyterm.console.app import ConsoleApp
from polyterm.console.layout import arrange
from polyterm.console.memory import Memory
from polyterm.console.theming import Themes, choose
from polyterm.console.view.cells import length
from polyterm.console.view.tour import tour
from polyterm.console.view.words import WORDS
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink


@pytest.fixture
def newcomer(themes: Themes, tmp_path: Path) -> Callable[[], ConsoleApp]:
    def start() -> ConsoleApp:
        memory = Memory(tmp_path / "console.json")
        link = MemoryLink(CONNECTED, scenes.EMPTY)
        return ConsoleApp(link, theme=choose(themes, "dark"), themes=themes.themes, clock=lambda: 100.0, memory=memory)

    return start


def shown(app: ConsoleApp) -> bool:
    return bool(app.screen.query_one("#tour").display)


async def test_the_tour_is_there_until_it_is_put_away_and_does_not_come_back(newcomer: Callable) -> None:
    app = newcomer()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert shown(app)
        assert app.screen.query_one("#footer").region.y == 22
        assert app.screen.query_one("#tour").region.y == 23
    app = newcomer()  # it was not put away
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("escape")
        await pilot.pause()
        assert not shown(app)
        assert app.screen.query_one("#footer").region.y == 23
    app = newcomer()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert not shown(app)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_the_tour_fits_and_says_how_to_go_on(width: int) -> None:
    text = "".join(cell.text for cell in tour(width))
    assert length(tour(width)) <= width
    assert "who earns" in text
    assert text.endswith("? explains  esc hides this")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 36), (200, 50)])
def test_no_pane_reaches_into_the_line_of_the_tour(width: int, height: int) -> None:
    arranged = arrange(width, height, below=1)
    assert arranged is not None
    assert max(place.y + place.height for place in arranged.places.values()) == height - 1


@pytest.mark.parametrize(
    "word",
    [
        "window",
        "strike",
        "edge",
        "touch",
        "costed",
        "flattery",
        "conflict",
        "camp",
        "stale",
        "KILLED",
        "PAUSED",
        "spool",
    ],
)
def test_help_explains_the_words(word: str) -> None:
    assert any(word in entry for entry, _ in WORDS)
