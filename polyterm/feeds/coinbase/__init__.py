"""Coinbase spot, quoted in dollars: decoding only in this version."""
