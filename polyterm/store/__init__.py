"""Where everything that happened is kept: one schema, one writer, questions on their own connection.

What the runtime needs:

- ``location.locate(db, data_dir)``: the SQLite file or the PostgreSQL server that the ``db`` setting names.
- ``store.Store.open(location, session=rows.SessionInfo(...), on_durable=...)`` brings the schema up to date. ``run()``
  is the one writer task; ``submit(item, events, digests)`` and ``put_state(key, json, at_ms)`` never block; ``status``
  says how it stands and how much waits where; ``close()`` flushes and raises StoreError when something could not be
  written in time.
- ``queries.Reader.open(path)``: ``trades(query, now_ms)``, ``state(key)``, ``unresolved(since_ms)`` (windows whose
  official result is not stored), ``newest_slots(series)``, and ``leftovers``: ``held_before(session)`` (what nobody has
  closed) and ``contradicted(since_s)`` (trades that an official result does), read-only, also while the engine writes.
- ``store.note_gaps(gaps)``: what a series lacks, as rows and on the windows touched. ``side_totals`` sums up trades by
  window, strategy and side for the analysis of conflicts.
- ``sessions.open_archive(path)``: what a session was given, input by input, and the digests it came to.
  ``history.read_store(path, span)``: ticks and windows of a span of time, whoever stored them.
- ``reports``: what people and dashboards ask; ``reader.archives`` are the connections for it in a running engine.

Which database it is, ``location`` says; ``database`` connects to either and puts what they refuse in words. ``schema``
is the newest one, ``migrations`` bring older ones there, ``adoption`` takes over tables of the field's earlier system,
``pruning`` gives old ticks up.

On its way a row is in the ``intake`` (memory, bounded), then it is put to a ``target``: the SQLite file, or the
``relay``, which writes to the server while that answers, and else into the ``spool``, a file of this machine whose rows
it delivers later, in order. How each kind of row is written is one entry of ``statements``; what an event leaves behind
is in ``writer``; ``lines`` is the form in which rows travel.

An event is announced (``on_durable``) after the commit that holds it and every tick submitted before it, in the order
of submission. Times of the reference's TIMESTAMP columns are UTC; the truth is in the ``*_ms`` columns (unix ms, market
time). Nothing here reads a clock but to measure how long a write has been waiting.
"""
