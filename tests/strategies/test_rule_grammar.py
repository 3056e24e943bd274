"""A rule may only use operations that give the same answer on floats and on columns."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator

import pytest

from polyterm.quant.features import Features
from polyterm.strategies.base import Rule
from polyterm.strategies.registry import REGISTRY

STRUCTURE = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.Expr, ast.Yield, ast.Return, ast.Name, ast.Load, ast.Store,
    ast.Attribute, ast.Constant, ast.Tuple, ast.keyword, ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare,
)  # fmt: skip
OPERATIONS = (
    ast.Add, ast.Sub, ast.Mult, ast.BitAnd, ast.BitOr, ast.USub,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip
OFFERED = {name for name in vars(Features) if not name.startswith("_")}
CALLABLE = {"abs", "Branch", "super"}


def objections(function: ast.FunctionDef, constants: set[str]) -> Iterator[str]:
    """What is wrong with a rule's method; ``constants`` are the numbers of its module that it may name."""
    function = ast.FunctionDef(function.name, function.args, function.body, [])  # annotations are not evaluated
    for argument in function.args.args:
        argument.annotation = None
    known = {argument.arg for argument in function.args.args} | constants | CALLABLE
    known |= {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(function):
        if not isinstance(node, STRUCTURE + OPERATIONS):
            yield f"{type(node).__name__} is not allowed"
        elif isinstance(node, ast.Name) and node.id not in known:
            yield f"the name {node.id} comes from outside"
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "f" and node.attr not in OFFERED:
            yield f"f.{node.attr} is not offered"
        elif isinstance(node, ast.Call):
            yield from call_objections(node)
        elif isinstance(node, ast.Compare):
            yield from comparison_objections(node)


def call_objections(call: ast.Call) -> Iterator[str]:
    match call.func:
        case ast.Name(id=name) if name in CALLABLE:
            return
        case ast.Attribute(value=ast.Name(id="f"), attr=name) if name in OFFERED:
            return
        case ast.Attribute(value=ast.Name(id="self")) | ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
            return  # that method is looked at itself
        case _:
            yield f"a call of {ast.unparse(call.func)}"


def comparison_objections(comparison: ast.Compare) -> Iterator[str]:
    if len(comparison.ops) > 1:
        yield "a chain of comparisons hides an 'and'"
    for operand in (comparison.left, *comparison.comparators):
        if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.BitAnd | ast.BitOr):
            yield "a comparison beside & or | needs parentheses"


def methods(cls: type) -> Iterator[tuple[str, ast.FunctionDef, set[str]]]:
    """Every method on which entry and exit of a rule can rest, inherited ones included."""
    for owner in cls.__mro__[: cls.__mro__.index(Rule)]:
        module = vars(sys.modules[owner.__module__])
        constants = {name for name, value in module.items() if isinstance(value, int | float)}
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name != "__init__":
                yield f"{owner.__name__}.{node.name}", node, constants


@pytest.mark.parametrize("name", [entry.name for entry in REGISTRY])
def test_every_registered_rule_keeps_to_the_grammar(name: str) -> None:
    strategy = next(entry for entry in REGISTRY if entry.name == name).make()
    assert isinstance(strategy, Rule)
    looked_at = list(methods(type(strategy)))
    assert {"entry", "exit"} <= {where.rpartition(".")[2] for where, _, _ in looked_at}
    for where, function, constants in looked_at:
        assert list(objections(function, constants)) == [], where


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
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert list(objections(function, set()))


@pytest.mark.parametrize("statement", ["if f.up_mid > 1: pass", "while True: pass", "for x in (1, 2): pass",
                                       "import math", "assert f.up_mid", "x = 1; x += f.up_mid", "del f",
                                       "global y", "try:\n        x = 1\n    finally:\n        pass"])  # fmt: skip
def test_statements_that_branch_on_a_value_are_refused(statement: str) -> None:
    (function,) = ast.parse(f"def exit(self, f, position):\n    {statement}\n    yield position.r < 0, 'stop'").body
    assert isinstance(function, ast.FunctionDef)
    assert list(objections(function, set()))


def test_what_is_allowed_is_allowed() -> None:
    source = """
def entry(self, f):
    moved = f.spot_return(self.span_s)
    go = (f.time_remaining >= 120) & (f.ratio(abs(moved), abs(10 * moved)) <= self.most) | f.not_(moved != LIMIT)
    up, down = self.sides(f)
    yield Branch(up=go & up, down=go & down, reason="r", size=f.where(go, 70, f.low(moved, 1) - f.high(moved, -1)))
"""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert list(objections(function, {"LIMIT"})) == []
