"""Kinds whose objects are judged in namespaces of others too: they may send something out of the cluster."""

from __future__ import annotations

from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.placeless_kinds import HARMLESS

_SENDING = """
.admiralty.io/ .argoproj.io/Application .azure.com/ .backube/ .banzaicloud.io/ .cfargotunnel.com/
.cilium.io/CiliumNodeConfig .clusternet.io/ .cnrm.cloud.google.com/ .crossplane.io/ .datadoghq.com/
.dynatrace.com/ .elastic.co/ .eventing.keda.sh/ .eventing.knative.dev/ .extensions.istio.io/
.external-secrets.io/PushSecret .external-secrets.io/SecretStore .fleet.cattle.io/ .fluent.io/
.generators.external-secrets.io/ACR .generators.external-secrets.io/Cloudsmith
.generators.external-secrets.io/ECR .generators.external-secrets.io/GCR
.generators.external-secrets.io/Github .generators.external-secrets.io/Grafana
.generators.external-secrets.io/Quay .generators.external-secrets.io/STS
.helm.toolkit.fluxcd.io/HelmRelease .integreatly.org/ .jaegertracing.io/ .k8up.io/
.kafka.strimzi.io/KafkaMirrorMaker .karmada.io/ .kcp.io/ .kio.kasten.io/ .kosmos.io/ .kubeadmiral.io/
.kubefed.io/ .kubernetes-fleet.io/ .kubeslice.io/ .kubestellar.io/
.kustomize.toolkit.fluxcd.io/Kustomization .libopenstorage.org/ .liqo.io/ .loft.sh/
.logging.openshift.io/ .monitoring.coreos.com/ .monitoring.grafana.com/ .multicluster.x-k8s.io/
.netbird.io/ .networking.istio.io/DestinationRule .networking.istio.io/EnvoyFilter
.networking.istio.io/ServiceEntry .networking.istio.io/VirtualService .networking.istio.io/Sidecar
.newrelic.com/ .ngrok.com/
.objectbucket.io/ .objectstorage.k8s.io/ .observability.openshift.io/ .open-cluster-management.io/
.opentelemetry.io/ .projectsveltos.io/ .ramendr.openshift.io/ .replication.storage.openshift.io/
.services.k8s.aws/ .skupper.io/ .sources.knative.dev/ .splunk.com/ .stash.appscode.com/ .submariner.io/
.tailscale.com/ .upbound.io/ .velero.io/BackupR .velero.io/BackupS .velero.io/D .velero.io/P .velero.io/V
.victoriametrics.com/
"""
EXPORTING = tuple(_SENDING.split())
"""API groups, or kinds of one, that send data, or what is stored, out of the cluster from wherever they are.

They are backups, replicas, telemetry, clouds' own resources and other clusters (each project's own API
reference, read on 2026-11-27), and what leads the requests of a whole mesh, whichever namespace it is in.
Storage that a cluster runs by itself is not here, although it can copy to other places: its controllers write
such objects all the time, and would stand still. Each begins with a dot, and groups end with the slash before
a kind, so that no part of a group's name matches. Of Velero it is
all but backups, restores and their schedules: what these store goes to a location, which is judged itself.
"""
_OUTSIDE_NAMESPACES = """
.antrea.io/ .argoproj.io/ .cert-manager.io/ .cilium.io/ .cluster.x-k8s.io/ .config.openshift.io/
.crd.projectcalico.org/ .external-secrets.io/ .fluxcd.io/ .gatekeeper.sh/ .k8s.cni.cncf.io/ .k8s.ovn.org/
.karpenter.k8s.aws/ .kubeovn.io/ .kueue.x-k8s.io/ .kuma.io/ .kyverno.io/ .metallb.io/ .networking.gke.io/
.networking.istio.io/ .nmstate.io/ .operator.openshift.io/ .policy.networking.k8s.io/ .projectcalico.org/
.security.istio.io/ .spire.spiffe.io/ .sriovnetwork.openshift.io/ .storage.k8s.io/
.tigera.io/ .whereabouts.cni.cncf.io/
"""
BEYOND = tuple(_OUTSIDE_NAMESPACES.split())
"""API groups whose kinds outside namespaces reach other clusters, clouds or networks, beside those."""

# Kinds that are listed by themselves have rules of their own on the factory's namespaces alone.
_OTHERWISE_KNOWN = {f"{one.api_group}/{one.kind}" for one in HARMLESS}
_OTHERWISE_KNOWN |= {f"{one.api_group}/{one.name}" for one in KINDS.values()}


def sends_out(group: str, kind: str) -> bool:
    """Return whether objects of a kind are judged in namespaces of others too: they may send something out.

    A kind that no rule knows is, by its shape. What is asked for metrics there is the cluster's own business.
    """
    key = f"{group}/{kind}"
    is_unknown = key not in ADDONS and key not in _OTHERWISE_KNOWN
    return is_unknown or (not kind.endswith("Monitor") and any(name in f".{key}" for name in EXPORTING))


_REQUESTED = 'request.kind.group + "/" + request.kind.kind'
SENDS_OUT = (
    f'(!({_REQUESTED} in $known_kinds) || (!request.kind.kind.endsWith("Monitor")'
    f' && $exporting.exists(e, ("." + {_REQUESTED}).contains(e))))'
)
"""CEL: the same of a request."""
