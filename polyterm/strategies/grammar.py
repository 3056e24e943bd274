"""What a rule may say: only operations that give the same answer on floats and on columns."""

import ast
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from polyterm.quant.features import Features
from polyterm.strategies.base import Rule

Source = Callable[[type], tuple[list[str], int]]
"""The lines of a class and the number of the first one, as ``inspect.getsourcelines`` gives them."""

_STRUCTURE: Final = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.Expr, ast.Yield, ast.Return, ast.Name, ast.Load, ast.Store,
    ast.Attribute, ast.Constant, ast.Tuple, ast.keyword, ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare,
)  # fmt: skip
_OPERATIONS: Final = (
    ast.Add, ast.Sub, ast.Mult, ast.BitAnd, ast.BitOr, ast.USub,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip
_OFFERED: Final = frozenset(name for name in vars(Features) if not name.startswith("_"))
_CALLABLE: Final = frozenset(("abs", "Branch", "super"))


class Objection(msgspec.Struct, frozen=True):
    """``line`` counts in the text that the rule was read from."""

    line: int
    where: str
    text: str


def objections(rule: type[Rule], source: Source) -> Iterator[Objection]:
    """What is wrong with a rule: with every method on which its entry and exit can rest, inherited ones included."""
    for owner in rule.__mro__[: rule.__mro__.index(Rule)]:
        lines, first = source(owner)
        module = vars(sys.modules[owner.__module__])
        constants = {name for name, value in module.items() if isinstance(value, int | float)}
        for node in ast.walk(ast.parse(textwrap.dedent("".join(lines)))):
            if isinstance(node, ast.FunctionDef) and node.name != "__init__":
                for line, text in method_objections(node, constants):
                    yield Objection(first + line - 1, f"{owner.__name__}.{node.name}", text)


def method_objections(function: ast.FunctionDef, constants: set[str]) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of one method; ``constants`` are the numbers of its module that it may name."""
    names = {argument.arg for argument in function.args.args} | constants | _CALLABLE
    names |= {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for part in function.body:
        for node in ast.walk(part):
            line = getattr(node, "lineno", part.lineno)
            for text in _node_objections(node, names):
                yield line, text


def _node_objections(node: ast.AST, names: set[str]) -> Iterator[str]:
    if not isinstance(node, _STRUCTURE + _OPERATIONS):
        yield f"{type(node).__name__} is not allowed"
    elif isinstance(node, ast.Name) and node.id not in names:
        yield f"the name {node.id} comes from outside"
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "f" and node.attr not in _OFFERED:
        yield f"f.{node.attr} is not offered"
    elif isinstance(node, ast.Call):
        yield from _call_objections(node)
    elif isinstance(node, ast.Compare):
        yield from _comparison_objections(node)


def _call_objections(call: ast.Call) -> Iterator[str]:
    match call.func:
        case ast.Name(id=name) if name in _CALLABLE:
            return
        case ast.Attribute(value=ast.Name(id="f"), attr=name) if name in _OFFERED:
            return
        case ast.Attribute(value=ast.Name(id="self")) | ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
            return  # that method is looked at itself
        case _:
            yield f"a call of {ast.unparse(call.func)}"


def _comparison_objections(comparison: ast.Compare) -> Iterator[str]:
    if len(comparison.ops) > 1:
        yield "a chain of comparisons hides an 'and'"
    for operand in (comparison.left, *comparison.comparators):
        if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.BitAnd | ast.BitOr):
            yield "a comparison beside & or | needs parentheses"
