"""polyterm: a terminal trading console for Polymarket's short crypto Up or Down markets.

Data flows one way: ``feeds`` decode the venues, the ``collector`` makes one tick per market and second, the pure
``engine`` turns numbered inputs into events, and ``store``, ``service`` and ``console`` consume those events. The only
thing that travels the other way is a command. Each package's docstring says what belongs in it.
"""

__version__ = "0.1.0"
