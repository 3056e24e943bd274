"""Where whatever the venues say can be overheard as it is received, before anything decodes it."""

from typing import Final, Literal, Protocol

Kind = Literal["open", "frame", "close", "ask", "answer", "refusal", "resync", "slot", "lost"]
"""``ask``, ``answer`` and ``refusal`` are of REST. ``resync`` and ``slot`` are what we did ourselves and when: which
books were given up, and that the ticks of a second were made. ``lost`` says how much was not heard."""


class Tap(Protocol):
    """Neither blocks nor raises. What we send is never heard: it may hold credentials."""

    def hear(self, kind: Kind, feed: str, host: str, text: str = "", what: str = "") -> None:
        """``what`` is the path and query of a REST question; a refusal's ``text`` is its HTTP status."""
        ...


class _Silent:
    def hear(self, kind: Kind, feed: str, host: str, text: str = "", what: str = "") -> None:
        """Nobody listens."""


SILENT: Final[Tap] = _Silent()
