"""The receipt of a kill, over whatever screen is on top, until it is put away."""

from typing import Final

from textual.content import Content

from polyterm.console.latest import View
from polyterm.console.view.receipt import receipt_lines
from polyterm.console.widgets.lines import Lines

BORDER: Final = 2
FOOTER: Final = 1
TITLE: Final = "KILL"


class ReceiptPanel(Lines):
    """It never takes the focus, and never more than half of the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self.border_title = Content(TITLE)
        self.border_subtitle = Content("esc puts it away")

    def repaint(self, view: View, width: int, height: int) -> None:
        """``width`` and ``height`` are the screen's."""
        lines = receipt_lines(view, width - BORDER, max(1, height // 2 - BORDER))
        if not lines:
            self.display = False
            return
        tall = len(lines) + BORDER
        if (self.styles.height is None or self.styles.height.value != tall) or not self.display:
            self.styles.height = tall
            self.display = True
        self.styles.offset = (0, max(0, height - FOOTER - tall))
        self.show(lines)

    async def on_click(self) -> None:
        await self.run_action("app.dismiss")
