"""Checkpoints as rows, and back."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import zstandard

from polyterm.core.market import MarketKey
from polyterm.errors import StoreError
from polyterm.store.rows import Row

_MAX_BYTES: Final = 1 << 30


class StoredCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine knew after input ``number`` of its session; ``packed`` is its state as ``pack`` made it."""

    session: str
    number: int
    at_ms: int
    program: str
    version: int
    packed: str

    def state(self) -> bytes:
        """Raises StoreError when it is damaged, or kept no longer: of all but the newest sessions only that there was
        one is."""
        if not self.packed:
            raise StoreError(f"The checkpoint {self.session}/{self.number} is no longer kept, its session is too old.")
        try:
            packed = base64.b64decode(self.packed, validate=True)
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MAX_BYTES)
        except (binascii.Error, ValueError, zstandard.ZstdError) as error:
            raise StoreError(f"The checkpoint {self.session}/{self.number} is damaged: {error}.") from None


def pack(state: bytes) -> str:
    """Takes milliseconds per megabyte, and may be done in another thread."""
    return base64.b64encode(zstandard.ZstdCompressor(write_checksum=True).compress(state)).decode()


def checkpoint_row(checkpoint: StoredCheckpoint) -> Row:
    row: Row = {name: getattr(checkpoint, name) for name in checkpoint.__struct_fields__ if name != "packed"}
    row["state"] = checkpoint.packed
    return row


def checkpoint_from_row(row: Mapping[Any, Any]) -> StoredCheckpoint:
    names = (name for name in StoredCheckpoint.__struct_fields__ if name != "packed")
    return StoredCheckpoint(packed=row["state"], **{name: row[name] for name in names})


def cut_row(session: str, key: MarketKey, cut_ms: int) -> Row:
    """Of the ``session`` that ended in the middle of that window."""
    return {
        "session": session, "crypto": key.coin, "horizon": key.horizon, "window_epoch": key.epoch, "cut_ms": cut_ms,
    }  # fmt: skip
