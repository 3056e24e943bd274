"""Where everything that happened is kept: one schema, one writer, questions on their own connection.

What the runtime needs:

- ``location.locate(db, data_dir)``: the SQLite file that the ``db`` setting names, or a ConfigError.
- ``store.Store.open(path, session=rows.SessionInfo(...), on_durable=...)`` brings the schema up to date. ``run()`` is
  the one writer task; ``submit(item, events, digests)`` and ``put_state(key, json, at_ms)`` never block; ``status`` is
  (state, reason, pending); ``close()`` flushes and raises StoreError when something could not be written in time.
- ``queries.Reader.open(path)``: ``trades(query, now_ms)`` and ``state(key)``, read-only, also while the engine writes.
- ``sessions.open_archive(path)``: what a session was given, input by input, and the digests it came to.
  ``history.read_store(path, span)``: ticks and windows of a span of time, whoever stored them.

An event is announced (``on_durable``) after the commit that holds it and every tick submitted before it, in the order
of submission. Times of the reference's TIMESTAMP columns are UTC; the truth is in the ``*_ms`` columns (unix ms, market
time). Nothing here reads a clock but to measure how long a write has been waiting.
"""
