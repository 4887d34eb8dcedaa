"""Which items an expression of CEL selects.

chosen_by("node.pool == 'train'", "node", {"train-001": {"pool": "train"}})     # -> ['train-001']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.rules.cel.library import Context, compile_program

_LONGEST = 200


class ExpressionError(ValueError):
    """An expression cannot be read, or cannot be decided for some item."""


def chosen_by(expression: str, name: str, items: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the keys of the items for which an expression is true, in their order.

    Args:
        expression: of CEL; it is either true or false for each item.
        name: what it calls the item.
        items: each with its fields.

    Raises:
        ExpressionError: it cannot be read, a field is missing or of another type, or a result is no truth
            value.
    """
    try:
        program = compile_program(expression)
    except (KeyboardInterrupt, SystemExit):
        raise
    # A panic of the evaluator is a BaseException.
    except BaseException as error:
        raise ExpressionError(_first_line(error)) from error
    keys = []
    for key, fields in items.items():
        result = _evaluate(program, {name: fields}, key)
        if not isinstance(result, bool):
            message = f"of {key} it is {str(result)[:_LONGEST]!r}, which is neither true nor false"
            raise ExpressionError(message)
        if result:
            keys.append(key)
    return keys


def _evaluate(program: Any, variables: dict[str, Any], key: str) -> object:
    """Return the value of an expression for one item."""
    try:
        return program.execute(Context(variables))
    except (KeyboardInterrupt, SystemExit):
        raise
    except KeyError as error:
        message = f"there is no field {error.args[0]!r}"
        raise ExpressionError(message) from error
    except BaseException as error:
        message = f"it cannot be decided of {key}: {_first_line(error)}"
        raise ExpressionError(message) from error


def _first_line(error: BaseException) -> str:
    """Return the first line of an evaluator's error, without its repetition of the expression."""
    text = str(error).strip().partition("\n")[0]
    return text.partition("ERROR: ")[2][:_LONGEST] or text[:_LONGEST]
