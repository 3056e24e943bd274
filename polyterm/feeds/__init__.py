"""The venues: one folder each, decoded at the edge, supervised, conflated onto the board that the collector reads.

What they say can be recorded as it is received (``recorder``) and heard again by the same parts (``playback``).
"""
