"""What a rule asks, in words: its expressions as text, under the names by which the rule asked for them."""

from collections.abc import Callable
from typing import Any, Final

from polyterm.quant.definitions import FEATURES
from polyterm.quant.expression import Node

_COMBINATORS: Final = {"ratio", "low", "high", "where", "not_", "known"}
_SIGNS: Final = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠", "-": "−", "*": "·", "&": "and", "|": "or"}
_TIGHT: Final = {"*": 3, "+": 2, "-": 2}
"""How tightly an arithmetic sign binds; comparisons and conditions bind least."""

_PHRASES: Final = {
    "abs": "|{0}|",
    "low": "the lower of {0} and {1}",
    "high": "the higher of {0} and {1}",
    "is_known": "{0} is known",
}
_WORDS: Final = {
    "time_remaining": "time left",
    "up_mid": "Up mid",
    "up_bid": "Up bid",
    "up_ask": "Up ask",
    "up_bid_size": "Up bid size",
    "up_ask_size": "Up ask size",
    "down_bid": "Down bid",
    "down_ask": "Down ask",
    "distance": "distance to strike",
    "oracle_distance": "oracle's distance to strike",
    "oracle_age_s": "oracle age",
    "favourite_mid": "favourite's mid",
    "favourite_spread_pct": "favourite's spread %",
    "spread_pct": "spread %",
    "spread_zscore": "spread z-score",
    "divergence": "spot − oracle",
    "btc_move": "btc's move",
    "settlement_fair_value": "fair value of the average",
    "long_span_s": "history seen of",
    "held_s": "held",
    "r": "return",
    "peak_r": "peak return",
}


class Naming:
    """``FEATURES``, remembering under which name each value was asked for.

    A rule that is given it instead of features gives the same expressions.
    """

    def __init__(self) -> None:
        self._names: dict[int, tuple[Node, str]] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(FEATURES, name)
        if isinstance(found, Node):
            return self._named(found, _words(name))
        return found if name in _COMBINATORS else self._naming(name, found)

    def _naming(self, name: str, feature: Callable[..., Node]) -> Callable[..., Node]:
        def asked(*args: Any) -> Node:
            spans = [f" {arg} s" for arg in args if isinstance(arg, int)]
            return self._named(feature(*args), _words(name) + "".join(spans))

        return asked

    def _named(self, value: Node, name: str) -> Node:
        self._names.setdefault(id(value), (value, name))  # holds the node, so that its id stays its own
        return value

    def name(self, value: Node) -> str | None:
        """The name under which that very value was asked for."""
        found = self._names.get(id(value))
        return None if found is None else found[1]

    def text(self, value: Node) -> str:
        """``value`` in the field's notation, numbers in at most ten digits."""
        return self._text(value, 0)

    def _text(self, value: Node, outside: int) -> str:
        name = self.name(value)
        if name is not None:
            return name
        if value.kind in {"constant", "flag"}:
            number = value.args[0]
            return f"{number:.10g}".replace("-", "−") if value.kind == "constant" else str(number).lower()
        if value.kind != "operation":
            return _words(value.name)
        return self._operation(value, outside)

    def _operation(self, value: Node, outside: int) -> str:
        sign = value.name
        if sign == "neg":
            return f"−{self._text(value.args[0], 3)}"
        if sign == "where":
            condition, then, otherwise = (self._text(child, 0) for child in value.args)
            return f"({then} if {condition}, else {otherwise})"
        if len(value.args) == 2 and not sign.isidentifier():
            tight = _TIGHT.get(sign, 1)
            if sign in {"&", "|"}:
                left, right = (self._text(child, 0 if child.name == sign else 1) for child in value.args)
            else:
                left, right = self._text(value.args[0], tight), self._text(value.args[1], tight + (sign == "-"))
            written = f"{left} {_SIGNS.get(sign, sign)} {right}"
            return f"({written})" if tight < outside or (outside and tight == 1) else written
        return self._call(sign, value.args)

    def _call(self, name: str, args: tuple[Node, ...]) -> str:
        if name == "ratio":
            return f"{self._text(args[0], 3)} / {self._text(args[1], 4)}"
        if name == "not_":
            return f"not {self._text(args[0], 2)}"
        texts = [self._text(child, 0) for child in args]
        phrase = _PHRASES.get(name)
        return f"{_words(name)}({', '.join(texts)})" if phrase is None else phrase.format(*texts)


def _words(name: str) -> str:
    return _WORDS.get(name) or name.replace("_", " ")
