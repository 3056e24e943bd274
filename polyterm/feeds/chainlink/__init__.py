"""Chainlink's price feeds on Polygon: a secondary reference with a visible age, never the settlement price."""
