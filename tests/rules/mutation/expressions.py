r"""Mutants of CEL expressions: each operand of `&&` and `||` made true, each word of a list left out, each
number moved by one.

>>> [str(one) for one in mutants('a.b && (c > 9 || d in ["x", "y"])')][:3]
['true: `a.b`', 'true: `(c > 9 || d in ["x", "y"])`', 'true: `c > 9`']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"')
_LIST = re.compile(r'\["(?:[^"\\]|\\.)*"(?:, "(?:[^"\\]|\\.)*")*\]')
_NUMBER = re.compile(r"(?<![\w.$])\d+(?![\w.])")


@dataclass(frozen=True)
class Mutant:
    """One change of an expression.

    Attributes:
        change: what was changed, in words.
        expression: the expression with it.
    """

    change: str
    expression: str

    def __str__(self) -> str:
        """Write the change."""
        return self.change


def mutants(expression: str) -> Iterator[Mutant]:
    """Give every mutant of an expression, its parts from left to right, the outer ones first."""
    for begin, end in _operands(expression):
        part = expression[begin:end]
        yield Mutant(f"true: `{part}`", f"{expression[:begin]}true{expression[end:]}")
    for found in _LIST.finditer(expression):
        words = _WORD.findall(found[0])
        for word in words:
            rest = ", ".join(one for one in words if one != word)
            yield Mutant(
                f"without {word} in {found[0][:60]}",
                f"{expression[: found.start()]}[{rest}]{expression[found.end() :]}",
            )
    masked = _masked(expression)
    for found in _NUMBER.finditer(masked):
        for number in (int(found[0]) - 1, int(found[0]) + 1):
            yield Mutant(
                f"{number} for {found[0]}",
                f"{expression[: found.start()]}{number}{expression[found.end() :]}",
            )


def _masked(text: str) -> str:
    """Blank out what stands in quotation marks, so that no sign in it counts."""
    return _WORD.sub(lambda found: '"' + "_" * (len(found[0]) - 2) + '"', text)


def _operands(expression: str) -> Iterator[tuple[int, int]]:
    """Give begin and end of every operand of `&&` and `||`, at any depth.

    A whole expression without either is its own operand.
    """
    masked = _masked(expression)
    todo = [(0, len(masked))]
    while todo:
        begin, end = todo.pop(0)
        parts = [part for part in _split(masked, begin, end) if masked[part[0] : part[1]].strip()]
        if len(parts) > 1 or (begin, end) == (0, len(masked)):
            yield from (_trimmed(masked, *part) for part in parts)
        for part in parts:
            todo += _inner(masked, *part)


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    """Leave the spaces around an operand out."""
    while text[begin] == " ":
        begin += 1
    while text[end - 1] == " ":
        end -= 1
    return begin, end


def _split(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Split at the operators and commas that lie in no bracket of their own; `?` and `:` part a choice."""
    depth, start, position = 0, begin, begin
    while position < end:
        sign = text[position]
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif depth == 0 and text[position : position + 2] in {"&&", "||"}:
            yield start, position
            start = position = position + 2
            continue
        elif depth == 0 and text[position : position + 3] in {" ? ", " : "}:
            yield start, position
            start = position = position + 3
            continue
        elif depth == 0 and sign == ",":
            yield start, position
            start = position + 1
        position += 1
    yield start, end


def _inner(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Give what stands in each outermost round bracket."""
    found, depth, start = [], 0, begin
    for position in range(begin, end):
        if text[position] == "(":
            depth += 1
            if depth == 1:
                start = position + 1
        elif text[position] == ")":
            depth -= 1
            if depth == 0:
                found.append((start, position))
    return found
