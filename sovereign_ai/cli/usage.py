"""Wrong usage as a problem like any other: with a code, the nearest right name and the help to read next.

The messages of Typer itself have no code, and are no JSON for a program that asked for `--json`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from typer import TyperException
from typer.core import TyperArgument

from sovereign_ai.errors import Problem, UsageError, closest, nearest, with_more
from sovereign_ai.text import hide_announced

if TYPE_CHECKING:
    from sovereign_ai.cli.output import Output


_COLUMNS = 78
"""The columns that a help text is laid out in, on a terminal of 80."""
_MARGIN = 6
"""Blanks before a command's name, between name and help, and after the help."""
_ENDS = ("; ", ": ", ", and ")
"""Where the first sentence of a help text may end in a list of commands."""
_LONGEST_VALUE = 40
_NUMBERS = {int: "whole number", float: "number"}
"""What an option takes, by the type of its values."""
_NO_CHOICE = re.compile(r"(?:Value error, )?'(.*)' is not one of ('.*')\.?$", re.DOTALL)
"""Typer's message for a value that an option does not choose from: the value, and the choices."""


class Command(Protocol):
    """What is read and written here of a command of Typer, which exports no name for its class.

    Attributes:
        help: its help text.
        short_help: its line in the help of its group, where that is not the beginning of `help`.
        params: its arguments and options.
    """

    help: str | None
    short_help: str | None
    params: list[Any]


def is_help(error: TyperException) -> bool:
    """Return whether an error is the help text of a group that was called without a command."""
    return _is_a(error, "NoArgsIsHelpError")


def _is_a(error: TyperException, name: str) -> bool:
    """Return whether an error is of a class of Typer, by name: of these classes Typer exports one alone."""
    return type(error).__name__ == name


def shorten(root: Command) -> None:
    """Prepare the help texts of a command and of all commands below it.

    The line of a command in the help of its group ends where a clause ends, and what is to be written is
    named in capital letters, without a Python type.
    """
    for parameter in root.params:
        _name_value(parameter)
    commands: dict[str, Command] = getattr(root, "commands", {})
    room = _COLUMNS - _MARGIN - max(map(len, commands), default=0)
    for command in commands.values():
        if (short := _first_clause(command.help or "", room)) is not None:
            command.short_help = short
        shorten(command)


def _name_value(parameter: Any) -> None:
    """Name what an argument, or an option that has no name for its value, takes."""
    if isinstance(parameter, TyperArgument):
        # Typer has no setting for it: the type of an argument is shown unless this method returns None.
        parameter.display_type_rich = _no_type  # type: ignore[method-assign]
        parameter.metavar = parameter.metavar or (parameter.name or "").upper()
        return
    if parameter.metavar is not None or parameter.is_flag:
        return
    if parameter.type_descriptor.is_choice:
        choices = "|".join(map(str, parameter.type_descriptor.choices))
        parameter.metavar = f"<{choices}>"
    elif parameter.type_descriptor.is_path:
        parameter.metavar = "PATH"


def _no_type(ctx: object) -> None:
    """Show no type."""


def _first_clause(text: str, room: int) -> str | None:
    """Return the longest beginning of a help text that ends with a clause and has room.

    None if the text fits, or none does.
    """
    sentence = text.partition("\n")[0].removesuffix(".")
    if len(sentence) < room:
        return None
    ends = []
    for end in _ENDS:
        position = sentence.find(end)
        if 0 < position < room:
            ends.append(position)
    return f"{sentence[: max(ends)]}." if ends else None


def refused(error: TyperException, arguments: Sequence[str], root: Command) -> tuple[Output, UsageError]:
    """Return the output that the arguments ask for, and the error that describes what is wrong with them.

    Args:
        error: the error of the argument parser.
        arguments: the words after the program's name.
        root: the whole program.
    """
    command, words = _named_command(arguments, root)
    program = " ".join(("sovereign-ai", *words))
    hint = f"`{program} --help` shows its arguments and options"
    if suggestion := _nearest_name(error, command):
        hint = with_more(suggestion, hint)
    problem = Problem("usage", hide_announced(_message(error)), hint=hint)
    return output_of(arguments, root), UsageError(problem)


def empty_word(arguments: Sequence[str], root: Command) -> UsageError | None:
    """Return the error of an empty argument, or of an empty path of an option; None if there is none.

    Typer takes an empty path for the working directory: `down "$STACK"` would remove the stack in it where a
    shell's variable is not set.

    Args:
        arguments: the words after the program's name.
        root: the whole program.
    """
    command, words = _named_command(arguments, root)
    options = {opt: parameter for parameter in command.params for opt in parameter.opts if opt[:1] == "-"}
    waiting = None
    for word in arguments[len(words) :]:
        name, equals, value = word.partition("=")
        if waiting is not None:
            option, waiting = waiting, None
            if not word and _takes_path(options[option]):
                return _empty(option)
        elif not word:
            return _empty("an argument")
        elif name in options and not getattr(options[name], "is_flag", False):
            if not equals:
                waiting = name
            elif not value and _takes_path(options[name]):
                return _empty(name)
    return None


def _takes_path(parameter: Any) -> bool:
    """Return whether an argument or option takes paths; Typer exports no name for their type."""
    return "Path" in repr(parameter.type_descriptor)


def _empty(name: str) -> UsageError:
    """Return the error of an empty word."""
    hint = "is a variable of the shell not set? for the working directory, write ."
    return UsageError(Problem("usage", f"{name} is empty", hint=hint))


def output_of(arguments: Sequence[str], root: Command) -> Output:
    """Return the output that arguments ask for, of the command that they name.

    Args:
        arguments: the words after the program's name.
        root: the whole program.
    """
    from sovereign_ai.cli.output import Output

    _, words = _named_command(arguments, root)
    # After `--` every word is an argument, `--json` too.
    options = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    return Output(" ".join(words), "--json" in options)


def _named_command(arguments: Sequence[str], root: Command) -> tuple[Command, list[str]]:
    """Return the command that the first arguments name, and its words."""
    command, words = root, []
    for word in arguments:
        subcommand = getattr(command, "commands", {}).get(word)
        if subcommand is None:
            break
        command = subcommand
        words.append(word)
    return command, words


def _message(error: TyperException) -> str:
    """Return in one line what is wrong, without Typer's suggestion, which is part of the hint."""
    if (option := _unknown_option(error)) is not None:
        return f"there is no option {option}"
    if (command := _unknown_command(error)) is not None:
        return f"there is no command {command!r}"
    if (message := _not_a_number(error)) is not None:
        return message
    # Typer writes a sentence over several lines; messages of problems begin with a small letter and have no
    # period.
    text = " ".join(error.format_message().split()).removesuffix(".").replace("Value error, ", "")
    return text[:1].lower() + text[1:]


def _not_a_number(error: TyperException) -> str | None:
    """Return the message for a value that is no number in the range; None if that is not what is wrong.

    Typer's own message leaves out the value.
    """
    param = getattr(error, "param", None)
    # The cause is a pydantic validation error, whose `errors` method returns its details.
    details: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if not details or param is None or param.type_descriptor.annotation not in _NUMBERS:
        return None
    value = str(details[0]["input"])[:_LONGEST_VALUE]
    noun = _NUMBERS[param.type_descriptor.annotation]
    return f"{param.get_error_hint()}: {value!r} is no {noun}{_span(param.min, param.max)}"


def _span(minimum: float | None, maximum: float | None) -> str:
    """Return a range of numbers as the end of a sentence; empty for any number."""
    if minimum is None:
        return "" if maximum is None else f" to {maximum:,}"
    if maximum is None:
        return f" from {minimum:,} on"
    return f" from {minimum:,} to {maximum:,}"


def _nearest_name(error: TyperException, command: Command) -> str:
    """Return a hint with the nearest right name; empty if no name is wrong."""
    if (option := _unknown_option(error)) is not None:
        return nearest(option, _long_options(command))
    if (name := _unknown_command(error)) is not None:
        return nearest(name, list(getattr(command, "commands", {})))
    if (choice := _NO_CHOICE.match(error.message)) is not None:
        # The message lists all choices already.
        suggestion = closest(choice[1], re.findall(r"'([^']*)'", choice[2]))
        return f"did you mean {suggestion!r}?" if suggestion else ""
    return ""


def _long_options(command: Command) -> list[str]:
    """Return the names of a command's options that begin with two hyphens."""
    names = ["--help"]
    for parameter in command.params:
        names += [name for name in parameter.opts if name.startswith("--")]
    return names


def _unknown_option(error: TyperException) -> str | None:
    """Return the name of an option that does not exist; None if something else is wrong."""
    if not _is_a(error, "NoSuchOption"):
        return None
    option: str = getattr(error, "option_name", "")
    return option


def _unknown_command(error: TyperException) -> str | None:
    """Return the name of a command that does not exist; None if something else is wrong."""
    # Typer raises a plain UsageError for it, so its text is all that distinguishes it.
    start = "No such command '"
    if not error.message.startswith(start):
        return None
    return error.message.removeprefix(start).partition("'")[0]
