"""The events of one input."""

from polyterm.core.event import Event, EventId


class Outbox:
    """Gives each event its identity: (session, number of the input, place among its events)."""

    __slots__ = ("at_ms", "events", "number", "session")

    def __init__(self, session: str, number: int, at_ms: int) -> None:
        self.session = session
        self.number = number
        self.at_ms = at_ms
        self.events: list[Event] = []

    def id(self) -> EventId:
        return EventId(self.session, self.number, len(self.events))
