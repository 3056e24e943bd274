"""Logs of a headless engine: one JSON object per line on stdout."""

import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

REPEAT_WITHIN_S: Final = 30.0
ERRORS_WITHIN: Final = 10
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
    """Lets one line of a kind through in ``REPEAT_WITHIN_S``, of errors and tracebacks ``ERRORS_WITHIN``, and what says
    ``always`` every time.

    A kind is the logger and the message before its arguments were filled in, together with the feed it is about.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str, str], _Seen] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "always", False):
            return True
        is_error = record.levelno >= logging.ERROR or bool(record.exc_info)
        kind = (record.name, str(record.msg), str(getattr(record, "feed", "")))
        now = time.monotonic()
        seen = self._seen.get(kind)
        if seen is not None and now - seen.since < REPEAT_WITHIN_S:
            if seen.written >= (ERRORS_WITHIN if is_error else 1):
                seen.left_out += 1
                return False
            seen.written += 1
            return True
        if seen is not None and seen.left_out:
            record.left_out = seen.left_out
        self._seen.pop(kind, None)  # the newest stands last
        self._seen[kind] = _Seen(now)
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True


class _Seen(msgspec.Struct):
    """Lines of one kind ``since`` a moment of machine time."""

    since: float
    written: int = 1
    left_out: int = 0


def log_to_stdout(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send everything that is logged to stdout as JSON lines; libraries speak from warnings up."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines())
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("polyterm").setLevel(level)
