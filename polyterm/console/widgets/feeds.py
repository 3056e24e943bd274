"""The feeds strip."""

from polyterm.console.latest import View
from polyterm.console.view.feeds import feed_strip
from polyterm.console.widgets.lines import Lines


class FeedStrip(Lines):
    def repaint(self, view: View) -> None:
        self.show((feed_strip(view.live, self.size.width),))
