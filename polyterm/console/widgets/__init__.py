"""Widgets: each takes lines made by ``console.view`` and repaints those that changed."""
