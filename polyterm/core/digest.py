"""What proves that a run was repeated exactly: counts and digests (hex) of inputs and events."""

import msgspec

from polyterm.core.market import MarketKey


class WindowDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One window from its first input to the event that closed it.

    What comes later, its outcome and corrections, belongs to the session: ``session_digest`` covers every event of the
    session up to and with that closing one, so that the next window to close vouches for what came in between.
    """

    session: str
    key: MarketKey
    first_input: int
    last_input: int
    closed_ms: int
    inputs: int
    events: int
    inputs_digest: str
    events_digest: str
    session_events: int
    session_digest: str


class SessionDigest(msgspec.Struct, frozen=True):
    """A whole session: the number of its last input, and all its events."""

    inputs: int
    events: int
    digest: str
