"""What a recording of raw frames is made of: JSON lines, a header first."""

from typing import Final

import msgspec

from polyterm.core.market import Coin, Horizon
from polyterm.transport.tap import Kind

FORMAT: Final = 1


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """First line of every file. The files of one run share ``run`` (unix ms of its start) and count their ``part``."""

    polyterm_recording: int
    run: int
    part: int
    speed: float
    coins: tuple[Coin, ...]
    horizon: Horizon


class Heard(msgspec.Struct, frozen=True, omit_defaults=True):
    """See Tap. ``wall_ms`` is unix time of this machine, ``market_ms`` market time, both when it was received."""

    kind: Kind
    feed: str
    wall_ms: int
    market_ms: int
    host: str = ""
    what: str = ""
    text: str = ""


_header: Final = msgspec.json.Decoder(Header)
_heard: Final = msgspec.json.Decoder(Heard)


def is_header(line: str) -> bool:
    return line.startswith('{"polyterm_recording":')


def decode_header(line: str) -> Header:
    """Raises ValueError for one of another format, msgspec.DecodeError for nonsense."""
    header = _header.decode(line)
    if header.polyterm_recording != FORMAT:
        raise ValueError(f"recorded in format {header.polyterm_recording}, this polyterm knows {FORMAT}")
    return header


def decode_heard(line: str) -> Heard:
    """Raises msgspec.DecodeError."""
    return _heard.decode(line)
