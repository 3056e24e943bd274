"""One input in, events out: paper books, fills, windows, scoreboard, conflicts. No clock, no I/O, no chance."""
