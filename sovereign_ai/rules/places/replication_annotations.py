r"""Annotations and labels by which controllers replicate an object, or fill it from a source elsewhere.

A Secret, a ConfigMap or a claim names no place. But controllers that replicate objects between namespaces and
clusters, and storage drivers, follow its annotations: `replicate-to: startups`, `sync-contexts: abroad`,
`shareFromPVC: other/volume`. They are recognized by their shape, a verb with a target
or source, so that those of another controller count too. The words were read on 2026-12-01 in the
documentations of kubernetes-replicator, reflector, Config Syncer, Skupper, CDI, Trident, HPE's CSI driver,
CSI-Addons and Hierarchical Namespaces.

    >>> import re
    >>> bool(re.search(REPLICATION_KEYS, "replicator.v1.mittwald.de/replicate-to"))
    True
    >>> bool(re.search(REPLICATION_KEYS, "argocd.argoproj.io/sync-wave"))
    False
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal

_REPLICATION_VERBS = (
    "(?:clon|cop(?:y|i)|duplicat|export|forward|import|mirror|offload|propagat|push|reflect|replicat|send"
    "|shar|sync|upload)(?:e|ed|es|ing|ion|or|s)?"
)
_TARGETS = (
    "(?:to|from|into|with|across|allowed|auto|as|backend|clusters?|contexts?|endpoint|groups?|hosts?"
    "|namespaces?|of|original|peers?|regions?|relationship|remote|request|source|targets?|vol)"
)
_MULTI_CLUSTER_DOMAINS = "(?:admiralty|clusternet|k8up|kubefed|kubeslice|liqo|skupper|submariner|hnc[.]x-k8s)"
REPLICATION_KEYS = (
    rf"(?i)/(?:[a-z0-9._-]*[._-]|[a-z]*volume)?{_REPLICATION_VERBS}[._-]?{_TARGETS}(?:[^a-z]|[a-z]*$)"
    "|/(?:[a-z0-9._-]*[._-])?(?:reflects|sync)$"
    # Domains whose annotations do nothing else.
    r"|(?:eks|iam)[.]amazonaws[.]com/|iam[.]gke[.]io/|workload[.]identity/"
    rf"|(?:^|[.]){_MULTI_CLUSTER_DOMAINS}[.]io/|(?:^|[.])(?:tailscale|ngrok)[.]com/|^replication[.]"
)
"""Names of annotations and labels, as a regular expression."""
_DISABLED = ["0", "disabled", "false", "no", "none", "off"]


_METADATA_MAPS = " + ".join(
    f"(has(object.metadata.{field}) ? [object.metadata.{field}] : [])" for field in ("annotations", "labels")
)
_IS_REPLICATION = f"k.matches({literal(REPLICATION_KEYS)})"
_IS_DISABLED = f"m[k].lowerAscii() in {literal(_DISABLED)}"
IS_NOT_REPLICATED = f"({_METADATA_MAPS}).all(m, m.all(k, !{_IS_REPLICATION} || {_IS_DISABLED}))"
"""CEL: no annotation or label has a controller replicate the object, or fill it; one may be disabled."""
