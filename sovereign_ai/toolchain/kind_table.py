"""The rows that only the kind backend needs: kind itself, and what its node image is made of.

The same rules hold as in `table.py`, which is where these rows are looked up. What goes into the
image is always built here from the pinned source and never used from PATH, so that an image does
not depend on what a machine happens to have.
"""

from __future__ import annotations

from sovereign_ai.toolchain.row import APACHE, UNKNOWN_DIGEST, Source, Tool, kubernetes

KIND_NODE = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
"""The node image that kind 0.33.0 names as its default (its pkg/apis/config/defaults/image.go), by digest."""

_CONTAINERD = "github.com/containerd/containerd/v2"
_CNI = "github.com/containernetworking/plugins"
_COREDNS = "github.com/coredns/coredns"
_PLUGINS = (
    "cache",
    "errors",
    "forward",
    "health",
    "kubernetes",
    "loadbalance",
    "log",
    "loop",
    "metrics",
    "ready",
    "reload",
)
"""What kubeadm's Corefile uses, and the log.

The module's own program has clients of many clouds in it besides.
"""
_COREDNS_MAIN = "\n".join(
    [
        "package main",
        "",
        "import (",
        f'\t"{_COREDNS}/coremain"',
        *(f'\t_ "{_COREDNS}/plugin/{name}"' for name in _PLUGINS),
        ")",
        "",
        "func main() { coremain.Run() }",
        "",
    ]
)
_CLIENTS = ("k8s.io/api v0.37.2", "k8s.io/apimachinery v0.37.2", "k8s.io/client-go v0.37.2")
"""The client libraries of the cluster's version.

Other rows have built them already, which saves minutes; and all programs of the image have one version.
"""


def _containerd(name: str, purpose: str, version_arguments: tuple[str, ...] = ("--version",)) -> Tool:
    """Return the row of one of containerd's programs."""
    return Tool(
        name=name,
        version="2.4.2",
        at_least=(2, 4),
        below=(2, 5),
        purpose=purpose,
        licence=APACHE,
        supplier="The containerd Authors",
        version_arguments=version_arguments,
        pattern=r"(?:v2 |Version:\s+)v(\d+\.\d+\.\d+)",
        source=Source(
            module=_CONTAINERD,
            version="v2.4.2",
            h1="h1:p6Qg+xbEz8lvwdhHDx0U469xENvp4LgGBx+E7djXkGw=",
            package=f"{_CONTAINERD}/cmd/{name}",
            ldflags=(f"-X {_CONTAINERD}/version.Version=v2.4.2",),
            tags=("no_btrfs", "no_devmapper", "no_zfs", "no_aufs"),
        ),
        no_release=UNKNOWN_DIGEST,
        group="kind",
        in_image=True,
    )


def _cni(kind: str, plugin: str, purpose: str) -> Tool:
    """Return the row of one CNI plugin.

    Its name carries `cni-`, since a program called `bridge` is there already.
    """
    return Tool(
        name=f"cni-{plugin}",
        version="1.9.1",
        at_least=(1, 9),
        below=(1, 10),
        purpose=purpose,
        licence=APACHE,
        supplier="The CNI Authors",
        version_arguments=(),
        pattern=r"plugin v(\d+\.\d+\.\d+)",
        source=Source(
            module=_CNI,
            version="v1.9.1",
            h1="h1:8oU6WsIsU3bpnNZuvHp74a6cE1MJwbj2P7s4/yTUNlA=",
            package=f"{_CNI}/plugins/{kind}/{plugin}",
            ldflags=(f"-X {_CNI}/pkg/utils/buildversion.BuildVersion=v1.9.1",),
        ),
        no_release=UNKNOWN_DIGEST,
        group="kind",
        in_image=True,
    )


KIND_ROWS: tuple[Tool, ...] = (
    Tool(
        name="kind",
        version="0.33.0",
        at_least=(0, 33),
        below=(0, 34),
        purpose="runs Kubernetes nodes as containers",
        licence=APACHE,
        supplier="The Kubernetes Authors",
        version_arguments=("version",),
        pattern=r"kind v(\d+\.\d+\.\d+)",
        source=Source(
            module="sigs.k8s.io/kind",
            version="v0.33.0",
            h1="h1:AjvDv3vOygb/VKLVQW87lfktIBzkxR8Ump9DjxC8+Lk=",
            package="sigs.k8s.io/kind",
        ),
        no_release=UNKNOWN_DIGEST,
        group="kind",
    ),
    _cni("main", "bridge", "joins pods to their node's bridge"),
    _cni("main", "loopback", "gives each pod its loopback"),
    _cni("ipam", "host-local", "gives pods addresses of their node's range"),
    _cni("meta", "portmap", "serves host ports of pods"),
    _containerd("containerd", "runs the containers of a kind node"),
    _containerd("containerd-shim-runc-v2", "holds each pod of a kind node", version_arguments=("-v",)),
    _containerd("ctr", "loads images into a kind node"),
    Tool(
        name="runc",
        version="1.4.3",
        at_least=(1, 4),
        below=(1, 5),
        purpose="starts each container of a kind node",
        licence=APACHE,
        supplier="The Open Container Initiative",
        pattern=r"runc version (\d+\.\d+\.\d+)",
        source=Source(
            module="github.com/opencontainers/runc",
            version="v1.4.3",
            h1="h1:/bq84roxG30xEICkFodXzMEVQFs7kzo4lCiZME1uKxI=",
            package="github.com/opencontainers/runc",
            ldflags=("-linkmode external", "-extldflags -static"),
            tags=("seccomp", "netgo", "osusergo"),
            cgo=("libseccomp",),
        ),
        no_release=UNKNOWN_DIGEST,
        group="kind",
        in_image=True,
        notes="its first instructions are written in C, so it is the one tool that needs a C compiler",
    ),
    kubernetes("kubelet", "runs pods on a kind node", group="kind", in_image=True),
    kubernetes(
        "kubeadm",
        "makes and joins kind nodes",
        group="kind",
        in_image=True,
        version_arguments=("version", "--output=short"),
    ),
    kubernetes("kube-proxy", "serves service addresses on a kind node", group="kind", in_image=True),
    Tool(
        name="crictl",
        version="1.37.0",
        at_least=(1, 37),
        below=(1, 38),
        purpose="asks a kind node which images it has; kind's own commands call it",
        licence=APACHE,
        supplier="The Kubernetes Authors",
        source=Source(
            module="sigs.k8s.io/cri-tools",
            version="v1.37.0",
            h1="h1:BmTImEoTX3KPXCLwmIU9mfCC8umUqF4R8WibY9eVU9Y=",
            package="sigs.k8s.io/cri-tools/cmd/crictl",
            ldflags=("-X sigs.k8s.io/cri-tools/pkg/version.Version=v1.37.0",),
        ),
        no_release=UNKNOWN_DIGEST,
        group="kind",
        in_image=True,
    ),
    Tool(
        name="coredns",
        version="1.14.6",
        at_least=(1, 14),
        below=(1, 15),
        purpose="answers names inside a kind cluster",
        licence=APACHE,
        supplier="The CoreDNS Authors",
        version_arguments=("-version",),
        pattern=r"CoreDNS-(\d+\.\d+\.\d+)",
        source=Source(
            module=_COREDNS,
            version="v1.14.6",
            h1="h1:V2g2JdCWJVqYGdX8tlBiK0iQo23Pnt8xs8gHqKyFYs8=",
            package=_COREDNS,
            main=_COREDNS_MAIN,
            requires=_CLIENTS,
        ),
        no_release=UNKNOWN_DIGEST,
        group="kind",
        in_image=True,
    ),
    Tool(
        name="kube-router",
        version="2.1.0",
        at_least=(2, 1),
        below=(2, 2),
        purpose="routes between pods of kind nodes and enforces NetworkPolicies",
        licence=APACHE,
        supplier="Cloudnative Labs",
        pattern=r"version v?(\d+\.\d+\.\d+)",
        source=Source(
            module="github.com/cloudnativelabs/kube-router/v2",
            version="v2.1.0",
            h1="h1:xWsptKtmZ44L+NjwFKoFAFlVdxCz8fka9A/eYJe95Ok=",
            package="github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
            requires=_CLIENTS,
            ldflags=("-X github.com/cloudnativelabs/kube-router/v2/pkg/version.Version=v2.1.0",),
        ),
        no_release=UNKNOWN_DIGEST,
        group="kind",
        in_image=True,
    ),
)
"""Every row of the kind backend, the cheap before the dear."""
