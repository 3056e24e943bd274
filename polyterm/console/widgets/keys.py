"""The footer: the keys that matter, and what quitting does to the engine."""

from textual import events

from polyterm.console.actions import actions_of
from polyterm.console.latest import View
from polyterm.console.view.keys import footer, pressed
from polyterm.console.widgets.lines import Lines


class Footer(Lines):
    """A line of keys, which can be clicked."""

    async def on_click(self, event: events.Click) -> None:
        """A click on a key or its word does what the key does."""
        action = pressed(self._lines[0], event.x, actions_of(self.app)) if self._lines else None
        if action is None:
            return
        active = self.screen.active_bindings.values()
        owner = next((each.node for each in active if each.binding.id == action.id), None)
        if owner is not None:
            await self.app.run_action(action.run, owner)


class KeyStrip(Footer):
    def __init__(self, quit_note: str, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._quit_note = quit_note

    def repaint(self, view: View) -> None:
        self.show((footer(view, self._quit_note, self.size.width, actions_of(self.app)),))
