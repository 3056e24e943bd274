"""Polymarket: finding a window's market, its order books over the market channel, and its result.

``wire``, ``gamma_wire``, ``clob_wire`` and ``user_wire`` decode the venue's messages; ``book`` and ``books`` keep what
they say (no I/O); ``channel`` and ``discovery`` talk to the venue.
"""
