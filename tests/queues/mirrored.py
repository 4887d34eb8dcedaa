"""Controllers as their publishers ship them, mirrored as a careful administrator does it: each one's
manifests from the pinned module, and an image of the manager built from it.

Nothing of others' text is kept here: what is changed is named, and everything else comes from the module.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import yaml

from sovereign_ai.toolchain.install import find, module_files
from sovereign_ai.toolchain.node_image.archive import ArchiveEntry, Image, write_layer, write_oci
from sovereign_ai.toolchain.source import build
from sovereign_ai.toolchain.table import TOOLS

Object = dict[str, Any]
REGISTRY = "registry.example.com/ai"
NOBODY = 65532
CONTROL = {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}
GATES = "VisibilityOnDemand=false,TASReplaceNodeOnNodeTaints=false"
"""The server of `visibility.kueue.x-k8s.io` has a certificate that nobody checks. The other gate, which is on
in 0.17, takes every machine of a dedicated zone for broken: it compares a machine's taints with the
tolerations of a job's own pods, without those that the flavor adds."""
RUNTIMES = "manifests/base/runtimes"
"""The folder of Trainer's runtimes, of which one is mirrored."""


@dataclass(frozen=True)
class Publisher:
    """What a controller's publisher ships.

    Attributes:
        name: the controller's name in the catalogue, which is that of its module among the tools.
        package: the path of its manager's package in the module; empty for the module itself.
        image: the last part of its image's name.
        folders: folders of the module whose kustomizations are its installation.
        namespace: where it is installed.
        reason: why the rights that are left to it are accepted.
    """

    name: str
    package: str
    image: str
    folders: tuple[str, ...]
    namespace: str
    reason: str

    @property
    def version(self) -> str:
        return f"v{TOOLS[self.name].version}"

    def details(self) -> Object:
        """Return its details in a description."""
        return {
            "name": self.name,
            "version": self.version,
            "namespace": self.namespace,
            "manifests": [f"{self.name}.yaml"],
        }


WEBHOOKS = "it writes the authority of its certificate into its own webhooks"
KUEUE = Publisher("kueue", "/cmd/kueue", "kueue", ("config/default",), "kueue-system", WEBHOOKS)
JOBSET = Publisher("jobset", "", "jobset", ("config/default",), "jobset-system", WEBHOOKS)
LWS = Publisher("lws", "/cmd", "lws", ("config/default",), "lws-system", WEBHOOKS)
TRAINER = Publisher(
    "trainer",
    "/cmd/trainer-controller-manager",
    "trainer-controller-manager",
    ("manifests/base/crds", "manifests/base/manager", "manifests/base/rbac", "manifests/base/webhook"),
    "kubeflow-system",
    f"{WEBHOOKS}; its plugin for MPI keeps the keys of jobs in secrets beside them",
)
PUBLISHERS = (KUEUE, JOBSET, LWS, TRAINER)


def manager_image(publisher: Publisher, folder: Path) -> tuple[str, Path]:
    """Build a publisher's own manager from its pinned module, with the libraries of the pinned tools.

    These are compiled once for all of them.

    Returns:
        The image's name with its digest, and the archive with it.
    """
    row = TOOLS[f"{publisher.name}-controller"]
    assert row.source is not None
    package = f"{row.source.module}{publisher.package}"
    source = replace(row.source, main="", files=(), ldflags=(), package=package)
    manager, work = folder / f"{publisher.name}-manager", folder / f"{publisher.name}-build"
    work.mkdir()
    build(find("go"), row, source, work=work, target=manager, progress=lambda _line: None)
    return program_image(publisher.image, "manager", manager, folder)


def program_image(image: str, entry: str, program: Path, folder: Path) -> tuple[str, Path]:
    """Return an image of one program without libraries, and the archive with it.

    Args:
        image: the last part of the image's name.
        entry: the program's name in the image, whose entry point it is.
        program: the program.
        folder: where the archive is written.
    """
    layer = write_layer(folder / f"{image}-layer.tar", [ArchiveEntry(entry, program, 0o755)])
    name = f"{REGISTRY}/{image}@{Image((), (layer,), (f'/{entry}',)).digest}"
    archive = folder / f"{image}.tar"
    write_oci(archive, [Image((name,), (layer,), (f"/{entry}",))])
    return name, archive


class OrdinaryUsersImage(Image):
    """An image whose program does not run as root, as admission wants it."""

    def config(self) -> bytes:
        config = orjson.loads(Image.config(self))
        config["config"]["User"] = "1000"
        return orjson.dumps(config, option=orjson.OPT_SORT_KEYS)


def shell_image(folder: Path) -> tuple[str, Path]:
    """Return an image with a shell and `sleep`, and the archive with it."""
    programs = [Path("/bin/sh").resolve(), Path("/bin/sleep").resolve()]
    linked = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=True).stdout
    libraries = sorted(set(re.findall(r"(/\S+) \(0x", linked)))
    entries = [ArchiveEntry("bin/sh", programs[0], 0o755), ArchiveEntry("bin/sleep", programs[1], 0o755)]
    entries += [ArchiveEntry(path[1:], Path(path).resolve(), 0o755) for path in libraries]
    layer = write_layer(folder / "shell-layer.tar", entries)
    name = f"{REGISTRY}/work@{OrdinaryUsersImage((), (layer,)).digest}"
    archive = folder / "work.tar"
    write_oci(archive, [OrdinaryUsersImage((name,), (layer,))])
    return name, archive


def manifests(publisher: Publisher, image: str, folder: Path) -> Iterator[Object]:
    """Yield a publisher's objects, mirrored.

    Taken out are servers whose certificate nobody checks; webhooks and definitions may be updated by their
    names alone, and nobody writes flow schemas. Pods take the mirrored image and one replica each, on the
    control plane's node.

    Args:
        publisher: the publisher.
        image: the mirrored image of its manager.
        folder: an empty folder, in which its kustomization is written.
    """
    objects = [obj for obj in _built(publisher, folder) if obj["kind"] != "APIService"]
    if publisher is TRAINER:
        objects += [secret(publisher), runtime()]
    for obj in objects:
        if obj["kind"] == "ClusterRole" and obj.get("rules"):
            obj["rules"] = list(narrowed(obj["rules"], objects))
        if obj["kind"] == "Deployment":
            _mirror(obj, publisher, image)
        yield obj


def _built(publisher: Publisher, folder: Path) -> list[Object]:
    """Build a publisher's kustomizations into its namespace."""
    roots = [module_files(publisher.name, each).resolve() for each in publisher.folders]
    return kustomized(roots, publisher.namespace, folder)


def kustomized(roots: list[Path], namespace: str, folder: Path) -> list[Object]:
    """Build kustomizations into a namespace, by one that is written into an empty folder."""
    # Kustomize takes no absolute path for a resource.
    resources = [os.path.relpath(root, folder.resolve()) for root in roots]
    kustomization = {"namespace": namespace, "resources": resources}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    command = [str(find("kubectl")), "kustomize", str(folder)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [obj for obj in yaml.safe_load_all(printed) if obj]


def _mirror(deployment: Object, publisher: Publisher, image: str) -> None:
    """Let a manager's pod run on the control plane's node, from the mirror, and with what a lab has."""
    spec = deployment["spec"]
    spec["replicas"] = 1
    pod = spec["template"]["spec"]
    pod["tolerations"] = [CONTROL]
    for container in pod["containers"]:
        container |= {"image": image, "imagePullPolicy": "IfNotPresent"}
        container["resources"] = {"requests": {"cpu": "100m", "memory": "128Mi"}}
        container["securityContext"]["runAsUser"] = NOBODY
        if publisher is KUEUE:
            container["args"].append(f"--feature-gates={GATES}")


def narrowed(rules: list[Object], objects: list[Object]) -> Iterator[Object]:
    """Yield rights, of which those to update webhooks and definitions are for the publisher's own."""
    own = {
        "admissionregistration.k8s.io": _names(objects, lambda kind: kind.endswith("WebhookConfiguration")),
        "apiextensions.k8s.io": _names(objects, lambda kind: kind == "CustomResourceDefinition"),
    }
    for rule in rules:
        names = own.get(rule.get("apiGroups", [""])[0])
        if names:
            yield {**rule, "verbs": [verb for verb in rule["verbs"] if verb != "update"]}
            yield {**rule, "verbs": ["update"], "resourceNames": names}
        elif rule.get("apiGroups") != ["flowcontrol.apiserver.k8s.io"]:
            yield rule


def _names(objects: list[Object], is_meant: Callable[[str], bool]) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects if is_meant(obj["kind"])]


def secret(publisher: Publisher) -> Object:
    """Return the empty secret for the certificate of Trainer's webhooks, which its overlay generates."""
    metadata = {"name": "kubeflow-trainer-webhook-cert", "namespace": publisher.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def runtime() -> Object:
    """Return Trainer's runtime for PyTorch, with the image of each job and pods that admission lets in."""
    file = module_files("trainer", RUNTIMES) / "torch_distributed.yaml"
    obj: Object = yaml.safe_load(file.read_text(encoding="utf-8"))
    for replicated in obj["spec"]["template"]["spec"]["replicatedJobs"]:
        pod = replicated["template"]["spec"]["template"]["spec"]
        pod["restartPolicy"] = "Never"
        pod["securityContext"] = {"runAsNonRoot": True, "runAsUser": 1000}
        pod["securityContext"]["seccompProfile"] = {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            del container["image"]
            narrow = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            container["securityContext"] = narrow
    return obj


def waiver(publisher: Publisher, binding: str) -> Object:
    """Return the exception for the rights of a controller that are left."""
    today = datetime.now(UTC).date()
    return {
        "id": f"{publisher.name}-rights",
        "rule": "PLT-004",
        "resource": binding,
        "reason": publisher.reason,
        "owner": "head of platform",
        "requester": "platform lead",
        "approver": "security officer",
        "compensating_control": "the image is pinned by its digest, and its source was reviewed",
        "created": today.isoformat(),
        "expires": (today + timedelta(days=30)).isoformat(),
    }


def binding_of(objects: list[Object]) -> str:
    """Return the binding of a manager's role for the whole cluster, as findings name it."""
    for obj in objects:
        if obj["kind"] == "ClusterRoleBinding" and "manager" in obj["roleRef"]["name"]:
            return f"ClusterRoleBinding/{obj['metadata']['name']}"
    raise AssertionError("no binding of a manager's role")
