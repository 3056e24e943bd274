"""A recording that is played: what an operator asks of the player, and how far it has come."""

from typing import Final, Literal

import msgspec

PlaybackKind = Literal["toggle", "tick", "second", "faster", "slower", "speed", "next", "previous", "window"]

SPEEDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Market seconds per second that ``faster`` and ``slower`` go through."""


class PlaybackOrder(msgspec.Struct, frozen=True):
    """``toggle`` plays or pauses; ``tick`` and ``second`` are steps; ``next``, ``previous`` and ``window`` go to the
    start of a window. ``value`` is the speed, or the number of the window from 1, where one is asked for."""

    kind: PlaybackKind
    value: int = 0


class Playback(msgspec.Struct, frozen=True, kw_only=True):
    """``take`` grows whenever the recording was left for another place of it: what was told before is not the past of
    what comes. ``window`` is the one that has begun last, from 1, of ``windows`` so far; ``complete`` once the whole
    recording has been read. ``seeking`` is the window on the way to which the player is, and ``share`` how far.
    ``still_s`` are the seconds for which market time has stood still.
    """

    take: int
    paused: bool
    ended: bool
    speed: int
    window: int
    windows: int
    complete: bool
    seeking: int | None = None
    share: float = 0.0
    still_s: int = 0
