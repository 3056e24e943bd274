"""The status bar."""

from typing import Final

from polyterm.console.latest import View
from polyterm.console.view.status import status_bar
from polyterm.console.widgets.lines import Lines

TONES: Final = ("running", "paused", "killed", "lost")


class StatusBar(Lines):
    def repaint(self, view: View) -> None:
        bar = status_bar(view, self.size.width, self.size.height)
        for tone in TONES:
            self.set_class(tone == bar.tone, f"-{tone}")
        self.show(bar.lines)
