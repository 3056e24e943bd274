"""What every network part shares: clocks, back-off, the supervised socket and the HTTP client."""
