"""Build a pinned Go tool from source through the Go module proxy.

`go install path@version` refuses modules with replace directives, so a small wrapper module names
the version and the same replaces; where files must be generated inside the module, a copy of it is
built. The checksum database stays on, the root module's hash is compared with the table's, nothing
of the user's Go settings can switch either off, and Go never fetches another Go. Of what a user has
set by `go env -w` only the way to modules counts, and where Go keeps its files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import orjson

from sovereign_ai.files import CACHED, captured, content_if_whole, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain.cache import Progress
from sovereign_ai.toolchain.steps import WayClosedError, run
from sovereign_ai.toolchain.table import Source, Tool

_GO_DIRECTIVE = "go 1.26"
_SPARE_MEMORY = "400"
"""Garbage that the compiler keeps, in percent of the memory that it uses (GOGC); the user's GOGC comes first.

The memory saves time: 12 % of the CPU of a build of client-go.
"""
_NO_DEBUG_DATA = "-gcflags=all=-dwarf=false"
"""The linker would strip it (`-s -w`): not making it takes another 12 % off the same build."""
_USERS_OWN = (
    "GOPROXY",
    "GONOPROXY",
    "GOAUTH",
    "GOVCS",
    "GOSUMDB",
    "GOPATH",
    "GOMODCACHE",
    "GOCACHE",
    "GOTMPDIR",
)
"""Settings that a user may have made by `go env -w` as well as by a variable.

They decide where modules come from, which checksum database is used, and where Go keeps its files.
"""
_OF_GO = ("GO", "CGO_", "GCCGO")
"""How the names of variables begin that Go reads (`go help environment`, Go 1.26)."""
_KEPT = frozenset({*_USERS_OWN, "GOPRIVATE", "GOGC", "GOMEMLIMIT", "GOMAXPROCS"})
"""Those of the user's that change neither what is built nor what builds it."""
_LOCAL_REPLACE = re.compile(r"^\s*(?:replace\s+)?(?P<module>\S+)\s+=>\s+\.\.?/", re.MULTILINE)


@frozen_dataclass
class GoModule:
    """A root module in Go's module cache."""

    folder: Path
    go_mod: Path
    h1: str


def go_environment(*, cgo: bool = False) -> dict[str, str]:
    """Return the environment of every Go command.

    It allows C only on request, no other toolchain, no way around the checksums, and nothing of `go env -w`.
    Of the user's variables of Go it has those alone that say where modules come from, where Go keeps its
    files, and how much memory and how many processors it takes: `GOROOT` would have another compiler run.
    """
    fixed = {
        "CGO_ENABLED": "1" if cgo else "0",
        "GO111MODULE": "on",
        "GOENV": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false -trimpath",
        "GOWORK": "off",
        "GOINSECURE": "none",
        "GONOSUMDB": "none",
        "GOOS": "",
        "GOARCH": "",
        "GOEXPERIMENT": "",
    }
    spare = {"GOGC": _SPARE_MEMORY}
    user = {}
    for name, value in os.environ.items():
        if not name.startswith(_OF_GO) or name in _KEPT:
            user[name] = value
    if "GOSUMDB" in user and _is_off(user["GOSUMDB"]):
        del user["GOSUMDB"]
    # The user may set GOGC, but none of the fixed variables.
    return {**spare, **user, **fixed}


def fetching_environment(go: Path, *, cgo: bool = False) -> dict[str, str]:
    """Return the environment of Go commands that fetch modules.

    They use the user's own proxy, and never work without a checksum database.

    Raises:
        WayClosedError: Go has no such database to ask, or does not say what is set.
    """
    env = go_environment(cgo=cgo)
    settings = _settings(go, env | {"GOENV": os.environ.get("GOENV", "")})
    if _is_off(settings["GOSUMDB"]):
        # The user has switched it off; Go's own default counts instead.
        settings["GOSUMDB"] = _settings(go, env)["GOSUMDB"]
    if _is_off(settings["GOSUMDB"]):
        raise WayClosedError(
            f"{go} comes without a checksum database: set GOSUMDB to the one that is to be asked"
        )
    return env | settings


def _is_off(database: str) -> bool:
    """Return whether a value of GOSUMDB names no database."""
    return database.strip() in ("", "off")


def _settings(go: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Ask Go what is set, by variable, by `go env -w` or by itself.

    Raises:
        WayClosedError: it does not say.
    """
    try:
        done = captured([str(go), "env", "-json", *_USERS_OWN], folder="/", environment=env)
    except OSError as error:
        raise WayClosedError(f"{go} does not start: {error.strerror}") from None
    if done.returncode:
        raise WayClosedError(
            f"go env: exit {done.returncode}: {' '.join(done.stderr.decode(errors='replace').split())[:400]}"
        )
    settings: dict[str, str] = orjson.loads(done.stdout)
    return settings


def fetch(go: Path, source: Source, *, what: str, progress: Progress, log: Path) -> GoModule:
    """Download the root module, or find it in Go's cache, and compare its hash with the table's.

    Raises:
        WayClosedError: the proxy does not give it, or gives another tree than the pinned one.
    """
    record = log.with_suffix(".module.json")
    spec = f"{source.module}@{source.version}"
    command = 'exec "$0" mod download -json "$1" > "$2"'
    folder = log.parent / "download"
    folder.mkdir(exist_ok=True)
    argv = ["/bin/sh", "-c", command, str(go), spec, str(record)]
    env = fetching_environment(go)
    try:
        run(
            argv,
            what=f"{what}: downloading {spec}",
            progress=progress,
            log=log,
            cwd=folder,
            env=env,
            limit=900,
        )
    except WayClosedError as error:
        reason = _error_in(record)
        raise WayClosedError(f"{what}: {spec}: {reason}" if reason else str(error)) from None
    answer = orjson.loads(read(record, CACHED))
    digest = answer["Sum"]
    if digest != source.h1:
        raise WayClosedError(f"{what}: {spec} has hash {digest}, the table pins {source.h1}: refused")
    return GoModule(Path(answer["Dir"]), Path(answer["GoMod"]), digest)


def _error_in(record: Path) -> str:
    """Return the error that Go put into its answer, if it came that far."""
    try:
        answer = orjson.loads(content_if_whole(record, CACHED) or b"")
    except orjson.JSONDecodeError:
        return ""
    return " ".join(str(answer.get("Error", "")).split())[:400]


def build(
    go: Path,
    row: Tool,
    source: Source,
    *,
    work: Path,
    target: Path,
    progress: Progress,
    build_cache: Path | None = None,
) -> None:
    """Build the tool into `target`.

    Args:
        go: the compiler.
        row: the tool.
        source: how it is built.
        work: a folder for what is made on the way, and the log.
        target: where the binary goes.
        progress: takes one line at a time for a person to read.
        build_cache: a folder for compiled packages; left out, the user's own, which saves most of the time.

    Raises:
        WayClosedError: a step failed; the text holds the last lines of its output.
    """
    log = work / "build.log"
    if source.cgo:
        _need_c(row.name, source.cgo)
    module = fetch(go, source, what=row.name, progress=progress, log=log)
    folder = work / "wrapper"
    if source.copied:
        _copy(go, source, module, folder)
    else:
        _wrap(source, module, folder)
    env = fetching_environment(go, cgo=bool(source.cgo))
    if build_cache is not None:
        env["GOCACHE"] = str(build_cache)
    run(
        [str(go), "mod", "tidy"],
        what=f"{row.name}: downloading modules",
        progress=progress,
        log=log,
        cwd=folder,
        env=env,
        limit=1800,
    )
    if source.generate:
        run(
            [str(go), "generate"],
            what=f"{row.name}: generating its schema",
            progress=progress,
            log=log,
            cwd=folder / source.generate,
            env=env | dict(source.generate_env),
        )
    argv = [
        str(go),
        "build",
        "-mod=readonly",
        "-trimpath",
        _NO_DEBUG_DATA,
        "-ldflags",
        " ".join(("-s", "-w", *source.ldflags)),
        "-o",
        str(target),
    ]
    tags = ["-tags", ",".join(source.tags)] if source.tags else []
    package = "." if source.main else source.package
    run(
        [*argv, *tags, package],
        what=f"{row.name}: building from source",
        progress=progress,
        log=log,
        cwd=folder,
        env=env,
    )


def _need_c(name: str, libraries: tuple[str, ...]) -> None:
    """Insist on a C compiler and on the libraries.

    Raises:
        WayClosedError: something is missing.
    """
    packages = {"gcc": "gcc", "pkg-config": "pkg-config"}
    missing = [package for program, package in packages.items() if shutil.which(program) is None]
    if "pkg-config" not in missing:
        missing += [
            f"{library}-dev"
            for library in libraries
            if subprocess.run(["pkg-config", "--exists", library], check=False).returncode
        ]
    if missing:
        raise WayClosedError(f"{name} is partly written in C; missing are Debian's {' '.join(missing)}")


def _wrap(source: Source, module: GoModule, folder: Path) -> None:
    """Write the wrapper module: the version, the replaces, one import."""
    folder.mkdir()
    lines = ["module wrapper", _GO_DIRECTIVE, f"require {source.module} {source.version}"]
    lines += [f"require {line}" for line in source.requires]
    lines += [f"replace {line}" for line in source.replaces]
    if source.local_replaces:
        go_mod = read(module.go_mod, CACHED).decode()
        names = sorted({match["module"] for match in _LOCAL_REPLACE.finditer(go_mod)})
        lines += [f"replace {name} => {name} {source.local_replaces}" for name in names]
    write_private(folder / "go.mod", ("\n".join(lines) + "\n").encode(), durable=False)
    if source.main:
        for name, text in (("main.go", source.main), *source.files):
            write_private(folder / name, text.encode(), durable=False)
    else:
        text = f'package tools\n\nimport _ "{source.package}"\n'
        write_private(folder / "tools.go", text.encode(), durable=False)


def _copy(go: Path, source: Source, module: GoModule, folder: Path) -> None:
    """Copy the module out of Go's read-only cache and drop the replaces that point outside of it."""
    shutil.copytree(module.folder, folder, copy_function=shutil.copyfile)
    for part in (folder, *folder.rglob("*")):
        if part.is_dir():
            part.chmod(0o700)
    drops = [f"-dropreplace={name}" for name in source.dropped]
    done = captured([str(go), "mod", "edit", *drops], folder=folder, environment=go_environment())
    if done.returncode:
        raise WayClosedError(f"{source.module}: go mod edit: {done.stderr.decode(errors='replace').strip()}")
