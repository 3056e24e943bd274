"""What a database says of trades, windows and ticks: read-only questions, answered with typed figures.

``archive.Archives.open(location)`` gives connections, ``archives.archive()`` one ``Archive``: a consistent state of the
database, of this schema version or an earlier one (what it does not hold yet is None). The questions are functions of
an archive: ``review.review``, ``status.database_status``, ``health.health``, ``trades.trades_page``,
``windows.windows_page`` and ``research.research``; ``export.parts`` gives whole tables as streams. They never write,
need no engine and disturb none. Market time is unix ms throughout; whoever asks says what time it is.
"""
