"""What puts other objects into clusters: Argo CD and Flux. Each of them is judged when it is written here."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.rules.addons.addon import Addon, absent, below, places
from sovereign_ai.rules.places.fields import Field

_ARGO_CD = "argo-cd.readthedocs.io/en/stable/operator-manual"
# A file of values, a component and a parameter's file may be a URL; a plugin reads its variables as it likes.
_ARGO_SOURCE = (
    *places("repoURL"),
    Field("helm.valueFiles[]", "text"),
    Field("helm.fileParameters[].path", "text"),
    Field("kustomize.components[]", "text"),
    Field("plugin.env[]", "variable"),
)
_APPLICATION = Addon(
    "argoproj.io",
    "Application",
    "network",
    f"{_ARGO_CD}/application.yaml",
    (
        Field("spec", "own-cluster"),
        # A sync that is asked for in the object itself may bring a source of its own.
        *below(("spec", "operation.sync"), below(("source", "sources[]"), _ARGO_SOURCE)),
        *absent("spec.sourceHydrator", "operation.sync.manifests"),
    ),
)
_GENERATORS = ("clusterDecisionResource", "matrix", "merge", "plugin", "pullRequest", "scmProvider")
_APPLICATION_SET = Addon(
    "argoproj.io",
    "ApplicationSet",
    "network",
    f"{_ARGO_CD}/applicationset.yaml",
    (
        Field("spec.template.spec", "own-cluster"),
        *below(("spec.template.spec.source",), _ARGO_SOURCE),
        *places("spec.generators[].git.repoURL"),
        # Each of these may exchange the destination, or asks somebody else for it.
        *absent("spec.templatePatch", "spec.template.spec.sources", "spec.template.spec.sourceHydrator"),
        *absent("spec.generators[].list.template", "spec.generators[].git.template"),
        *absent("spec.generators[].clusters.template"),
        *absent(*(f"spec.generators[].{name}" for name in _GENERATORS)),
    ),
)
_FLUX = "fluxcd.io/flux/components"
_KUSTOMIZATION = Addon(
    "kustomize.toolkit.fluxcd.io",
    "Kustomization",
    "network",
    f"{_FLUX}/kustomize/kustomizations",
    (*absent("spec.kubeConfig"), Field("spec.components[]", "text")),
)
_HELM_RELEASE = Addon(
    "helm.toolkit.fluxcd.io",
    "HelmRelease",
    "network",
    f"{_FLUX}/helm/helmreleases",
    absent("spec.kubeConfig"),
)

# What Flux reads its objects from, in a zone. In namespaces of its own it may be what deploys the factory;
# what it brings is judged when it is written.
_FLUX_SOURCES = {
    "GitRepository": (
        Field("spec", "required-keys", ("url",)),
        *places("spec.url"),
        *absent("spec.proxySecretRef"),
        # Any other signs in at a cloud, or at GitHub.
        Field("spec.provider", "one-of", ("", "generic")),
    ),
    "OCIRepository": (
        *places("spec.url"),
        # Signatures by identities are looked up at Sigstore's own servers.
        *absent("spec.proxySecretRef", "spec.verify.matchOIDCIdentity"),
        Field("spec.provider", "one-of", ("", "generic")),
    ),
    "HelmRepository": (*places("spec.url"), Field("spec.provider", "one-of", ("", "generic"))),
    "Bucket": (
        *places("spec.endpoint", "spec.sts.endpoint"),
        *absent("spec.proxySecretRef"),
        Field("spec.provider", "one-of", ("", "generic")),
    ),
}


def _flux_sources() -> Iterator[Addon]:
    """Yield the kinds of Flux that name a source."""
    for kind, fields in _FLUX_SOURCES.items():
        yield Addon("source.toolkit.fluxcd.io", kind, "network", f"{_FLUX}/source", fields)


DELIVERY = (
    _APPLICATION,
    _APPLICATION_SET,
    _KUSTOMIZATION,
    _HELM_RELEASE,
    *_flux_sources(),
)
