"""What every network part shares: clocks, back-off, the supervised socket, the HTTP client and its tap."""
