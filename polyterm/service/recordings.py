"""Recordings of raw frames as the engine's inputs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from polyterm.core.input import Payload
from polyterm.errors import ConfigError
from polyterm.feeds.playback import Playback
from polyterm.feeds.recorder import SUFFIX
from polyterm.feeds.recording import Header, Heard, decode_header, decode_heard, is_header
from polyterm.store.tickfile_text import nobody, read_lines

LONGEST_LINE: Final = 32 * 2**20
"""More than the largest frame that a socket takes, escaped."""


def read_raw(path: Path, on_read: Callable[[int], None] = nobody) -> Iterator[tuple[int, Payload]]:
    """``(at_ms, payload)`` pairs of a recorder's folder, or of one file of it, in order of market time.

    ``on_read`` is told how many more bytes have been read.

    The last file of a run may be cut off. Books of a file that does not begin with its run are unknown until the venue
    sends whole ones, so prefer the folder.

    Raises:
        ConfigError: nothing is recorded there, or a line makes no sense; after everything before it.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(f"The folder {path} holds no recording (*{SUFFIX}).")
    tape = _Tape()
    for file in files:
        for number, line in read_lines(file, longest=LONGEST_LINE, may_be_cut=True, on_read=on_read):
            try:
                yield from tape.play(line)
            except (msgspec.DecodeError, ValueError) as error:
                raise ConfigError(f"{file}, line {number}: {error}; is this a recording of raw frames?") from None


class _Tape:
    """Carries one run over its files; a new run begins with nothing."""

    def __init__(self) -> None:
        self._header: Header | None = None
        self._playback: Playback | None = None
        self._newest: Heard | None = None

    def play(self, line: str) -> list[tuple[int, Payload]]:
        if is_header(line):
            return self._turn(decode_header(line))
        if self._playback is None:
            raise ValueError("no header came before it")
        self._newest = decode_heard(line)
        return self._playback.hear(self._newest)

    def _turn(self, header: Header) -> list[tuple[int, Payload]]:
        before, self._header = self._header, header
        if before is None or self._playback is None or before.run != header.run:
            self._playback = Playback(header)
            return []
        if header.part == before.part + 1 or self._newest is None:
            return []
        return self._playback.hear(msgspec.structs.replace(self._newest, kind="lost", text="a file"))
