"""Prove that a stored session, run again from its inputs, gives what it gave the first time."""

from collections.abc import AsyncIterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import msgspec

from polyterm.core.input import Input
from polyterm.engine.books import Book
from polyterm.engine.checkpoint import CheckpointError, decode, farewells
from polyterm.engine.engine import Engine
from polyterm.engine.verification import CUT_OFF, NOT_STORED, Rerun, WindowFinding
from polyterm.errors import StoreError
from polyterm.quant.fingerprint import Platform
from polyterm.service.host import this_platform
from polyterm.service.lease import is_held
from polyterm.service.recovery import SIZINGS
from polyterm.store.checkpoint_rows import StoredCheckpoint
from polyterm.store.location import Location, located
from polyterm.store.sessions import SessionArchive, StoredSession, open_archive
from polyterm.strategies.entry import Entry
from polyterm.strategies.registry import REGISTRY

Verdict = Literal["verified", "different", "other platform", "unverifiable"]


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """``reason`` is a sentence, ``inputs`` what was run again, ``other_platform`` what is not as it was then."""

    session: StoredSession
    verdict: Verdict
    reason: str
    windows: tuple[WindowFinding, ...]
    inputs: int
    events: int
    other_platform: tuple[str, ...]


class _Ending(msgspec.Struct, frozen=True):
    """How far the inputs went: ``difference`` is the first that was found, ``gap`` the first input that is missing."""

    difference: str
    gap: int | None
    running: bool


async def verify_session(
    location: Location | Path, name: str | None, entries: Sequence[Entry] = REGISTRY
) -> Verification:  # fmt: skip
    """The session ``name`` of the database, the newest without a name; also while an engine writes it.

    ``entries`` are the strategies that there are today.

    Raises:
        ConfigError: there is no such database or session, or none that has inputs.
        StoreError: the database cannot be read.
    """
    async with open_archive(location) as archive:
        await archive.require_ours(str(located(location)))
        session = await archive.session(name)
        running = session.ended_ms is None and session.next_ms is None and is_held(located(location).beside(".lease"))
        books, missing = _books(session, entries)
        sizing = SIZINGS.get(session.sizing)
        if missing or sizing is None:
            what = f"the strategies {', '.join(missing)}" if missing else f"the sizing {session.sizing!r}"
            return _concluded(session, "unverifiable", f"This polyterm does not have {what}, which the session ran.")
        engine = Engine(session.id, books, sizing)
        doubt = _begin(engine, await archive.beginning(session.id))
        if doubt:
            return _concluded(session, "unverifiable", doubt)
        rerun = Rerun(engine, session.id, await archive.digests(session.id))
        windows, gap = await _run(rerun, archive.inputs(session))
        first = next((window for window in windows if window.differs), None)
        where = "" if first is None else await _first_difference(archive, session, first)
        cut = await archive.cut_windows(session.id)
    other = _other_platform(session)
    verdict, reason = _judge(session, rerun, windows, _Ending(where, gap, running))
    if verdict == "different" and other:
        verdict = "other platform"
    summary = rerun.summary()
    return Verification(
        session=session,
        verdict=verdict,
        reason=reason,
        windows=(*windows, *rerun.rest(), *(WindowFinding(key, CUT_OFF, None, None) for key in cut)),
        inputs=summary.inputs,
        events=summary.events,
        other_platform=other,
    )


def _begin(engine: Engine, beginning: StoredCheckpoint | None) -> str:
    """Bring a fresh engine to where the session began; why that cannot be done, empty when it can."""
    if beginning is None:
        return ""
    try:
        state = decode(beginning.state(), beginning.version)
    except (StoreError, CheckpointError) as error:
        return f"What the session went on from cannot be read: {error}"
    entries = [book.entry for book in engine.accounts.books]
    changed = next(farewells(state, entries), "") or next(iter(engine.restore(state)), "")
    return f"It cannot go on as it did: {changed}" if changed else ""


async def _run(rerun: Rerun, items: AsyncIterator[Input]) -> tuple[list[WindowFinding], int | None]:
    """What was found, and the number of the first input that is missing: nothing after it can be known."""
    windows: list[WindowFinding] = []
    async for item in items:
        if not rerun.expects(item):
            return windows, rerun.inputs + 1
        windows += rerun.add(item)
    return windows, None


async def _first_difference(archive: SessionArchive, session: StoredSession, window: WindowFinding) -> str:
    """Names the window, its inputs, and the first sale that is not as it was, if one shows it."""
    stored = window.stored or window.again
    span = "" if stored is None else f" (inputs {stored.first_input:,} to {stored.last_input:,})"
    found = f"The first window that is not as it was is {window.key}{span}: {window.finding}"
    before = await archive.exits(session.id, window.key)
    again = [(event.id.input, event.trade) for event in window.exits]
    pairs = zip_longest(before, again)
    first = next((old or new for old, new in pairs if old != new), None)
    if first is None:
        return f"{found}."
    number, trade = first
    return f"{found}, first to be seen in a trade of {trade.strategy} at input {number:,}."


def _judge(
    session: StoredSession, rerun: Rerun, windows: Sequence[WindowFinding], ending: _Ending
) -> tuple[Verdict, str]:
    if ending.difference:
        return "different", ending.difference
    doubt = _doubt(session, rerun.inputs, windows, ending)
    if doubt:
        return "unverifiable", doubt
    if ending.running:
        return "verified", f"The session goes on; everything up to input {rerun.inputs:,} is as it was."
    whole = rerun.summary()
    if whole != session.digest:
        return "different", "Every window is as it was when it closed, but not what came after the last of them."
    return "verified", f"All {whole.inputs:,} inputs give the same {whole.events:,} events."


def _doubt(session: StoredSession, inputs: int, windows: Sequence[WindowFinding], ending: _Ending) -> str:
    """Why nothing can be proven; empty when all is there."""
    if ending.gap is not None:
        return f"Input {ending.gap:,} is missing, so nothing after it can be run again."
    if any(window.finding == NOT_STORED for window in windows):
        return "A window closed whose digest is not stored."
    if ending.running:
        return ""
    if session.digest is None:
        return f"The session was cut off after input {inputs:,}: no end of it is stored."
    if inputs != session.digest.inputs:
        return f"The inputs from {inputs + 1:,} to {session.digest.inputs:,} are missing."
    return ""


def _books(session: StoredSession, entries: Sequence[Entry]) -> tuple[tuple[Book, ...], tuple[str, ...]]:
    """The session's own strategies, whatever has been added since, and the names of those that are gone."""
    known = {entry.name: entry for entry in entries}
    missing = tuple(name for name in session.strategies if name not in known)
    return tuple(Book(known[name]) for name in session.strategies if name in known), missing


def _other_platform(session: StoredSession) -> tuple[str, ...]:
    here = this_platform()
    try:
        then = msgspec.json.decode(session.platform, type=Platform)
    except msgspec.DecodeError:
        return ("recorded on a platform that is not known",)
    return tuple(f"{name} was {getattr(then, name)}, is {getattr(here, name)}" for name in then.differences(here))


def _concluded(session: StoredSession, verdict: Verdict, reason: str) -> Verification:
    return Verification(
        session=session, verdict=verdict, reason=reason, windows=(), inputs=0, events=0,
        other_platform=_other_platform(session),
    )  # fmt: skip
