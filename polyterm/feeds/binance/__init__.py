"""Binance spot: best bid and ask for the price, trades for the clock check and as a fallback."""
