"""Logs of a headless engine: one JSON object per line on stdout."""

import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

REPEAT_WITHIN_S: Final = 30.0
MAX_TEXT: Final = 2_000
_REMEMBERED: Final = 500

# What logging itself puts on a record; everything else was given as a field.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "left_out", "always"}


class JsonLines(logging.Formatter):
    """``at`` is wall time in UTC; ``left_out`` counts the repeats that were not written since the last one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:MAX_TEXT],
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if left_out := getattr(record, "left_out", 0):
            line["left_out"] = left_out
        if record.exc_info and record.exc_info[0] is not None:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return msgspec.json.encode(line, enc_hook=str).decode()


class Repeats(logging.Filter):
    """Lets one line of a kind through in ``REPEAT_WITHIN_S``; errors, tracebacks and what says ``always`` every time.

    A kind is the logger and the message before its arguments were filled in, together with the feed it is about.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR or record.exc_info or getattr(record, "always", False):
            return True
        kind = (record.name, str(record.msg), str(getattr(record, "feed", "")))
        now = time.monotonic()
        at, left_out = self._seen.get(kind, (-REPEAT_WITHIN_S, 0))
        if now - at < REPEAT_WITHIN_S:
            self._seen[kind] = (at, left_out + 1)
            return False
        if left_out:
            record.left_out = left_out
        self._seen.pop(kind, None)  # the newest stands last
        self._seen[kind] = (now, 0)
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True


def log_to_stdout(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send everything that is logged to stdout as JSON lines; libraries speak from warnings up."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines())
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("polyterm").setLevel(level)
