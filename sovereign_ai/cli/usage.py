"""Wrong usage as a problem like any other: with a code, the nearest right name and what to ask next.

What Typer itself would print has no code, and says nothing to a program that asked for `--json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from typer import _click as click
from typer.core import TyperArgument

from sovereign_ai.errors import Problem, UsageError, nearest

if TYPE_CHECKING:
    from sovereign_ai.cli.output import Output


_COLUMNS = 78
"""What a help text is laid out in, on a terminal of 80."""
_ENDS = ("; ", ": ", ", and ")
"""Where the first sentence of a help text may end in a list of commands."""


def shorten(root: click.Command) -> None:
    """Let each command's line in the help above it end where a thought does, and its arguments show no type of Python's."""
    for one in root.params:
        if isinstance(one, TyperArgument):
            one.display_type_rich = lambda ctx: None  # type: ignore[method-assign]  # noqa: ARG005 - Typer names it
    below: dict[str, click.Command] = getattr(root, "commands", {})
    room = _COLUMNS - 6 - max(map(len, below), default=0)
    for command in below.values():
        whole = (command.help or "").partition("\n")[0].removesuffix(".")
        places = sorted(whole.find(end) for end in _ENDS if 0 < whole.find(end) < room)
        if len(whole) >= room and places:
            command.short_help = f"{whole[: places[-1]]}."
        shorten(command)


def refused(error: click.exceptions.UsageError, arguments: Sequence[str], root: click.Command) -> tuple[Output, UsageError]:
    """Give the way to speak that the arguments ask for, and what is wrong with them.

    Args:
        error: what the reader of arguments found.
        arguments: what was written behind the program's name.
        root: the whole program.
    """
    from sovereign_ai.cli.output import Output

    command, words = _meant(arguments, root)
    near = _near(error, command)
    asked = f"`{' '.join(('sovereign-ai', *words))} --help` shows what can be written"
    problem = Problem("usage", _message(error), hint=f"{near}{' ' if near.endswith('?') else '; '}{asked}" if near else asked)
    before_end = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    return Output(" ".join(words), "--json" in before_end), UsageError(problem)


def _meant(arguments: Sequence[str], root: click.Command) -> tuple[click.Command, list[str]]:
    """Give the command that the arguments name, and its words."""
    command, words = root, []
    for word in arguments:
        below = getattr(command, "commands", {}).get(word)
        if below is None:
            break
        command = below
        words.append(word)
    return command, words


def _message(error: click.exceptions.UsageError) -> str:
    """Say in one line what is wrong, without the suggestion, which is a hint."""
    if isinstance(error, click.exceptions.NoSuchOption):
        return f"there is no option {error.option_name}"
    if (wrong := _unknown_command(error)) is not None:
        return f"there is no command {wrong!r}"
    if (number := _no_number(error)) is not None:
        return number
    text = " ".join(error.format_message().split()).removesuffix(".").replace("Value error, ", "")
    return text[:1].lower() + text[1:]


def _no_number(error: click.exceptions.UsageError) -> str | None:
    """Say what a value is and what number was expected, if that is what is wrong; Typer's own words leave out the value."""
    param = getattr(error, "param", None)
    found: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if not found or param is None or param.type_descriptor.annotation is not int:
        return None
    span = f" from {param.min:,}" if param.min is not None else ""
    span += f" to {param.max:,}" if param.max is not None else " on" if span else ""
    return f"{param.get_error_hint()}: {str(found[0]['input'])[:40]!r} is no whole number{span}"


def _near(error: click.exceptions.UsageError, command: click.Command) -> str:
    """Name the nearest right name, where a name is wrong."""
    if isinstance(error, click.exceptions.NoSuchOption):
        known = ["--help", *(name for one in command.params for name in one.opts if name.startswith("--"))]
        return nearest(error.option_name, known)
    wrong = _unknown_command(error)
    return "" if wrong is None else nearest(wrong, list(getattr(command, "commands", {})))


def _unknown_command(error: click.exceptions.UsageError) -> str | None:
    """Give the name of a command that there is none of, if that is what is wrong."""
    start = "No such command '"
    return error.message.removeprefix(start).partition("'")[0] if error.message.startswith(start) else None
