"""The program `sovereign-ai`: all its commands, and the handling of wrong usage and failed writes."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from sovereign_ai import __version__
from sovereign_ai.cli.interrupt import exit_code_of_request, heed_requests, ignore_requests
from sovereign_ai.cli.usage import empty_word, is_help, output_of, refused, shorten
from sovereign_ai.errors import ExitCode, SovereignError
from sovereign_ai.text import clean

_HELP = """Describe an AI factory once; derive, judge, deploy and verify it.

Exit codes: 0 fine, 1 findings or drift, 2 bad input or usage, 3 the environment lacks something, \
4 the deployment failed, 130 interrupted by Ctrl-C, 143 by SIGTERM."""

_OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""Python's own default is 700."""
_COMMANDS = """init design schema validate plan render check rules explain preview up verify drift top why
audit down report diff doctor env"""
"""Commands in the order of the help, each with a module of its name."""
_GROUPS = """acceptance access assess catalog cluster evidence fabric hosts images inventory jobs keys
platform repair state tools waiver"""
"""Commands that have commands of their own, likewise."""


def _print_version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        sys.stdout.write(f"sovereign-ai {__version__}\n")
        raise typer.Exit


def _root(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options that come before a command."""


def application(command: str = "") -> typer.Typer:
    """Return the program with one of its commands, or with all.

    To make all of them, of which a call runs one, took a third of the time of `validate`.

    Args:
        command: the first word after the program's name; all commands are there where it names none.
    """
    app = typer.Typer(
        name="sovereign-ai",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
        help=_HELP,
    )
    app.callback()(_root)
    known = f"{_COMMANDS} {_GROUPS}".split()
    for name in [command] if command in known else known:
        import_module(f"sovereign_ai.cli.{name}").add(app)
    return app


def __getattr__(name: str) -> typer.Typer:
    """Return the whole program as `app`, which is made when it is asked for."""
    if name == "app":
        return application()
    raise AttributeError(name)


def _program(command: str = "") -> Any:
    """Return the program as it is called, with one of its commands or with all."""
    program = get_command(application(command))
    shorten(program)
    return program


def _run_command(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code.

    Raises:
        KeyboardInterrupt: a request to end came before the command began, or after its last word.
    """
    program = _program(arguments[0] if arguments else "")
    if (refusal := empty_word(arguments, program)) is not None:
        with contextlib.suppress(typer.Exit):
            output_of(arguments, program).fail(refusal)
        return int(ExitCode.BAD_INPUT)
    if {*arguments[:1]} & {"--install-completion", "--show-completion"}:
        from sovereign_ai.cli.completion import require_shell

        require_shell()
    code = program.main(list(arguments), prog_name="sovereign-ai", standalone_mode=False) or 0
    # Typer returns such a request as a plain number; where the command itself heard it, it has said so.
    if code == ExitCode.INTERRUPTED and not isinstance(code, ExitCode):
        raise KeyboardInterrupt
    return int(code)


def call(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; wrong usage is reported like every other problem.

    Args:
        arguments: the words after the program's name.
    """
    try:
        return _run_command(arguments)
    except typer.TyperException as error:
        if is_help(error):
            sys.stderr.write(f"{error.format_message()}\n")
            return int(ExitCode.BAD_INPUT)
        output, refusal = refused(error, arguments, _program())
        with contextlib.suppress(typer.Exit):
            output.fail(refusal)
    except SovereignError as error:
        with contextlib.suppress(typer.Exit):
            output_of(arguments, _program()).fail(error)
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        with contextlib.suppress(typer.Exit):
            output_of(arguments, _program()).interrupted()
        return int(ExitCode.INTERRUPTED)
    except SystemExit as error:
        # Typer turns a broken pipe into SystemExit(1); a reader such as `head` that has enough is no failure.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        return _discard_output()
    return int(ExitCode.BAD_INPUT)


def run() -> None:
    """Run the program and exit with the command's code."""
    # A stream that the caller closed (`>&-`) is None; writing to it must not end the command.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the process exits
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the process exits
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that the terminal's encoding lacks would raise UnicodeEncodeError.
            stream.reconfigure(errors="backslashreplace")
    # Descriptions, states and objects of a cluster are large trees without cycles: looking for cycles in them
    # again and again took a fifth of a command's time (1,000 objects).
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    _drop_relative_folders()
    try:
        heed_requests()
        code = call(sys.argv[1:])
        ignore_requests()
        if code == ExitCode.INTERRUPTED:
            code = exit_code_of_request()
            # The interpreter notes an interrupt in text that is executed, as a dataclass is, and then ends by
            # SIGINT, whatever the code is. It forgets that where other text is executed.
            exec("")  # noqa: S102 - see above
        # Flush here, where an error still becomes an exit code; at interpreter exit it would only be printed.
        sys.stdout.flush()
        # At its exit the interpreter would look once more for cycles in all there is: a tenth of `validate`.
        gc.freeze()
        sys.exit(code)
    except BrokenPipeError:
        sys.exit(_discard_output())
    except OSError as error:
        # Typer itself writes help and completion, outside of `run_command`, so its write errors arrive here.
        with contextlib.suppress(OSError):
            sys.stderr.write("".join(f"{line}\n" for line in _write_error_lines(error)))
        _discard_output()
        sys.exit(int(ExitCode.ENVIRONMENT))
    finally:
        _flush_errors()


def _drop_relative_folders() -> None:
    """Drop relative entries of PATH, of which an empty one is the working folder, for what is run from here.

    A command is run in folders of stacks that others wrote, and a `docker` that lies there is theirs.
    """
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept = os.pathsep.join(entry for entry in entries if entry.startswith("/"))
    # Without a single entry Python looks in the working folder.
    os.environ["PATH"] = kept or os.defpath


def _write_error_lines(error: OSError) -> list[str]:
    """Return the lines that report a failed write, with what to do."""
    from sovereign_ai.cli.file_errors import find_file_problem
    from sovereign_ai.cli.output import stream_error

    named = stream_error(error)
    known = find_file_problem(named)
    if known is not None:
        return known.problems[0].lines
    return [f"{clean(os.fsdecode(named.filename))}: {named.strerror} [cannot-write]"]


def _flush_errors() -> None:
    """Write what standard error still holds, or drop it where that cannot be written.

    The interpreter would try once more at exit, and exit with 120 in place of the command's code.
    """
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        from sovereign_ai.cli.output import discard

        discard(sys.stderr)


def _discard_output() -> int:
    """Redirect standard output to the null device, and return exit code 0.

    The interpreter flushes standard output once more at exit; without the redirection it prints the error a
    second time.
    """
    from sovereign_ai.cli.output import discard

    discard(sys.stdout)
    return 0
