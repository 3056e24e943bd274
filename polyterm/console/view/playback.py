"""How far a recording has been played, as a part of the status bar."""

from datetime import UTC, datetime

from polyterm.console.latest import View
from polyterm.console.view.cells import Cell, Item, Line
from polyterm.core.playback import Playback


def playback_items(view: View) -> list[Item]:
    """Nothing where no recording is played."""
    playback = None if view.status is None else view.status.playback
    if playback is None:
        return []
    items = [Item(13, _state(playback)), Item(12, _position(playback))]
    if view.market_ms is not None:
        moment = datetime.fromtimestamp(view.market_ms / 1000, UTC)
        items.append(Item(10, (Cell(f"{moment:%Y-%m-%d %H:%M:%S}", "strong"),)))
    return items


def _state(playback: Playback) -> Line:
    if playback.seeking is not None:
        return (Cell(f"» to window {playback.seeking}: {playback.share:.0%}", "warn"),)
    if playback.ended:
        return (Cell("■ end of the recording", "warn"),)
    if playback.paused:
        return (Cell(f"■ stopped, {playback.speed}×", "warn"),)
    return (Cell(f"► playing {playback.speed}×", "accent"),)


def _position(playback: Playback) -> Line:
    more = "" if playback.complete else "+"
    return (Cell(f"window {playback.window} of {playback.windows}{more}"),)
