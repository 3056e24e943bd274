"""A recording played to consoles: read once, kept small, and moved through at any speed."""
