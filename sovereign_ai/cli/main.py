"""The program `sovereign-ai`: its commands, and the one place where an error becomes an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer import _click as click
from typer.main import get_command

from sovereign_ai import __version__
from sovereign_ai.cli import (
    acceptance,
    access,
    assess,
    audit,
    check,
    cluster,
    diff,
    doctor,
    down,
    env,
    evidence,
    explain,
    fabric,
    hosts,
    init,
    inventory,
    keys,
    plan,
    preview,
    render,
    report,
    rules,
    schema,
    tools,
    up,
    validate,
    verify,
)
from sovereign_ai.cli.usage import refused, shorten
from sovereign_ai.errors import ExitCode

app = typer.Typer(
    name="sovereign-ai",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    help="Describe an AI factory once; derive, judge, deploy and verify it.\n\n"
    "Exit codes: 0 fine, 1 findings or drift, 2 bad input or usage, 3 the environment lacks something, 4 the deployment failed, 130 interrupted.",
)
for command in (init, schema, validate, plan, render, check, rules, explain, preview, up, verify, audit, down, report, diff, doctor, env):
    command.add(app)
for group in (acceptance, access, assess, cluster, evidence, fabric, hosts, inventory, keys, tools):
    group.add(app)


def _version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        sys.stdout.write(f"sovereign-ai {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    _version_wanted: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Hold the options that stand before a command."""


def call(arguments: Sequence[str]) -> int:
    """Run a command and give its exit code; wrong usage is told like every other problem."""
    program = get_command(app)
    shorten(program)
    try:
        return int(program.main(list(arguments), prog_name="sovereign-ai", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
    except click.exceptions.UsageError as error:
        output, refusal = refused(error, arguments, program)
        with contextlib.suppress(typer.Exit):
            output.fail(refusal)
    except typer.Abort:
        return int(ExitCode.INTERRUPTED)
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        return _nobody_reads()
    return int(ExitCode.BAD_INPUT)


def run() -> None:
    """Run the program; a stream that its caller closed is one that nobody reads."""
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115, PTH123 - for as long as we run
    try:
        code = call(sys.argv[1:])
        sys.stdout.flush()
        sys.exit(code)
    except BrokenPipeError:
        sys.exit(_nobody_reads())
    except OSError as error:  # help and completion are written without us
        with contextlib.suppress(OSError):
            place = f"{error.filename}: " if error.filename else ""
            sys.stderr.write(f"{place}{error.strerror} [cannot-write]\n")
        _nobody_reads()
        sys.exit(int(ExitCode.ENVIRONMENT))


def _nobody_reads() -> int:
    """Send what is left of our output nowhere: its reader has gone, as with `| head`, and that is no error of ours."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return 0
