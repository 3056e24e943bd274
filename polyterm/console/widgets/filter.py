"""Text to filter a pane by: a field over the pane's last lines, in which every key but control keys is text."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input


class Filtered(Widget):
    """A pane whose rows can be chosen from. ``FILTERS`` says what they are."""

    FILTERS: ClassVar[str]

    class Chosen(Message):
        """Other rows are wanted."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Filtered.Chosen)

    open_filter: "Callable[[Filtered], None]" = staticmethod(lambda _: None)
    """Puts the field there and gives it the focus at once: the next key is text already."""

    @property
    def words(self) -> str:
        raise NotImplementedError

    def matching(self, words: str) -> None:
        """Show only what these words are in; none shows everything."""
        raise NotImplementedError

    def action_filter(self) -> None:
        self.open_filter(self)


class FilterField(Input):
    """Filters as it is typed into. Enter keeps the filter, Esc takes it back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel"), Binding("enter", "submit")]

    def __init__(self) -> None:
        super().__init__(id="filter", select_on_focus=False)
        self.display = False
        self._pane: Filtered | None = None

    @property
    def pane(self) -> Filtered | None:
        """What is being filtered; None while the field is closed."""
        return self._pane

    def open(self, pane: Filtered) -> None:
        self._pane = pane
        self.border_title = Content("filter: ctrl+k KILLS, Esc clears")
        self.placeholder = f"words that {pane.FILTERS} must have"
        self.value = pane.words
        self.display = True
        self.screen.set_focus(self)

    def close(self) -> None:
        pane, self._pane = self._pane, None
        self.display = False
        if pane is not None:
            pane.focus()

    def on_blur(self) -> None:
        """Whoever goes elsewhere keeps the filter."""
        self._pane = None
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._pane is not None:
            self._pane.matching(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()

    def action_cancel(self) -> None:
        if self._pane is not None:
            self._pane.matching("")
        self.close()
