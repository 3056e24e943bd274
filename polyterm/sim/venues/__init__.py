"""One server per venue, each translating the same world into its own wire format."""
