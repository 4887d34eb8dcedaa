"""Names of annotations and labels by which controllers hand an object on, and those of ordinary tools."""

from __future__ import annotations

import re
from itertools import product

import pytest

from sovereign_ai.rules.places.replication_annotations import REPLICATION_KEYS
from tests.rules import deciding

DONE = (
    "clone",
    "copy",
    "export",
    "forward",
    "import",
    "mirror",
    "push",
    "replicate",
    "share",
    "sync",
    "upload",
)
WHERE = ("to", "from", "with", "cluster", "namespaces", "source", "target", "remote")
_PUBLISHED = """
reflector.v1.k8s.emberstack.com/reflects reflector.v1.k8s.emberstack.com/reflection-auto-enabled
reflector.v1.k8s.emberstack.com/reflection-auto-namespaces
replicator.v1.mittwald.de/replicate-to-matching replicator.v1.mittwald.de/replication-allowed-namespaces
kubed.appscode.com/sync kubed.appscode.com/sync-contexts skupper.io/proxy skupper.io/type
k8s.io/CloneRequest cdi.kubevirt.io/storage.import.endpoint cdi.kubevirt.io/storage.upload.target
cdi.kubevirt.io/storage.clone.source trident.netapp.io/shareFromPVC trident.netapp.io/shareToNamespace
trident.netapp.io/cloneFromPVC trident.netapp.io/importOriginalName trident.netapp.io/importBackendUUID
trident.netapp.io/internalVolumeMirrorRelationship csi.hpe.com/importVolumeName
csi.hpe.com/importVolAsClone csi.hpe.com/cloneOf replication.storage.openshift.io/replication-source
propagate.hnc.x-k8s.io/all
"""
_ORDINARY = """
argocd.argoproj.io/sync-wave argocd.argoproj.io/sync-options argocd.argoproj.io/tracking-id helm.sh/hook
meta.helm.sh/release-namespace kubectl.kubernetes.io/last-applied-configuration
app.kubernetes.io/managed-by deployment.kubernetes.io/revision deployment.kubernetes.io/desired-replicas
deployment.kubernetes.io/max-replicas volume.kubernetes.io/selected-node
pv.kubernetes.io/bound-by-controller reloader.stakater.com/auto
volume.beta.kubernetes.io/storage-provisioner cert-manager.io/common-name cert-manager.io/alt-names
cluster-autoscaler.kubernetes.io/safe-to-evict prometheus.io/scrape sidecar.istio.io/inject
grafana_dashboard kueue.x-k8s.io/queue-name backup.velero.io/backup-volumes velero.io/restore-name
ray.io/cluster-name pulumi.com/patchForce config.kubernetes.io/origin kustomize.toolkit.fluxcd.io/name
csi.storage.k8s.io/ephemeral sealedsecrets.bitnami.com/managed autoscaling.keda.sh/paused-replicas
reconcile.external-secrets.io/data-hash example.org/sync-interval example.org/export-format
example.org/shared example.org/mirror example.org/synced-at example.org/sender example.org/copyright
example.org/important example.org/cloned
"""


def spellings(done: str, where: str) -> tuple[str, ...]:
    """Return the ways in which a controller may write what is done, and to or from where."""
    joined = f"{done}{where.capitalize()}"
    return (
        f"{done}-{where}",
        f"{done}_{where}",
        f"{done}.{where}",
        joined,
        f"auto-{done}-{where}",
        f"{joined}s",
    )


@pytest.mark.parametrize(("done", "where"), list(product(DONE, WHERE)))
def test_what_is_done_and_where_is_read_in_every_spelling_and_domain(done: str, where: str) -> None:
    for name in spellings(done, where):
        for domain in ("example.org", "controllers.v2.example.com"):
            assert re.search(REPLICATION_KEYS, f"{domain}/{name}"), name


@pytest.mark.parametrize("name", _PUBLISHED.split())
def test_an_annotation_of_a_published_controller_is_refused_unless_it_is_off(name: str) -> None:
    for value, rules in (("true", {"NET-010"}), ("", {"NET-010"}), ("abroad", {"NET-010"}), ("False", set())):
        secret = deciding.obj("Secret", "v1", metadata={"annotations": {name: value}}, type="Opaque")
        assert deciding.refused_by(secret) == rules, value


@pytest.mark.parametrize("name", _ORDINARY.split())
def test_an_annotation_of_ordinary_tools_is_let_in(name: str) -> None:
    assert not re.search(REPLICATION_KEYS, name)
