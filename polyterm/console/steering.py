"""What the operator asks of the player of a recording."""

from collections.abc import Callable
from typing import Final

from polyterm.console.latest import Latest, Notice
from polyterm.core.playback import PlaybackKind, PlaybackOrder
from polyterm.errors import LinkError
from polyterm.service.link.port import Link

INFO_S: Final = 4.0


class Steering:
    """Sends orders, and says why one came to nothing; what became of the others is in the status."""

    def __init__(self, link: Link, latest: Latest, clock: Callable[[], float], repaint: Callable[[], None]) -> None:
        self._link = link
        self._latest = latest
        self._clock = clock
        self._repaint = repaint

    async def order(self, kind: PlaybackKind) -> None:
        try:
            refused = await self._link.steer(PlaybackOrder(kind))
        except LinkError as error:
            refused = str(error)
        if refused:
            self._latest.notice = Notice(f"{refused[:1].upper()}{refused[1:]}", "warn", self._clock() + INFO_S)
            self._repaint()
