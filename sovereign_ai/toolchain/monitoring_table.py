"""Pinned tools that watch an embedded control plane: rows of the table, installed where they are named."""

from __future__ import annotations

from sovereign_ai.toolchain.row import APACHE, UNKNOWN_DIGEST, Source, Tool

_VERSION = "github.com/prometheus/common/version.Version"

_PROMETHEUS = Tool(
    name="prometheus",
    version="3.13.5",
    at_least=(3, 13),
    below=(4,),
    purpose="watches the embedded control plane and its machines, where a description asks for it",
    licence=APACHE,
    supplier="The Prometheus Authors",
    pattern=r"prometheus, version (\d+\.\d+\.\d+)",
    source=Source(
        module="github.com/prometheus/prometheus",
        version="v0.313.5",
        h1="h1:5/kewqSFNlHQa9NqZxrOkXCBlEuJOvb+8gFOUxSWFv0=",
        package="github.com/prometheus/prometheus/cmd/prometheus",
        ldflags=(f"-X {_VERSION}=3.13.5",),
        tags=("remove_all_sd",),
    ),
    no_release=UNKNOWN_DIGEST,
    optional=True,
    group="monitoring",
    notes=(
        "without discovery in clouds, whose libraries are most of it, and without pages for a browser,"
        " which need npm; 3.16 needs another Go than the pinned one; Debian 12's 2.42 does not read"
        " changed rules by itself, and its authors maintain it no more"
    ),
)
_KUBE_STATE_METRICS = Tool(
    name="kube-state-metrics",
    version="2.18.0",
    at_least=(2, 18),
    below=(2, 19),
    purpose="counts the embedded control plane's objects for Prometheus, where a description asks for it",
    licence=APACHE,
    supplier="The Kubernetes Authors",
    version_arguments=("version",),
    pattern=r"version v?(\d+\.\d+\.\d+)",
    source=Source(
        module="k8s.io/kube-state-metrics/v2",
        version="v2.18.0",
        h1="h1:3T0ydK17wNf+uYyxaTMg0vM0lyqWMAv8xDqZjheMdxk=",
        package="k8s.io/kube-state-metrics/v2",
        ldflags=(f"-X {_VERSION}=v2.18.0",),
    ),
    no_release=UNKNOWN_DIGEST,
    optional=True,
    group="monitoring",
)
MONITORING_ROWS = (_PROMETHEUS, _KUBE_STATE_METRICS)
