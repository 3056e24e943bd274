"""Windows whose official result is not stored."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, or_, select

from polyterm.core.market import MarketKey, Reference
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.store.schema import windows

MAX_WINDOWS: Final = 4_000
"""Over a week of four series; the newest are kept."""

_COLUMNS: Final = [
    windows.c[name]
    for name in (
        "crypto", "horizon", "epoch", "outcome", "outcome_grade", "closed_ms",
        "start_price", "strike_source", "strike_grade", "strike_at_ms",
        "end_price", "final_source", "final_grade", "final_at_ms",
    )
]  # fmt: skip


def unresolved(since_ms: int) -> Select[Any]:
    """Those that began at ``since_ms`` (unix ms) or later, newest first, running ones included."""
    column = windows.c
    return (
        select(*_COLUMNS)
        .where(column.epoch >= -(-since_ms // 1000))
        .where(or_(column.outcome.is_(None), column.outcome_grade.is_(None), column.outcome_grade != "official"))
        .order_by(column.epoch.desc())
        .limit(MAX_WINDOWS)
    )


def unresolved_from_row(row: Mapping[Any, Any]) -> UnresolvedWindow:
    return UnresolvedWindow(
        key=MarketKey(row["crypto"], row["horizon"], row["epoch"]),
        strike=_reference(row, "start_price", "strike"),
        final=_reference(row, "end_price", "final"),
        grade=row["outcome_grade"],
        closed=row["closed_ms"] is not None,
    )


def _reference(row: Mapping[Any, Any], price: str, prefix: str) -> Reference | None:
    values = row[price], row[f"{prefix}_source"], row[f"{prefix}_grade"], row[f"{prefix}_at_ms"]
    return None if None in values else Reference(*values)
