"""From core values to styled text: pure functions that know no widget, so that every figure can be tested as text."""
