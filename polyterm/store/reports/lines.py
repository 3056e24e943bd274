"""Exported rows as text: JSON objects and CSV lines."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from polyterm.store.reports.export import ExportedRow, What, columns

_encode: Final = msgspec.json.Encoder().encode


def json_objects(what: What, rows: Sequence[ExportedRow]) -> list[bytes]:
    """Times as ISO 8601, depth as an object."""
    nested = _of_kind(what, "json")
    return [_encode({**row, **{name: _raw(row[name]) for name in nested}}) for row in rows]


def csv_header(what: What) -> bytes:
    return ",".join(columns(what)).encode() + b"\n"


def csv_lines(what: What, rows: Sequence[ExportedRow]) -> bytes:
    """Nothing where a value is missing; times as ISO 8601, depth as JSON."""
    times = _of_kind(what, "time")
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerows({**row, **{name: _iso(row[name]) for name in times}}.values() for row in rows)
    return text.getvalue().encode()


def _of_kind(what: What, kind: str) -> list[str]:
    return [name for name, one in columns(what).items() if one == kind]


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _iso(value: datetime | None) -> Any:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
