from collections.abc import Callable
from typing import Any

import pytest

from polyterm.console.app import ConsoleApp
from polyterm.console.theming import Themes, choose, find_themes
from tests.console.links import MemoryLink

QUIT_NOTE = "quitting stops the engine"


@pytest.fixture(scope="session")
def themes() -> Themes:
    return find_themes()


@pytest.fixture
def console(themes: Themes) -> Callable[..., ConsoleApp]:
    """Builds an app on a link; its clock stands still at 100 s."""

    def build(
        link: MemoryLink, theme: str = "dark", clock: Callable[[], float] = lambda: 100.0, **more: Any
    ) -> ConsoleApp:
        chosen = choose(themes, theme)
        return ConsoleApp(link, theme=chosen, themes=themes.themes, clock=clock, quit_note=QUIT_NOTE, **more)

    return build
