"""The newest of everything that the link said, and the frozen view of it that one repaint is made from."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from polyterm.console.notes import Note, NoteKind, NoteLevel, conflict_changes, feed_changes
from polyterm.core.command import Ack, CommandKind, TradingState
from polyterm.core.event import Event
from polyterm.core.snapshot import Conflicts, Feeds, Leaderboard, Positions, SnapshotDelta, Status, Ticks
from polyterm.service.link.port import Connection

EVENTS_KEPT: Final = 500
NOTES_KEPT: Final = 100
# The engine sends a status at least once a second; longer than this and what is on screen is history.
SILENT_AFTER_S: Final = 3.0

Severity = Literal["info", "warn", "danger"]


class Notice(msgspec.Struct, frozen=True):
    """One sentence for the operator. It goes at ``until`` (machine time), once the engine reports the trading state
    ``cleared_by``, once it is lost or reports another than ``true_in``, or when it is dismissed or overtaken."""

    text: str
    severity: Severity = "info"
    until: float | None = None
    cleared_by: TradingState | None = None
    true_in: TradingState | None = None


class Receipt(msgspec.Struct, frozen=True):
    """What is known of a kill: ``asked`` and ``answered`` are machine times, ``answered`` None until the engine says
    that it is killed. ``own``: this console asked. ``held`` positions were open then, None when nobody knew.
    ``trouble`` says why it is not known whether the engine was reached."""

    asked: float
    own: bool
    held: int | None
    answered: float | None = None
    trouble: str = ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one repaint shows. Sections are None until the engine has sent them.

    ``notes`` are what this client noticed itself. ``market_ms`` is the engine's market time carried forward by machine
    time; it stands still once the engine is lost. ``data_age_s`` is machine seconds since the last section arrived.
    ``sending`` is the command that awaits its answer. In a frozen view everything is as it was ``frozen_s`` ago, and
    ``newest`` is the view that goes on.
    """

    now: float
    connection: Connection
    status: Status | None = None
    ticks: Ticks | None = None
    leaderboard: Leaderboard | None = None
    conflicts: Conflicts | None = None
    positions: Positions | None = None
    feeds: Feeds | None = None
    events: tuple[Event, ...] = ()
    notes: tuple[Note, ...] = ()
    market_ms: int | None = None
    data_age_s: float | None = None
    sending: CommandKind | None = None
    notice: Notice | None = None
    receipt: Receipt | None = None
    frozen_s: float | None = None
    newest: "View | None" = None

    @property
    def live(self) -> "View":
        """This very moment, also behind a frozen view."""
        return self.newest or self

    @property
    def lost(self) -> bool:
        """There is no engine behind these figures right now."""
        if self.connection.state != "connected":
            return True
        return self.data_age_s is not None and self.data_age_s > SILENT_AFTER_S

    @property
    def trading_state(self) -> TradingState | None:
        return None if self.status is None else self.status.trading_state


class Latest:
    """Merges what arrives. Cheap, so that a flood costs no more than the newest of it at the next repaint."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sections = SnapshotDelta()
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._events_shown: tuple[Event, ...] | None = None
        self._notes: tuple[Note, ...] = ()
        self._connection = Connection("connecting", "")
        self._connection_at = clock()
        self._status_at: float | None = None
        self._data_at: float | None = None
        self.sending: CommandKind | None = None
        self.notice: Notice | None = None
        self.receipt: Receipt | None = None
        self._receipt_read = False

    def merge(self, delta: SnapshotDelta) -> bool:
        """Keep the newer of every section; a new session replaces them all, events included.

        Whether the past is another one now, and has to be asked for: a recording was left for another place of it.
        """
        self._data_at = self._clock()
        known = self._sections.status
        if delta.status is not None:
            self._status_at = self._data_at
            if self.notice is not None and self.notice.cleared_by == delta.status.trading_state:
                self.notice = None
            if known is not None and known.session != delta.status.session:
                self._forget_all_but(delta.status.session)
        elsewhere = known is not None and delta.status is not None and _take(known) != _take(delta.status)
        if elsewhere:
            self._notes = ()
            self._events.clear()
            self._events_shown = None
        self._notice(delta)
        changed = {name: value for name, value in msgspec.structs.asdict(delta).items() if value is not None}
        self._sections = msgspec.structs.replace(self._sections, **changed)
        self._follow_kill()
        return elsewhere

    @property
    def plays(self) -> bool:
        """Whether the engine is on a recording."""
        status = self._sections.status
        return status is not None and status.playback is not None

    def kill_asked(self) -> None:
        """This console asked for a kill: from now on its receipt says how far it has come."""
        self._receipt_read = False
        self.receipt = Receipt(self._clock(), True, self._held())
        self._follow_kill()

    def kill_in_doubt(self, trouble: str) -> None:
        if self.receipt is not None and self.receipt.answered is None:
            self.receipt = msgspec.structs.replace(self.receipt, trouble=trouble)

    def put_receipt_away(self) -> bool:
        """Whether there was one. A kill that nobody has answered yet comes back with its answer."""
        if self.receipt is None:
            return False
        self._receipt_read = self.receipt.answered is not None
        self.receipt = None
        return True

    def _follow_kill(self) -> None:
        """A receipt for whoever looks at a killed engine, whoever killed it; none any more once it goes on."""
        status = self._sections.status
        if status is None:
            return
        if status.trading_state != "KILLED":
            self._receipt_read = False
            if self.receipt is not None and self.receipt.answered is not None:
                self.receipt = None
        elif self.receipt is None and not self._receipt_read:
            now = self._clock()
            self.receipt = Receipt(now, False, self._held(), now)
        elif self.receipt is not None and self.receipt.answered is None:
            self.receipt = msgspec.structs.replace(self.receipt, answered=self._clock(), trouble="")

    def _held(self) -> int | None:
        return None if self._sections.status is None else self._sections.status.open_positions

    def _forget_all_but(self, session: str) -> None:
        self._sections = SnapshotDelta()
        self._notes = ()
        kept = [event for event in self._events if event.id.session == session]
        self._events.clear()
        self.add(tuple(kept))

    def _notice(self, delta: SnapshotDelta) -> None:
        known = self._sections
        if delta.feeds is not None:
            self._note("feeds", feed_changes(known.feeds, delta.feeds), delta)
        if delta.conflicts is not None:
            self._note("conflicts", conflict_changes(known.conflicts, delta.conflicts), delta)

    def _note(self, kind: NoteKind, found: Iterable[tuple[NoteLevel, str]], delta: SnapshotDelta) -> None:
        status = delta.status or self._sections.status
        if status is None:
            return
        for level, text in found:
            number = self._notes[-1].number + 1 if self._notes else 0
            self._notes = (*self._notes, Note(status.market_ms, number, kind, level, text))[-NOTES_KEPT:]

    def add(self, events: tuple[Event, ...]) -> None:
        self._events.extend(events)
        self._events_shown = None

    def backfill(self, events: tuple[Event, ...]) -> None:
        """Put events that happened before this client listened, or while it was away, into their places."""
        every = {event.id: event for event in (*events, *self._events)}
        self._events.clear()
        self.add(tuple(every[number] for number in sorted(every)))

    def connect(self, connection: Connection) -> None:
        self._connection = connection
        self._connection_at = self._clock()

    def acknowledge(self, ack: Ack) -> None:
        """Show the state that the engine confirmed without waiting for its next status."""
        status = self._sections.status
        if status is not None:
            status = msgspec.structs.replace(status, trading_state=ack.state)
            self._sections = msgspec.structs.replace(self._sections, status=status)
            self._follow_kill()

    def view(self) -> View:
        now = self._clock()
        if self.notice is not None and self.notice.until is not None and self.notice.until <= now:
            self.notice = None
        if self._events_shown is None:
            self._events_shown = tuple(self._events)
        sections = self._sections
        view = View(
            now=now,
            connection=self._counted_down(now),
            status=sections.status,
            ticks=sections.ticks,
            leaderboard=sections.leaderboard,
            conflicts=sections.conflicts,
            positions=sections.positions,
            feeds=sections.feeds,
            events=self._events_shown,
            notes=self._notes,
            market_ms=self._market_ms(now),
            data_age_s=None if self._data_at is None else now - self._data_at,
            sending=self.sending,
            notice=self.notice,
            receipt=self.receipt,
        )
        if self.notice is not None and self._untrue(self.notice, view):
            self.notice = None
            return msgspec.structs.replace(view, notice=None)
        return view

    @staticmethod
    def _untrue(notice: Notice, view: View) -> bool:
        return notice.true_in is not None and (view.lost or view.trading_state not in {None, notice.true_in})

    def _counted_down(self, now: float) -> Connection:
        retry = self._connection.retry_in_s
        if retry is None:
            return self._connection
        return msgspec.structs.replace(self._connection, retry_in_s=max(0.0, retry - (now - self._connection_at)))

    def _market_ms(self, now: float) -> int | None:
        status = self._sections.status
        if status is None or self._status_at is None:
            return None
        carried_s = min(now - self._status_at, SILENT_AFTER_S) if self._connection.state == "connected" else 0.0
        return status.market_ms + int(carried_s * 1000 * status.speed)


def _take(status: Status) -> int:
    return 0 if status.playback is None else status.playback.take


def frozen(then: View, now: View) -> View:
    """What was to be seen ``then``, and behind it what goes on."""
    return msgspec.structs.replace(then, newest=now, frozen_s=now.now - then.now)
