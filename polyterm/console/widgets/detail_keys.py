"""The footer of a screen that escape closes."""

from polyterm.console.actions import Scope, actions_of
from polyterm.console.latest import View
from polyterm.console.view.keys import detail_footer
from polyterm.console.widgets.keys import Footer


class DetailKeys(Footer):
    def __init__(self, scope: Scope, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._scope: Scope = scope

    def repaint(self, view: View) -> None:
        self.show((detail_footer(view, actions_of(self.app), self._scope, self.size.width),))
