"""Mutants of rules in Python: a finding left out, a condition never met, a comparison turned or moved to its
edge, a number off by one.

A mutant replaces the code of a function where it stands, so that everything which refers to the
function meets it, and puts it back.

    for mutant in mutants(transfers):
        with mutant.planted(): ...
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_FALSE = ast.Constant(value=False)


@dataclass(frozen=True)
class Mutant:
    """One changed function.

    Attributes:
        function: the function that is changed.
        change: what was changed, in words.
        line: where, in the module.
        code: its code with the change.
    """

    function: FunctionType
    change: str
    line: int
    code: Any

    def __str__(self) -> str:
        """Name it by its function, so that a line more elsewhere changes no name."""
        return f"{self.function.__module__.rpartition('.')[2]}.py {self.function.__name__}: {self.change}"

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have the change for a while."""
        sound = self.function.__code__
        self.function.__code__ = self.code
        try:
            yield
        finally:
            self.function.__code__ = sound


def mutants(module: ModuleType) -> Iterator[Mutant]:
    """Give every mutant of every function of a module."""
    tree = ast.parse(inspect.getsource(module))
    for node in (one for one in tree.body if isinstance(one, ast.FunctionDef)):
        function = getattr(module, node.name)
        for change, line, changed in _changed(node):
            yield Mutant(function, change, line, _code(changed, module, node.name))


def _code(node: ast.FunctionDef, module: ModuleType, name: str) -> Any:
    """Compile one function as a part of its module."""
    whole = ast.fix_missing_locations(ast.Module(body=[*_FUTURE.body, node], type_ignores=[]))
    names = dict(vars(module))
    exec(compile(whole, str(module.__file__), "exec"), names)  # noqa: S102 - our own source, with one change
    return names[name].__code__


_FUTURE = ast.parse("from __future__ import annotations")


def _changed(node: ast.FunctionDef) -> Iterator[tuple[str, int, ast.FunctionDef]]:
    """Give the function with each change in turn."""
    count = sum(1 for _ in _places(node))
    for number in range(count):
        copy = deepcopy(node)
        change, line, apply = next(one for at, one in enumerate(_places(copy)) if at == number)
        apply()
        yield change, line, copy


def _places(node: ast.FunctionDef) -> Iterator[tuple[str, int, Callable[[], None]]]:
    """Give every place that can be changed, what the change is, and the change itself."""
    for parent in ast.walk(node):
        for name, value in ast.iter_fields(parent):
            items = value if isinstance(value, list) else [value]
            for position, item in enumerate(items):
                if isinstance(item, ast.AST):
                    yield from _of(parent, name, position if isinstance(value, list) else None, item)


def _of(
    parent: ast.AST, name: str, position: int | None, item: ast.AST
) -> Iterator[tuple[str, int, Callable[[], None]]]:
    """Give the changes of one node."""

    def put(new: ast.AST) -> None:
        if position is None:
            setattr(parent, name, new)
        else:
            getattr(parent, name)[position] = new

    line = getattr(item, "lineno", 0)
    for change, new in _replaced(item):
        yield change, line, partial(put, new)
    if isinstance(item, ast.comprehension):
        for number, test in enumerate(item.ifs):
            yield f"without if `{ast.unparse(test)[:60]}`", test.lineno, partial(item.ifs.__delitem__, number)


def _replaced(item: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Give what may stand in a node's place."""
    if isinstance(item, ast.stmt):
        yield from _statement(item)
    elif isinstance(item, ast.expr):
        yield from _expression(item, ast.unparse(item)[:70])


def _statement(item: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """Leave a statement out, or never meet its condition."""
    if isinstance(item, ast.Expr) and isinstance(item.value, ast.Yield | ast.YieldFrom | ast.Call):
        yield f"without `{ast.unparse(item)[:70]}`", ast.If(test=_FALSE, body=[item], orelse=[])
    elif isinstance(item, ast.Return) and item.value is not None:
        yield f"nothing for `{ast.unparse(item)[:70]}`", ast.Return(value=ast.List(elts=[], ctx=ast.Load()))
    elif isinstance(item, ast.If):
        yield (
            f"never `{ast.unparse(item.test)[:70]}`",
            ast.If(test=_FALSE, body=item.body, orelse=item.orelse),
        )


def _expression(item: ast.expr, shown: str) -> Iterator[tuple[str, ast.AST]]:
    """Turn a comparison, drop a part of a condition, move a number."""
    if isinstance(item, ast.IfExp):
        yield (
            f"never `{ast.unparse(item.test)[:70]}`",
            ast.IfExp(test=_FALSE, body=item.body, orelse=item.orelse),
        )
    elif isinstance(item, ast.Compare) and type(item.ops[0]) in _TURNED:
        turned = _TURNED[type(item.ops[0])]()
        yield (
            f"turned `{shown}`",
            ast.Compare(left=item.left, ops=[turned, *item.ops[1:]], comparators=item.comparators),
        )
    elif isinstance(item, ast.BoolOp):
        for number, value in enumerate(item.values):
            rest = [one for at, one in enumerate(item.values) if at != number]
            less = rest[0] if len(rest) == 1 else ast.BoolOp(op=item.op, values=rest)
            yield f"without `{ast.unparse(value)[:60]}` in `{shown}`", less
    elif isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.Not):
        yield f"without not in `{shown}`", item.operand
    elif isinstance(item, ast.Constant) and type(item.value) is int:
        for number in (item.value - 1, item.value + 1):
            yield f"{number} for {item.value}", ast.Constant(value=number)
