"""What makes one session go on where the last one stopped, from its first moment to its last."""

import logging
from collections.abc import Iterable, Sequence

from polyterm.core.event import Event
from polyterm.core.input import Input
from polyterm.engine.engine import Engine
from polyterm.errors import StoreError
from polyterm.service.checkpoints import CheckpointKeeper
from polyterm.service.journal import SUFFIX, Journal
from polyterm.service.resumption import Tell, take_over
from polyterm.store.checkpoint_rows import StoredCheckpoint
from polyterm.store.location import Location, PostgresServer
from polyterm.store.rows import SessionInfo
from polyterm.store.store import Store
from polyterm.strategies.entry import Entry

log = logging.getLogger(__name__)


class Continuity:
    """Of the session of ``engine``. A server may be away at the next start, so beside one a journal is kept."""

    def __init__(self, engine: Engine, entries: Sequence[Entry]) -> None:
        self._engine = engine
        self._entries = tuple(entries)
        self._keeper = CheckpointKeeper(engine)
        self._journal: Journal | None = None
        self._store: Store | None = None

    async def begin(
        self, place: Location, store: Store, session: SessionInfo, *, early: Iterable[Input], tell: Tell
    ) -> str:  # fmt: skip
        """See ``take_over``."""
        self._store = store
        if isinstance(place, PostgresServer):
            self._journal = Journal(place.beside(SUFFIX), session)
        problem = await take_over(
            place, store, self._engine, early=early, entries=self._entries, put=self._put, tell=tell
        )
        if self._journal is not None and not self._journal.begun:
            self._journal.begin(None)
        return problem

    def note(self, item: Input, events: Sequence[Event]) -> None:
        """An input that was applied and submitted."""
        self._keeper.note(item, events)
        if self._journal is not None:
            self._journal.add(item)

    async def run(self) -> None:
        """Take checkpoints when they are due, until cancelled."""
        await self._keeper.run(self._put)

    async def end(self, inputs: int) -> None:
        """The last checkpoint; ``inputs`` is how many the engine was given."""
        try:
            if self._keeper.number == inputs > 0:  # else one broke off in the middle, or came too late to be stored
                await self._keeper.keep(self._put)
        except StoreError as error:
            log.warning("no checkpoint of the end: %s", error)
        finally:
            if self._journal is not None:
                self._journal.close()

    def _put(self, checkpoint: StoredCheckpoint) -> None:
        if self._store is not None:
            self._store.put_checkpoint(checkpoint)
        if self._journal is not None:
            self._journal.begin(checkpoint)
