"""The vocabulary: frozen value types that every other package speaks. No behaviour that needs a clock, I/O or chance.

Prices are probabilities in [0, 1], sizes are shares, P&L is dollars, times are market time. A missing value is
``None``, never 0.5, never another source's value, and never ``nan``.
"""
