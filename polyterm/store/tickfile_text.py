"""Lines of a text file that may be compressed; the compression is known by its first bytes, not by the name."""

import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

import zstandard

from polyterm.errors import ConfigError

_BLOCK: Final = 1 << 16
_LONGEST_LINE: Final = 1 << 20


class _Decompressor(Protocol):
    """What zlib, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


_FORMATS: Final[tuple[tuple[bytes, Callable[[], _Decompressor]], ...]] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
    (b"\x28\xb5\x2f\xfd", lambda: zstandard.ZstdDecompressor().decompressobj()),
)


def begins_with(path: Path, magic: bytes) -> bool:
    """Whether the file can be read and starts so; whoever reads on says what is wrong with it."""
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False


def nobody(_: int) -> None:
    """The default of ``on_read``: nobody follows the progress."""


def read_lines(
    path: Path, *, longest: int = _LONGEST_LINE, may_be_cut: bool = False, on_read: Callable[[int], None] = nobody
) -> Iterator[tuple[int, str]]:
    """(number from 1, text without its end) of every line.

    ``on_read`` is told how many more bytes of the file have been read, before they are expanded.
    ``may_be_cut``: a file that ends in the middle of a line, or of its compression, is no error; what is not whole is
    left out.

    Raises:
        ConfigError: the file cannot be read, is cut off or is not text; after the lines before that point.
    """
    number, rest = 0, b""
    try:
        for block in _blocks(path, on_read):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                number += 1
                yield number, _text(path, number, line)
            if len(rest) > longest:
                raise ConfigError(
                    f"{path}, line {number + 1}: longer than {longest >> 20} MB, so this is no such file."
                )
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from None
    except EOFError:
        if may_be_cut:
            return
        raise ConfigError(f"{path} is cut off after line {number}: fetch or compress it again.") from None
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise ConfigError(f"{path} is damaged after line {number} ({error}): fetch or compress it again.") from None
    if rest and not may_be_cut:
        yield number + 1, _text(path, number + 1, rest)


def _text(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}, line {number}: not text in UTF-8; is this the right file?") from None


def _blocks(path: Path, on_read: Callable[[int], None]) -> Iterator[bytes]:
    with path.open("rb") as file:
        raw = _counted(iter(partial(file.read, _BLOCK), b""), on_read)
        first = next(raw, b"")
        make = next((make for magic, make in _FORMATS if first.startswith(magic)), None)
        blocks = chain((first,), raw)
        yield from blocks if make is None else _expanded(blocks, make)


def _counted(blocks: Iterable[bytes], on_read: Callable[[int], None]) -> Iterator[bytes]:
    for block in blocks:
        on_read(len(block))
        yield block


def _expanded(blocks: Iterable[bytes], make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Raises EOFError when the last member is not whole. Archives may hold several, one after the other."""
    decompressor = make()
    for block in blocks:
        left = block
        while left:
            if decompressor.eof:
                decompressor = make()
            yield decompressor.decompress(left)
            left = decompressor.unused_data if decompressor.eof else b""
    if not decompressor.eof:
        raise EOFError
