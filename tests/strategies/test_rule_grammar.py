"""A rule may only use operations that give the same answer on floats and on columns."""

import ast
import inspect
from collections.abc import Iterator

import pytest

from polyterm.quant.features import Features, Flag
from polyterm.strategies.base import Branch, HeldValues, Rule
from polyterm.strategies.entry import Entry
from polyterm.strategies.grammar import method_objections, objections
from polyterm.strategies.registry import REGISTRY


class Sly(Rule):
    def sides(self, f: Features) -> Flag:
        return f.up_mid > 0.5 and f.spread > 0.01

    def exit(self, f: Features, position: HeldValues) -> Iterator[tuple[Flag, str]]:
        yield position.r < 0, "stop"


class Inheriting(Sly):
    def entry(self, f: Features) -> Iterator[Branch]:
        yield Branch(up=self.sides(f), reason="sly")


def complaints(source: str, constants: set[str] | None = None) -> list[str]:
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    return [text for _, text in method_objections(function, constants or set())]


@pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: entry.name)
def test_every_registered_rule_keeps_to_the_grammar(entry: Entry) -> None:
    strategy = entry.make()
    assert isinstance(strategy, Rule)
    assert list(objections(type(strategy), inspect.getsourcelines)) == []


def test_what_a_rule_inherits_is_looked_at_too() -> None:
    found = list(objections(Inheriting, inspect.getsourcelines))
    assert [(objection.where, objection.text) for objection in found] == [
        ("Sly.sides", "BoolOp is not allowed"),
        ("Sly.sides", "And is not allowed"),
    ]
    line = inspect.getsourcelines(Sly)[0][found[0].line - inspect.getsourcelines(Sly)[1]]
    assert "and" in line


@pytest.mark.parametrize(
    "expression",
    [
        "f.up_mid / 2", "f.up_mid // 2", "f.up_mid % 2", "f.up_mid ** 2", "~(f.up_mid > 1)",
        "f.up_mid > 1 and f.spread > 1", "f.up_mid > 1 or f.spread > 1", "not f.up_mid > 1",
        "1 if f.up_mid > 1 else 2", "round(f.up_mid)", "min(f.up_mid, 1)", "max(f.up_mid, 1)", "sum([1, 2])",
        "math.log(f.up_mid)", "np.abs(f.up_mid)", "f.up_mid > 1 & (f.spread > 1)", "(f.up_mid > 1) & f.spread > 1",
        "f.up_mid > 1 | f.spread", "0 < f.up_mid < 1", "f.secret(1)", "f.secret",
        "f.up_mid.real.hex()", "[x for x in f.up_mid]",
        "f.up_mid[0]", "(y := f.up_mid)", "lambda: 1", "f.up_mid is None", "f.up_mid in (1, 2)", "f'{f.up_mid}'",
        "abs(f.up_mid) @ 2", "f.up_mid << 1", "f.up_mid ^ 1", "+f.up_mid", "float(f.up_mid)", "open('x')",
    ],
)  # fmt: skip
def test_what_differs_between_floats_and_columns_is_refused(expression: str) -> None:
    source = f"def entry(self, f):\n    x = {expression}\n    yield Branch(up=x, down=x, reason='r')"
    assert complaints(source)


@pytest.mark.parametrize("statement", ["if f.up_mid > 1: pass", "while True: pass", "for x in (1, 2): pass",
                                       "import math", "assert f.up_mid", "x = 1; x += f.up_mid", "del f",
                                       "global y", "try:\n        x = 1\n    finally:\n        pass"])  # fmt: skip
def test_statements_that_branch_on_a_value_are_refused(statement: str) -> None:
    assert complaints(f"def exit(self, f, position):\n    {statement}\n    yield position.r < 0, 'stop'")


def test_what_is_allowed_is_allowed() -> None:
    source = """
def entry(self, f: Features) -> Iterator[Branch]:
    moved = f.spot_return(self.span_s)
    go = (f.time_remaining >= 120) & (f.ratio(abs(moved), abs(10 * moved)) <= self.most) | f.not_(moved != LIMIT)
    up, down = self.sides(f)
    yield Branch(up=go & up, down=go & down, reason="r", size=f.where(go, 70, f.low(moved, 1) - f.high(moved, -1)))
"""
    assert complaints(source, {"LIMIT"}) == []
