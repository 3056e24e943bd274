"""The screen without colours, for ``NO_COLOR`` (no-color.org): only bold, italic, underlined and reversed text."""

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from polyterm.console.theming import Theme


class Plain(LineFilter):
    """Whatever a theme sets off by its background (a cursor, a badge, a heading in use, a hot cell) is reversed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        roles = theme.roles
        self._quiet = frozenset(colour.lower() for colour in (roles.background, roles.panel, *roles.heat[:3]))

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, self._style(style), None) for text, style, _ in segments]

    def _style(self, style: Style | None) -> Style | None:
        return None if style is None else _plain(style, self._quiet)


@lru_cache(maxsize=1024)
def _plain(style: Style, quiet: frozenset[str]) -> Style:
    ground = style.bgcolor
    set_off = ground is not None and ground.triplet is not None and ground.triplet.hex not in quiet
    return Style(
        bold=style.bold,
        italic=style.italic,
        underline=style.underline,
        reverse=set_off != bool(style.reverse),
        meta=style.meta,
    )
