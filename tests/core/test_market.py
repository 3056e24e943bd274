"""Windows on the calendar."""

from datetime import UTC, datetime

import pytest

from polyterm.core.market import Horizon, window_epoch


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("horizon", "at", "start"),
    [
        ("5m", "2026-11-22T14:04:59", "2026-11-22T14:00:00"),
        ("15m", "2026-11-22T14:15:00", "2026-11-22T14:15:00"),
        ("1h", "2026-11-22T14:59:59", "2026-11-22T14:00:00"),
        ("4h", "2026-11-22T14:00:00", "2026-11-22T13:00:00"),  # 9 in New York, in the window of 8
        ("4h", "2026-11-22T04:59:59", "2026-11-22T01:00:00"),  # 20 o'clock of the day before
        ("4h", "2026-11-22T05:00:00", "2026-11-22T05:00:00"),  # midnight
        ("4h", "2026-07-01T14:00:00", "2026-07-01T12:00:00"),  # 10 in New York, in the window of 8
    ],
)
def test_a_window_begins_on_its_grid(horizon: Horizon, at: str, start: str) -> None:
    assert window_epoch(unix(at), horizon) == unix(start)
