"""A chart: drawn by plotext, in the colours of the theme, and only when what it shows has changed."""

from typing import Final

from rich.text import Text
from textual.app import RenderResult
from textual.color import Color
from textual_plotext import PlotextPlot

from polyterm.console.view.cells import Line, wrapped
from polyterm.console.view.plot import NOTHING, Pen, Plot
from polyterm.console.widgets.lines import set_title

_MARKERS: Final[dict[Pen, str]] = {"line": "braille", "dots": "·"}
_LEVEL: Final = "╌"
MIN_WIDTH: Final = 20
MIN_HEIGHT: Final = 4

Rgb = tuple[int, int, int]


class Chart(PlotextPlot):
    """``show`` is cheap when nothing changed. What stands there while there is no curve is a sentence."""

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._shown: tuple[Plot, str] = (NOTHING, "")

    def show(self, plot: Plot, *, title: str, empty: str = "") -> None:
        set_title(self, title)
        if (plot, empty) != self._shown:
            self._shown = (plot, empty)
            self.refresh()

    def render(self) -> RenderResult:
        plot, empty = self._shown
        width, height = self.size
        if not plot.curves or width < MIN_WIDTH or height < MIN_HEIGHT:
            return Text("\n".join(_text(line) for line in wrapped(empty, width)))
        self._draw(plot, width)
        return super().render()

    def _draw(self, plot: Plot, width: int) -> None:
        plt = self.plt
        plt.clear_figure()
        plt.frame(False)
        plt.xlim(*plot.x_range)
        plt.ylim(*plot.y_range)
        for level, role in plot.levels:
            xs = [plot.x_range[0] + (plot.x_range[1] - plot.x_range[0]) * place / width for place in range(width + 1)]
            plt.scatter(xs, [level] * len(xs), marker=_LEVEL, color=self._rgb(role))
        for curve in plot.curves:
            for stretch in curve.stretches():
                xs, ys = [x for x, _ in stretch], [y for _, y in stretch]
                plt.plot(xs, ys, marker=_MARKERS[curve.pen], color=self._rgb(curve.role))
        for mark in plot.marks:
            plt.scatter([mark.x], [mark.y], marker=mark.glyph, color=self._rgb(mark.role))
        plt.xticks([x for x, _ in plot.x_ticks], [label for _, label in plot.x_ticks])
        plt.yticks([y for y, _ in plot.y_ticks], [label for _, label in plot.y_ticks])

    def _rgb(self, role: str) -> Rgb:
        return Color.parse(self.app.theme_variables[role or "text"]).rgb


def _text(line: Line) -> str:
    return "".join(cell.text for cell in line)
