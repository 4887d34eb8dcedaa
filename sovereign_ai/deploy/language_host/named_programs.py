"""The programs that an engine may run: those that its command line, project or plugin folder names.

The language host gets folders in its requests and starts what lies in them. It goes by what the user asked
the engine for, which it reads from the engine's own process, and refuses every other folder:

- the project around the engine's working folder, and everything below it,
- a folder that an argument names, as `--policy-pack` does; Pulumi reads PULUMI_OPTION_… as arguments, too,
- a folder that the project file names, as `main` and `packages` do, and those that its files name in turn,
- the plugins and policy packs that lie installed in Pulumi's own home.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import yaml

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import PROJECT, kernel_file, load_foreign, read

_KINDS = ("Pulumi", "PulumiPolicy", "PulumiPlugin")
_PROJECT_FILES = tuple(f"{kind}.{ending}" for kind in _KINDS for ending in ("yaml", "yml", "json"))
_INSTALLED = ("plugins", "policies")
"""Folders of Pulumi's home in which it keeps what it has installed."""
_OPTION = "PULUMI_OPTION_"


class NamedPrograms:
    """What one engine was asked for.

    Args:
        engine: the engine's process id.
        environment: the engine's environment, which its plugins inherit.
    """

    def __init__(self, engine: int, environment: dict[str, str] | None = None) -> None:
        self._process = Path("/proc", str(engine))
        self._environment = dict(os.environ) if environment is None else environment

    def has(self, folder: Path) -> bool:
        """Return whether a folder is named; nothing is where the engine's process cannot be read."""
        try:
            working = (self._process / "cwd").resolve(strict=True)
            arguments = os.fsdecode(kernel_file(self._process / "cmdline")).split("\0")
            wanted = folder.resolve(strict=True)
        except OSError:
            return False
        project = _project(working)
        inside = [project, *self._installed()]
        if any(root is not None and wanted.is_relative_to(root) for root in inside):
            return True
        options = [value for name, value in self._environment.items() if name.startswith(_OPTION)]
        named = set(_folders(_words([*arguments[1:], *options]), working))
        return wanted in _with_theirs(named | ({project} if project else set()))

    def _installed(self) -> Iterator[Path]:
        """Yield where Pulumi keeps what it has installed."""
        home = Path(self._environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
        for name in _INSTALLED:
            yield (home / name).resolve()


class OnlyNamed(grpc.ServerInterceptor):  # type: ignore[misc]
    """Refuses requests about a program that is not named, whichever call they come by.

    Args:
        programs: what the engine was asked for.
    """

    def __init__(self, programs: NamedPrograms) -> None:
        self._programs = programs

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Put the check before the call's own function."""
        handler = continuation(details)
        if handler is None or handler.request_streaming:
            return handler  # no call of the protocol that names a program streams its requests
        call = handler.unary_stream if handler.response_streaming else handler.unary_unary
        make = (
            grpc.unary_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.unary_unary_rpc_method_handler
        )

        def checked(request: Any, context: Any) -> Any:
            for folder in program_folders(request):
                if not self._programs.has(folder):
                    text = (
                        f"{folder} is not run: neither the command line nor the project of this run names it"
                    )
                    context.abort(grpc.StatusCode.PERMISSION_DENIED, text)
            return call(request, context)

        return make(checked, handler.request_deserializer, handler.response_serializer)


def program_folders(request: Any) -> list[Path]:
    """Return every folder from which a request may have something run.

    None for a request about no program.
    """
    if "info" not in {field.name for field in request.DESCRIPTOR.fields}:
        return []
    info = request.info
    if info.program_directory:
        base, entry = Path(info.program_directory), info.entry_point
    else:  # as older engines ask
        base, entry = Path(getattr(request, "pwd", "")), info.entry_point or getattr(request, "program", "")
    if not (info.program_directory or info.root_directory or entry):
        return []
    # An entry point may lead out of the program's folder, and a virtual environment lies below the root.
    return [base, _folder_of(base / entry), *([Path(info.root_directory)] if info.root_directory else [])]


def _folder_of(path: Path) -> Path:
    """Return a folder as it is, and for a file the folder it lies in."""
    return path if path.is_dir() else path.parent


def _project(folder: Path) -> Path | None:
    """Return the folder of the nearest project file at or above a folder, as Pulumi looks for it."""
    return next((each for each in (folder, *folder.parents) if _project_files(each)), None)


def _project_files(folder: Path) -> list[Path]:
    """Return the project files of a folder."""
    return [folder / name for name in _PROJECT_FILES if (folder / name).is_file()]


def _words(arguments: Iterable[str]) -> Iterator[str]:
    """Yield what may be a path: each argument, the text after an equals sign, and each part of a list."""
    for argument in arguments:
        value = argument.partition("=")[2]
        yield from (argument, value, *argument.split(","), *value.split(","))


def _folders(words: Iterable[str], base: Path) -> Iterator[Path]:
    """Yield the existing folders that words name, or that hold the files they name."""
    for word in filter(None, words):
        try:
            path = (base / word).resolve(strict=True)
        except (OSError, ValueError):
            continue  # a word that is no path
        yield _folder_of(path)


def _with_theirs(folders: set[Path]) -> set[Path]:
    """Add what the project files in these folders name, and the files there in turn."""
    named, todo = set(folders), list(folders)
    while todo:
        folder = todo.pop()
        for file in _project_files(folder):
            for other in _folders(_strings(_read(file)), folder):
                if other not in named:
                    named.add(other)
                    todo.append(other)
    return named


def _read(file: Path) -> Any:
    """Read a project file; nothing if that cannot be done, which is the engine's to report."""
    try:
        return load_foreign(read(file, PROJECT).decode())  # JSON is YAML
    except (SovereignError, ValueError, yaml.YAMLError):
        return None


def _strings(data: Any) -> Iterator[str]:
    """Yield every text of plain data, keys left out."""
    todo, seen = [data], set()
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            yield value
        # By aliases a value may stand in many places, and within itself.
        elif isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            todo += value.values() if isinstance(value, dict) else value
