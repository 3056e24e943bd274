"""Which kind of lease belongs to which database, and what becomes of rows whose writer has lost it."""

import logging

from polyterm.service.lease import FileLease, Lease, this_process
from polyterm.service.lease_postgres import PostgresLease
from polyterm.store.location import Location, SqliteFile
from polyterm.store.relay import SPOOL_SUFFIX
from polyterm.store.spool import put_aside

log = logging.getLogger(__name__)


def lease_of(location: Location, instance: str) -> Lease:
    """The lease of that database for this process, not taken yet."""
    if isinstance(location, SqliteFile):
        return FileLease(location.beside(".lease"), this_process(instance))
    return PostgresLease(location, this_process(instance))


def disown(location: Location) -> None:
    """Keep rows that were not delivered in time from ever being: the successor has gone on without them."""
    if (aside := put_aside(location.beside(SPOOL_SUFFIX))) is not None:
        log.error("rows that were not delivered lie in %s: 'polyterm db deliver' shows and delivers them", aside)
