"""The status server: health, state, positions and trades as JSON, three commands, and the link that consoles join."""
