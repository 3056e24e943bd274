"""The numbered steps from one schema version to the next.

A step is frozen once it was released: it says what its version added in words of its own and never looks at the schema
of today, which later steps may have moved on.
"""

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text


def store_inputs(connection: Connection) -> None:
    """Version 2: every input with its number, digests of windows and sessions, and the strategies that ran."""
    added = {
        "ticks": ("input_number BIGINT", "input_ms BIGINT"),
        "sessions": ("strategies TEXT", "inputs BIGINT", "events BIGINT", "events_digest TEXT"),
    }
    for table, columns in added.items():
        for column in columns:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    made = MetaData()
    Table(
        "inputs",
        made,
        Column("session", Text, primary_key=True),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("payload", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    Table(
        "window_digests",
        made,
        Column("session", Text, primary_key=True),
        Column("crypto", Text, primary_key=True),
        Column("horizon", Text, primary_key=True),
        Column("window_epoch", BigInteger, primary_key=True, autoincrement=False),
        *(Column(name, BigInteger, nullable=False) for name in ("first_input", "last_input", "closed_ms")),
        *(Column(name, BigInteger, nullable=False) for name in ("inputs", "events")),
        *(Column(name, Text, nullable=False) for name in ("inputs_digest", "events_digest")),
        Column("session_events", BigInteger, nullable=False),
        Column("session_digest", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    made.create_all(connection)


def note_gaps(connection: Connection) -> None:
    """Version 3: what is missing of a series, on rows of its own and on the windows it touches."""
    for column in ("official_delay_ms BIGINT", "gap_count BIGINT", "gap_s BIGINT"):
        connection.exec_driver_sql(f"ALTER TABLE windows ADD COLUMN {column}")
    made = MetaData()
    Table(
        "gaps",
        made,
        *(Column(name, Text, primary_key=True) for name in ("crypto", "horizon", "feed")),
        Column("from_ms", BigInteger, primary_key=True, autoincrement=False),
        *(Column(name, BigInteger, nullable=False) for name in ("to_ms", "missing")),
        *(Column(name, Text, nullable=False) for name in ("reason", "session")),
    )
    made.create_all(connection)
