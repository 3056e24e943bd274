"""What a feed's owner sees of it: state, age of its data, rate, and what went wrong."""

import logging
from collections import deque
from typing import Any, Final

from polyterm.core.snapshot import FeedRow, FeedState
from polyterm.transport.clock import Clock

log = logging.getLogger("polyterm.feeds")

RATE_WINDOW_S: Final = 5
LOG_EVERY_S: Final = 30.0
RAW_KEPT: Final = 200


class FeedHealth:
    """Counters of one feed, written by its task and read by the snapshot. All times are machine time.

    ``live`` begins with the first data, not with the open socket, and turns ``stale`` by itself once the newest data is
    older than ``stale_after_s``. The reason of the last trouble stays visible until data flows again; ``notice`` is
    what is wrong although data flows. ``latency_s`` is the newest round trip, where one can be measured.
    """

    def __init__(self, name: str, clock: Clock, stale_after_s: float = 4.0) -> None:
        self.name = name
        self.stale_after_s = stale_after_s
        self.host = ""
        self.reason = ""
        self.notice = ""
        self.opens = 0
        self.gaps = 0
        self.unknown = 0
        self.malformed = 0
        self.last_malformed = ""
        self.latency_s: float | None = None
        self._trouble = ""
        self._trouble_ms: int | None = None
        self._clock = clock
        self._state: FeedState = "connecting"
        self._data_at: float | None = None
        self._retry_at: float | None = None
        self._since = clock.monotonic()
        self._counts: deque[list[int]] = deque(maxlen=RATE_WINDOW_S)  # [second, messages]
        self._logged: dict[str, tuple[float, int]] = {}

    def connecting(self, host: str) -> None:
        self._state, self.host, self._retry_at = "connecting", host, None

    def opened(self) -> None:
        self.opens += 1
        log.info("feed.opened", extra={"feed": self.name, "host": self.host})

    def data(self) -> None:
        """One message that carried data has arrived."""
        now = self._clock.monotonic()
        self._data_at = now
        second = int(now)
        if self._counts and self._counts[-1][0] == second:
            self._counts[-1][1] += 1
        else:
            self._counts.append([second, 1])
        if self._state != "live":
            self._state, self.reason, self._retry_at = "live", "", None

    def stale(self, reason: str) -> None:
        """Connected, but what it says is too old to be used."""
        self._state, self.reason, self._retry_at = "stale", reason, None
        self._note_trouble(reason)
        self.warn("feed.stale", reason=reason)

    def down(self, reason: str, retry_in_s: float) -> None:
        self._state, self.reason = "down", reason
        self._retry_at = self._clock.monotonic() + retry_in_s
        self._note_trouble(reason)
        self.warn("feed.down", reason=reason, retry_in_s=round(retry_in_s, 1))

    def off(self, reason: str) -> None:
        """Not in use, by choice or for want of something the user must give."""
        self._state, self.reason, self._retry_at = "off", reason, None

    def gap(self, what: str) -> None:
        """Something that the venue sent never arrived."""
        self.gaps += 1
        self._note_trouble(what)
        self.warn("feed.gap", what=what)

    def note_unknown(self, kind: str) -> None:
        """A well-formed message of a kind that we do not know."""
        self.unknown += 1
        self.warn("feed.unknown", what=kind[:RAW_KEPT])

    def note_malformed(self, raw: str, error: Exception) -> None:
        self.malformed += 1
        self.last_malformed = raw[:RAW_KEPT]
        self._note_trouble(f"not understood: {error}")
        self.warn("feed.malformed", error=str(error), raw=self.last_malformed)

    def _note_trouble(self, what: str) -> None:
        self._trouble, self._trouble_ms = what, self._clock.market_ms()

    def warn(self, event: str, **fields: Any) -> None:
        """Log at most once in ``LOG_EVERY_S`` per event; the next line says how many were left out."""
        now = self._clock.monotonic()
        at, left_out = self._logged.get(event, (-LOG_EVERY_S, 0))
        if now - at < LOG_EVERY_S:
            self._logged[event] = (at, left_out + 1)
            return
        self._logged[event] = (now, 0)
        details = " ".join(f"{key}={value!r}" for key, value in fields.items())
        log.warning(
            "%s %s %s", event, self.name, details,
            extra={"feed": self.name, "host": self.host, "left_out": left_out, **fields},
        )  # fmt: skip

    @property
    def age_s(self) -> float | None:
        return None if self._data_at is None else self._clock.monotonic() - self._data_at

    @property
    def reconnects(self) -> int:
        return max(0, self.opens - 1)

    def messages_per_s(self) -> float:
        """Mean over the last ``RATE_WINDOW_S`` seconds, the running one included."""
        now = self._clock.monotonic()
        oldest = int(now) - RATE_WINDOW_S + 1
        span = min(now - oldest, now - self._since)
        return sum(count for second, count in self._counts if second >= oldest) / max(span, 1.0)

    def row(self) -> FeedRow:
        now, age = self._clock.monotonic(), self.age_s
        state, reason = self._state, self.reason
        if state == "live" and age is not None and age > self.stale_after_s:
            state, reason = "stale", f"no data for {age:.0f} s"
        elif state == "live":
            reason = reason or self.notice
        return FeedRow(
            name=self.name,
            state=state,
            host=self.host,
            age_s=age,
            messages_per_s=self.messages_per_s(),
            reconnects=self.reconnects,
            gaps=self.gaps,
            unknown=self.unknown,
            malformed=self.malformed,
            reason=reason,
            retry_in_s=None if self._retry_at is None else max(0.0, self._retry_at - now),
            latency_ms=None if self.latency_s is None else 1000 * self.latency_s,
            trouble=self._trouble,
            trouble_ms=self._trouble_ms,
        )
