"""Controllers that judge objects: what each needs beside its program, whichever it is.

Such a controller is a process with one listener on loopback, the one of its webhooks. It wants a client
certificate of the cluster's authority, and has one of its own from there. The API server reads which webhooks
to call from files, as it does with the guard (KEP-5793): nobody can change or delete them through the API,
and no controller needs a right to write webhook configurations. Where a controller does not answer, the
requests that it judges are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sovereign_ai.cluster import identities as who
from sovereign_ai.cluster.pki import LOOPBACK, Leaf, authority, issue
from sovereign_ai.cluster.state import ClusterDir, write_json
from sovereign_ai.files import CLUSTER, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS

READ = "get list watch"
EDIT = f"{READ} patch update"
OWN = f"create delete {EDIT}"
STATUS, RECORD = "get patch update", "create patch update"
"""The verbs of a status, and of events."""
_WEBHOOK_CLIENT = Leaf("webhook-client", "sovereign-ai:kube-apiserver", client=True)
_ADMISSION = "admissionregistration.k8s.io/v1"
_RBAC = "rbac.authorization.k8s.io"
_PLUGINS = {
    "MutatingAdmissionWebhook": "webhooks-mutating",
    "ValidatingAdmissionWebhook": "webhooks-validating",
}
"""Admission plugin to the folder from which it reads its webhooks."""


class Permission(NamedTuple):
    """What a controller may do.

    Attributes:
        group: the API group.
        resources: its resources, with blanks between them.
        verbs: what may be done with them, likewise.
        only: the only object of which this holds; empty for all.
    """

    group: str
    resources: str
    verbs: str
    only: str = ""


@frozen_dataclass(kw_only=True)
class Judged:
    """Objects that a controller judges.

    Attributes:
        group: their API group.
        version: the version that it is shown.
        resources: what is judged, with blanks between; only the first is changed.
        kind: their kind in lower case, which is the end of the webhook's path.
        changed_at: the operations at which it changes them, with blanks between; empty if it never does.
        judged_at: the operations at which it judges them.
        in_zones: whether it is shown only those in namespaces of zones.
        label: the label that they have; empty if it is shown those without a label too.
    """

    group: str
    version: str
    resources: str
    kind: str
    changed_at: str = "CREATE"
    judged_at: str = "CREATE UPDATE"
    in_zones: bool = False
    label: str = ""


@frozen_dataclass(kw_only=True)
class WebhookController:
    """A controller with a listener for webhooks.

    Attributes:
        name: the process, its listener and its identity.
        domain: the end of its webhooks' names.
        rights: what it may do.
        judged: what it judges.
    """

    name: str
    domain: str
    rights: tuple[Permission, ...]
    judged: tuple[Judged, ...]

    @property
    def user(self) -> str:
        """The name by which the API server knows it."""
        return f"sovereign-ai:{self.name}"

    @property
    def server(self) -> Leaf:
        """The certificate of its listener."""
        return Leaf(f"{self.name}-webhook", self.name, server=True)

    @property
    def client(self) -> Leaf:
        """The certificate that it presents to the API server."""
        return Leaf(self.name, self.user, client=True)


def serving_folder(cluster_dir: ClusterDir, name: str) -> Path:
    """Return the folder with certificate, key and client authority of a controller's listener."""
    return cluster_dir.pki / name


def make_controllers(
    cluster_dir: ClusterDir, controllers: Sequence[WebhookController], ports: Mapping[str, int]
) -> None:
    """Write everything that the controllers of a control plane and its API server need for each other.

    Args:
        cluster_dir: the control plane's folder; its identities exist.
        controllers: those that are part of it; webhooks of any other are removed.
        ports: the listeners' ports on 127.0.0.1.
    """
    for folder in _PLUGINS.values():
        for file in (cluster_dir.config / folder).glob("*.json"):
            file.unlink()
    if not controllers:
        return
    ca = authority(cluster_dir.pki, who.CLUSTER_CA)
    issue(ca, cluster_dir.pki, _WEBHOOK_CLIENT)
    server = who.server_url(ports["kube-apiserver"])
    for controller in controllers:
        issue(ca, cluster_dir.pki, controller.client)
        issue(ca, cluster_dir.pki, controller.server)
        identity = who.kubeconfig(cluster_dir, controller.name, server)
        write_private(cluster_dir.identity(controller.name), identity)
        _write_serving_files(cluster_dir, controller)
        _write_webhooks(cluster_dir, controller, ports[controller.name])
    user = {
        "client-certificate": str(cluster_dir.pki / f"{_WEBHOOK_CLIENT.file}.crt"),
        "client-key": str(cluster_dir.pki / f"{_WEBHOOK_CLIENT.file}.key"),
    }
    # The API server takes the user of the name of host and port: no other webhook is shown the certificate.
    users = [{"name": f"{LOOPBACK}:{ports[controller.name]}", "user": user} for controller in controllers]
    write_json(_client_file(cluster_dir), {"apiVersion": "v1", "kind": "Config", "users": users})


def webhook_plugins(cluster_dir: ClusterDir) -> list[dict[str, Any]]:
    """Return the settings by which the API server calls the webhooks of controllers.

    Args:
        cluster_dir: the control plane's folder, with at least one controller.
    """
    plugins = []
    for plugin, folder in _PLUGINS.items():
        configuration = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": str(_client_file(cluster_dir)),
            "staticManifestsDir": str(cluster_dir.config / folder),
        }
        plugins.append({"name": plugin, "configuration": configuration})
    return plugins


def roles(controllers: Sequence[WebhookController]) -> Iterator[dict[str, Any]]:
    """Yield each controller's role and its binding."""
    for controller in controllers:
        rules = []
        for right in controller.rights:
            rule: dict[str, Any] = {"apiGroups": [right.group], "resources": right.resources.split()}
            rule["verbs"] = right.verbs.split()
            if right.only:
                rule["resourceNames"] = [right.only]
            rules.append(rule)
        user = controller.user
        head = {"metadata": {"name": user, "labels": {KEYS.component: "control-plane"}}}
        yield {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", **head, "rules": rules}
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            **head,
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
        }


def _client_file(cluster_dir: ClusterDir) -> Path:
    """Return the file with the API server's identity towards the webhooks."""
    return cluster_dir.config / "webhooks.kubeconfig"


def _write_serving_files(cluster_dir: ClusterDir, controller: WebhookController) -> None:
    """Write the files of a controller's listener under the names that it reads."""
    folder = serving_folder(cluster_dir, controller.name)
    folder.mkdir(mode=0o700, exist_ok=True)
    files = {
        "tls.crt": f"{controller.server.file}.crt",
        "tls.key": f"{controller.server.file}.key",
        "ca.crt": f"{who.CLUSTER_CA}.crt",
    }
    for name, source in files.items():
        write_private(folder / name, read(cluster_dir.pki / source, CLUSTER))


def _write_webhooks(cluster_dir: ClusterDir, controller: WebhookController, port: int) -> None:
    """Write the webhooks of a controller for the API server: those that change objects, and that judge."""
    ca = who.encoded(read(cluster_dir.pki / f"{who.CLUSTER_CA}.crt", CLUSTER))
    changing, judging = [], []
    for judged in controller.judged:
        common = _common(judged)
        path = f"{judged.group.replace('.', '-')}-{judged.version}-{judged.kind}"
        url = f"https://{LOOPBACK}:{port}"
        rule = {"apiGroups": [judged.group], "apiVersions": [judged.version], "scope": "*"}
        shown = rule | {"resources": judged.resources.split(), "operations": judged.judged_at.split()}
        client = {"url": f"{url}/validate-{path}", "caBundle": ca}
        own = {
            "name": f"validate-{judged.kind}.{controller.domain}",
            "clientConfig": client,
            "rules": [shown],
        }
        judging.append(common | own)
        if not judged.changed_at:
            continue
        changed = rule | {"resources": [judged.resources.split()[0]], "operations": judged.changed_at.split()}
        client = {"url": f"{url}/mutate-{path}", "caBundle": ca}
        own = {
            "name": f"mutate-{judged.kind}.{controller.domain}",
            "clientConfig": client,
            "rules": [changed],
        }
        changing.append(common | own | {"reinvocationPolicy": "Never"})
    for folder, kind, webhooks in (
        ("webhooks-mutating", "MutatingWebhookConfiguration", changing),
        ("webhooks-validating", "ValidatingWebhookConfiguration", judging),
    ):
        # The API server reserves the suffix for configurations from files.
        metadata = {"name": f"sovereign-{controller.name}.static.k8s.io"}
        configuration = {"apiVersion": _ADMISSION, "kind": kind, "metadata": metadata, "webhooks": webhooks}
        (cluster_dir.config / folder).mkdir(mode=0o700, exist_ok=True)
        write_json(cluster_dir.config / folder / f"{controller.name}.json", configuration)


def _common(judged: Judged) -> dict[str, Any]:
    """Return what both webhooks of a kind have in common."""
    in_zone = {"matchExpressions": [{"key": KEYS.namespace_zone, "operator": "Exists"}]}
    labelled = {"matchExpressions": [{"key": judged.label, "operator": "Exists"}]}
    return {
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "objectSelector": labelled if judged.label else {},
        "namespaceSelector": in_zone if judged.in_zones else {},
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }
