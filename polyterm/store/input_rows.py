"""Inputs, and the digests of what came of them, as rows and back."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polyterm.core.digest import WindowDigest
from polyterm.core.input import Input, Payload
from polyterm.core.market import MarketKey
from polyterm.core.tick import Tick
from polyterm.errors import StoreError
from polyterm.store.rows import Row
from polyterm.store.tick_rows import tick_from_row, tick_row

_payloads: Final = msgspec.json.Decoder(Payload)


def tick_input_row(tick: Tick, item: Input, session: str) -> Row:
    """A row of ``ticks`` with its place in the session. Raises StoreError, as ``tick_row`` does."""
    row = tick_row(tick, session)
    row["input_number"] = item.number
    row["input_ms"] = item.at_ms
    return row


def input_row(item: Input, session: str) -> Row:
    """A row of ``inputs``. Raises StoreError when the payload would not come back as it is, like one with a nan."""
    text = msgspec.json.encode(item.payload)
    try:
        same = _payloads.decode(text) == item.payload
    except msgspec.DecodeError:
        same = False
    if not same:
        raise StoreError(f"The input {item.number} was not stored: a number in it is not finite.")
    return {"session": session, "number": item.number, "at_ms": item.at_ms, "payload": text.decode()}


def item_from_input(row: Mapping[Any, Any]) -> Input:
    return Input(row["number"], row["at_ms"], _payloads.decode(row["payload"]))


def item_from_tick(row: Mapping[Any, Any]) -> Input:
    return Input(row["input_number"], row["input_ms"], tick_from_row(row))


def digest_row(digest: WindowDigest) -> Row:
    row: Row = {name: getattr(digest, name) for name in digest.__struct_fields__ if name != "key"}
    key = digest.key
    row.update(crypto=key.coin, horizon=key.horizon, window_epoch=key.epoch)
    return row


def digest_from_row(row: Mapping[Any, Any]) -> WindowDigest:
    key = MarketKey(row["crypto"], row["horizon"], row["window_epoch"])
    fields = (name for name in WindowDigest.__struct_fields__ if name != "key")
    return WindowDigest(key=key, **{name: row[name] for name in fields})
