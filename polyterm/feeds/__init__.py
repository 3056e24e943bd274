"""The venues: one folder each, decoded at the edge, supervised, conflated onto the board that the collector reads."""
