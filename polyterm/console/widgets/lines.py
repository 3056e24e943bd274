"""A block of styled lines that repaints only the lines that changed."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from polyterm.console.view.cells import ROLES, Line

COMPONENT_CLASSES = {f"cell--{role}" for role in ROLES if role}


def painted(line: Line, width: int, base: Style, style_of: Callable[[str], Style]) -> Strip:
    """The line as a strip of exactly ``width`` cells."""
    segments = [Segment(cell.text, base + style_of(cell.role) if cell.role else base) for cell in line]
    return Strip(segments).adjust_cell_length(width, base)


def changed_lines(before: Sequence[object], after: Sequence[object]) -> list[int]:
    both = [y for y, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    return both + list(range(min(len(before), len(after)), max(len(before), len(after))))


class Styles:
    """A widget's own style and those of its component classes, looked up once until ``forget``."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._base: Style | None = None
        self._components: dict[str, Style] = {}

    def forget(self) -> None:
        """Theme, focus or a class have changed."""
        self._base = None
        self._components.clear()

    @property
    def base(self) -> Style:
        if self._base is None:
            self._base = self._widget.rich_style
        return self._base

    def component(self, name: str) -> Style:
        found = self._components.get(name)
        if found is None:
            found = self._components[name] = self._widget.get_component_rich_style(name, partial=True)
        return found

    def of_role(self, role: str) -> Style:
        return self.component(f"cell--{role}")


def set_title(widget: Widget, title: str) -> None:
    """Setting a border title paints the whole widget anew, so only a different one is set; markup is just text."""
    content = Content(title)
    if widget.border_title != content.markup:
        widget.border_title = content


class Lines(Widget):
    """``show`` is cheap when nothing changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENT_CLASSES

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = ()
        self._seen_styles = Styles(self)

    def notify_style_update(self) -> None:
        self._seen_styles.forget()
        super().notify_style_update()

    def show(self, lines: tuple[Line, ...]) -> None:
        before, self._lines = self._lines, lines
        regions = [Region(0, y, self.size.width, 1) for y in changed_lines(before, lines)]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return painted(line, self.size.width, self._seen_styles.base, self._seen_styles.of_role)
