"""A market in a box: a seeded price world, and servers on loopback that speak the venues' real protocols.

Nothing but the demo command and the tests imports this package.
"""
