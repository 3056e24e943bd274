"""An open position as a row, and back."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from polyterm.core.event import EventId
from polyterm.core.position import Position
from polyterm.errors import StoreError
from polyterm.store.rows import Row, checked, utc

_positions: Final = msgspec.json.Decoder(Position)


def position_row(event_id: EventId, position: Position) -> Row:
    """Raises StoreError naming the column of a number that is not finite."""
    row: Row = {
        "session": position.session or event_id.session,
        "strategy_name": position.strategy,
        "crypto": position.key.coin,
        "horizon": position.key.horizon,
        "window_epoch": position.key.epoch,
        "entry_ms": position.entry_ms,
        "entry_time": utc(position.entry_ms),
        "side": position.side,
        "shares": position.shares,
        "entry_price": position.entry_price,
        "entry_reason": position.reason,
        "position": msgspec.json.encode(position).decode(),
    }
    return checked(f"The position of {position.strategy} on {position.key}", row)


def position_from_row(row: Mapping[Any, Any]) -> Position:
    """Raises StoreError for one that this program cannot read."""
    try:
        return msgspec.structs.replace(_positions.decode(row["position"]), session=row["session"])
    except msgspec.DecodeError as error:
        raise StoreError(f"The open position of {row['strategy_name']} cannot be read: {error}.") from None
