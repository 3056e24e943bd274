"""Which kind of lease belongs to which database."""

from polyterm.service.lease import FileLease, Lease, this_process
from polyterm.service.lease_postgres import PostgresLease
from polyterm.store.location import Location, SqliteFile


def lease_of(location: Location, instance: str) -> Lease:
    """The lease of that database for this process, not taken yet."""
    if isinstance(location, SqliteFile):
        return FileLease(location.beside(".lease"), this_process(instance))
    return PostgresLease(location, this_process(instance))
