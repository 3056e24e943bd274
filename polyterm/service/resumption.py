"""A new session takes over what the last one knew."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from polyterm.core.input import Input
from polyterm.engine.engine import Engine
from polyterm.errors import StoreError
from polyterm.service.checkpoints import packed
from polyterm.service.journal import SUFFIX, read_journal
from polyterm.service.recovery import Recovery, recover, recover_from
from polyterm.store.checkpoint_rows import StoredCheckpoint
from polyterm.store.location import Location
from polyterm.store.store import Store
from polyterm.strategies.entry import Entry

RETRY_S: Final = 0.5

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
    store.repeat(recovery.events)
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


async def _found(place: Location, store: Store, session: str, entries: Sequence[Entry], tell: Tell) -> Recovery:
    """From the database once everything that the last session left on this machine is in it. While that takes, what
    this machine noted itself must do."""
    is_away = False
    while True:
        rows = store.status.spool_rows
        journal = read_journal(place.beside(SUFFIX)) if rows or is_away else None
        if journal is not None:
            log.warning("session %s is taken up from the notes of this machine", journal.session.id)
            return await recover_from(journal, entries)
        if not rows:
            try:
                return await recover(place, session, entries, tell)
            except StoreError as error:
                log.warning("waiting for the last session: %s", error)
                tell(str(error))
                is_away = True
            except Exception as error:
                log.exception("the last session could not be taken up")
                why = f"by a defect of ours ({type(error).__name__}: {error})"
                return Recovery(
                    problem=f"The last session could not be taken up, {why}: the engine began with nothing."
                )
        else:
            tell(f"waits until {rows:,} rows of the last session are in the database")
        await asyncio.sleep(RETRY_S)
