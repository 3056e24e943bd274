"""The running engine: the composition root, its lease and latch, and the status server that consoles attach to."""
