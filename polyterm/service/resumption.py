"""A new session takes over what the last one knew."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from polyterm.core.input import Input
from polyterm.engine.engine import Engine
from polyterm.errors import StoreError
from polyterm.service.checkpoints import packed
from polyterm.service.journal import SUFFIX, Journalled, read_journal
from polyterm.service.recovery import Recovery, recover, recover_from
from polyterm.store.checkpoint_rows import StoredCheckpoint
from polyterm.store.location import Location
from polyterm.store.sessions import open_archive
from polyterm.store.store import Store
from polyterm.strategies.entry import Entry

RETRY_S: Final = 0.5
ANSWER_S: Final = 2.0
RECOVER_S: Final = 60.0
"""Without any progress: a session without a checkpoint may have days of inputs to repeat."""

log = logging.getLogger(__name__)
Tell = Callable[[str], None]
Put = Callable[[StoredCheckpoint], None]


async def take_over(
    place: Location, store: Store, engine: Engine, *, early: Iterable[Input], entries: Sequence[Entry], put: Put,
    tell: Tell,
) -> str:  # fmt: skip
    """Let ``engine`` go on from where the last session stopped; what is wrong with that, empty when nothing is. ``put``
    gets what it begins with.

    ``early`` are the commands that it obeyed before, and goes on to obey while this waits. ``tell`` hears what it waits
    for.
    """
    recovery = await _found(place, store, engine.session, entries, tell)
    for notice in recovery.notices:
        log.warning("%s", notice)
    if recovery.problem:
        log.error("%s", recovery.problem)
    if recovery.state is None:
        return recovery.problem
    store.note_cut(recovery.session, recovery.cut, recovery.ended_ms)
    engine.restore(recovery.state)
    beginning = engine.checkpoint()
    for item in early:  # the trading state is that of this session's own commands
        engine.apply(item)
    # It must be stored before any input of this session: by that a later one knows what this one went on from.
    put(await packed(engine.session, 0, recovery.ended_ms, beginning))
    log.info(
        "goes on from session %s: %d open positions; %d inputs since its checkpoint repeated in %.2f s",
        recovery.session, len(engine.open_positions()), recovery.inputs, recovery.took_s,
    )  # fmt: skip
    return ""


async def _is_superseded(place: Location, own: str, journal: Journalled) -> bool:
    """Whether the database knows of a session after the journal's, from another machine."""
    try:
        async with asyncio.timeout(ANSWER_S), open_archive(place) as archive:
            last = await archive.before(own)
    except (StoreError, TimeoutError):
        return False
    return last is not None and last.started_ms > journal.session.started_ms


async def _found(place: Location, store: Store, session: str, entries: Sequence[Entry], tell: Tell) -> Recovery:
    try:
        return await _looked_up(place, store, session, entries, tell)
    except Exception as error:
        log.exception("the last session could not be taken up")
        why = f"The last session could not be taken up by a defect of ours ({type(error).__name__}: {error})"
        return Recovery(problem=f"{why}: the engine began with nothing.")


async def _recovered(place: Location, store: Store, session: str, entries: Sequence[Entry], tell: Tell) -> Recovery:
    """Raises TimeoutError when nothing comes for ``RECOVER_S``."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(RECOVER_S) as patience:

        def progress(what: str) -> None:
            patience.reschedule(loop.time() + RECOVER_S)
            tell(what)

        return await recover(place, session, entries, progress, store.repeat)


async def _looked_up(place: Location, store: Store, session: str, entries: Sequence[Entry], tell: Tell) -> Recovery:
    """From the database once everything that the last session left on this machine is in it. While that takes, what
    this machine noted itself must do, unless it was restarted since: the end of its notes may be lost."""
    is_away, has_warned = False, False
    while True:
        rows = store.status.spool_rows
        journal = read_journal(place.beside(SUFFIX)) if rows or is_away else None
        since = ""
        if journal is not None and not journal.is_whole:
            since = f" (this machine was restarted since its notes of session {journal.session.id})"
            if not has_warned:
                log.warning("the database is waited for, and the notes of this machine are not used%s", since)
            journal, has_warned = None, True
        if journal is not None and not await _is_superseded(place, session, journal):
            log.warning("session %s is taken up from the notes of this machine", journal.session.id)
            return await recover_from(journal, entries, store.repeat)
        if rows:
            tell(f"waits until {rows:,} rows of the last session are in the database{since}")
        else:
            try:
                return await _recovered(place, store, session, entries, tell)
            except (StoreError, TimeoutError) as error:
                why = str(error) or f"The database did not answer within {RECOVER_S:g} s."
                log.warning("waiting for the last session: %s", why)
                tell(f"{why}{since}")
                is_away = True
        await asyncio.sleep(RETRY_S)
