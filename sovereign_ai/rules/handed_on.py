r"""Annotations and labels by which controllers hand an object's content on, or fill it from elsewhere.

A Secret, a ConfigMap or a claim names no place. But controllers that copy objects between namespaces and
clusters, and drivers of storage, take orders from what is written on it: `replicate-to: startups`,
`sync-contexts: abroad`, `shareFromPVC: other/volume`. They are read by their shape, so that those of another
controller count too: what is done, and to or from where. The words were read on 2026-12-01 in the
documentations of kubernetes-replicator, reflector, Config Syncer, Skupper, CDI, Trident, HPE's CSI driver,
CSI-Addons and Hierarchical Namespaces.

    >>> import re
    >>> bool(re.search(COPIES, "replicator.v1.mittwald.de/replicate-to"))
    True
    >>> bool(re.search(COPIES, "argocd.argoproj.io/sync-wave"))
    False
"""

from __future__ import annotations

from sovereign_ai.rules.cel_literals import literal

_DONE = (
    "(?:clon|cop(?:y|i)|duplicat|export|forward|import|mirror|offload|propagat|push|reflect|replicat|send"
    "|shar|sync|upload)(?:e|ed|es|ing|ion|or|s)?"
)
_WHERE = (
    "(?:to|from|into|with|across|allowed|auto|as|backend|clusters?|contexts?|endpoint|groups?|hosts?"
    "|namespaces?|of|original|peers?|regions?|relationship|remote|request|source|targets?|vol)"
)
_TO_OTHERS = "(?:admiralty|clusternet|k8up|kubefed|kubeslice|liqo|skupper|submariner|hnc[.]x-k8s)"
COPIES = (
    rf"(?i)/(?:[a-z0-9._-]*[._-]|[a-z]*volume)?{_DONE}[._-]?{_WHERE}(?:[^a-z]|[a-z]*$)"
    "|/(?:[a-z0-9._-]*[._-])?(?:reflects|sync)$"
    # Domains whose annotations do nothing else.
    r"|(?:eks|iam)[.]amazonaws[.]com/|iam[.]gke[.]io/|workload[.]identity/"
    rf"|(?:^|[.]){_TO_OTHERS}[.]io/|(?:^|[.])(?:tailscale|ngrok)[.]com/|^replication[.]"
)
"""Names of annotations and labels, as a regular expression."""
_OFF = ["0", "disabled", "false", "no", "none", "off"]


_WRITTEN = " + ".join(
    f"(has(object.metadata.{holder}) ? [object.metadata.{holder}] : [])"
    for holder in ("annotations", "labels")
)
STAYS_WHERE_IT_IS = (
    f"({_WRITTEN}).all(m, m.all(k, !k.matches({literal(COPIES)}) || m[k].lowerAscii() in {literal(_OFF)}))"
)
"""CEL: no annotation or label has a controller hand the object on, or fill it; one may be switched off."""
