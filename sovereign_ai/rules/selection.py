"""Which of some things an expression of CEL chooses.

chosen_by("node.pool == 'train'", "node", {"train-001": {"pool": "train"}})     # -> ['train-001']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.rules.cel_library import Context, compile_program

_LONGEST = 200


class ExpressionError(ValueError):
    """An expression cannot be read, or cannot be decided of some thing."""


def chosen_by(expression: str, name: str, things: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the keys of the things of which an expression is true, in their order.

    Args:
        expression: of CEL; it is either true or false of each thing.
        name: what it calls the thing.
        things: each with its fields.

    Raises:
        ExpressionError: it cannot be read, a field is missing or of another type, or an answer is no truth
            value.
    """
    try:
        program = compile_program(expression)
    except (KeyboardInterrupt, SystemExit):
        raise
    # A panic of the evaluator is a BaseException.
    except BaseException as error:
        raise ExpressionError(_said(error)) from error
    keys = []
    for key, fields in things.items():
        answer = _answer(program, {name: fields}, key)
        if not isinstance(answer, bool):
            message = f"of {key} it is {str(answer)[:_LONGEST]!r}, which is neither true nor false"
            raise ExpressionError(message)
        if answer:
            keys.append(key)
    return keys


def _answer(program: Any, variables: dict[str, Any], key: str) -> object:
    """Return what an expression is of one thing."""
    try:
        return program.execute(Context(variables))
    except (KeyboardInterrupt, SystemExit):
        raise
    except KeyError as error:
        message = f"there is no field {error.args[0]!r}"
        raise ExpressionError(message) from error
    except BaseException as error:
        message = f"it cannot be decided of {key}: {_said(error)}"
        raise ExpressionError(message) from error


def _said(error: BaseException) -> str:
    """Return the first line of what an evaluator says, without its repetition of the expression."""
    text = str(error).strip().partition("\n")[0]
    return text.partition("ERROR: ")[2][:_LONGEST] or text[:_LONGEST]
