"""Kinds whose objects are judged in namespaces of others too: they may send something out of the cluster."""

from __future__ import annotations

from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.placeless_kinds import HARMLESS

_SENDING = """
.admiralty.io/ .argoproj.io/Application .azure.com/ .backube/ .cfargotunnel.com/
.cilium.io/CiliumNodeConfig .clusternet.io/ .cnrm.cloud.google.com/ .datadoghq.com/ .dynatrace.com/
.elastic.co/ .eventing.keda.sh/ .extensions.istio.io/ .external-secrets.io/PushSecret
.external-secrets.io/SecretStore .fleet.cattle.io/ .fluentbit.fluent.io/ClusterOutput
.fluentbit.fluent.io/Output .generators.external-secrets.io/ACR
.generators.external-secrets.io/Cloudsmith .generators.external-secrets.io/ECR
.generators.external-secrets.io/GCR .generators.external-secrets.io/Github
.generators.external-secrets.io/Grafana .generators.external-secrets.io/Quay
.generators.external-secrets.io/STS .helm.crossplane.io/ .helm.toolkit.fluxcd.io/HelmRelease .k8up.io/
.kafka.strimzi.io/KafkaMirrorMaker .karmada.io/ .kcp.io/ .kio.kasten.io/ .kosmos.io/ .kubeadmiral.io/
.kubefed.io/ .kubernetes-fleet.io/ .kubernetes.crossplane.io/ .kubeslice.io/ .kubestellar.io/
.kustomize.toolkit.fluxcd.io/Kustomization .libopenstorage.org/ .liqo.io/ .loft.sh/
.logging.openshift.io/ .m.crossplane.io/ .monitoring.coreos.com/ .multicluster.x-k8s.io/ .netbird.io/
.networking.istio.io/DestinationRule .networking.istio.io/EnvoyFilter .networking.istio.io/ServiceEntry
.networking.istio.io/Sidecar .networking.istio.io/VirtualService .newrelic.com/ .ngrok.com/
.objectstorage.k8s.io/ .observability.openshift.io/ .open-cluster-management.io/ .pkg.crossplane.io/
.projectsveltos.io/ .ramendr.openshift.io/ .replication.storage.openshift.io/ .services.k8s.aws/
.skupper.io/ .splunk.com/ .stash.appscode.com/ .submariner.io/ .tailscale.com/ .upbound.io/
.velero.io/BackupR .velero.io/BackupS .velero.io/D .velero.io/P .velero.io/V
"""
EXPORTING = tuple(_SENDING.split())
"""API groups, or kinds of one, that send data, or what is stored, out of the cluster from wherever they are.

They are backups, replicas, clouds' own resources and other clusters (each project's own API reference, read
on 2026-11-27), and what leads the requests of a whole mesh, whichever namespace it is in. Telemetry that may
stay inside, such as that of OpenTelemetry's operator, is judged by its shape.
Storage that a cluster runs by itself is not here, although it can copy to other places: its controllers write
such objects all the time, and would stand still. Each begins with a dot, and groups end with the slash before
a kind, so that no part of a group's name matches. Of Velero it is
all but backups, restores and their schedules: what these store goes to a location, which is judged itself.
"""
_OUTSIDE_NAMESPACES = """
.antrea.io/ClusterN .antrea.io/ClusterS .antrea.io/Egress .antrea.io/TrafficControl .argoproj.io/
.cilium.io/CiliumCIDRGroup .cilium.io/CiliumClusterwideE .cluster.x-k8s.io/ .config.openshift.io/
.external-secrets.io/ .k8s.ovn.org/ .karpenter.k8s.aws/ .kubeovn.io/Ipt .kubeovn.io/Ovn .kubeovn.io/Vpc
.kueue.x-k8s.io/ .kuma.io/ .networking.gke.io/ .operator.openshift.io/ .policy.networking.k8s.io/
.projectcalico.org/External .projectcalico.org/GlobalNetworkSet .projectcalico.org/RemoteCluster
.projectcalico.org/Tier .storage.k8s.io/
"""
BEYOND = tuple(_OUTSIDE_NAMESPACES.split())
"""API groups, or kinds of one, that outside namespaces reach other clusters, clouds or networks too.

What network plugins and policy engines write as they start is not here: pools, their settings, constraints.
"""

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
