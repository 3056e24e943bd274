"""Screens. All of them carry the status bar and the keys that act everywhere."""
