"""Every file of a repository from which Argo CD or Flux delivers the clusters of a factory.

Argo CD    <cluster>/<component>.yaml, kustomization.yaml          and argocd.yaml
Flux       <cluster>/<n>-<phase>/<component>.yaml, kustomization.yaml    and flux-<cluster>.yaml

A cluster's name is a DNS label, so no folder is called as one of these files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sovereign_ai.render.delivery import argocd, flux
from sovereign_ai.render.delivery.notes import EITHER, GUARDED
from sovereign_ai.render.delivery.repository import Repository
from sovereign_ai.render.kubernetes.bundle import Bundle, yaml_stream
from sovereign_ai.spec import AIFactory

GITOPS_TOOLS = ("argocd", "flux")
"""The values of `--gitops`."""
_UNGUARDED = (
    "elsewhere {tool} itself may write admission policies and bind roles, and so may whoever may push to "
    "the repository: `sovereign-ai audit` names it (LIV-003)"
)
_KEPT = (
    "namespaces, storage classes, quotas, limits and closing network policies stay when they leave the "
    "description, since a namespace holds data: delete them manually"
)
_FLUX_DRIFT = "Flux puts back what somebody changed, though `drift: report` asks to leave it"


def gitops_files(
    factory: AIFactory, bundles: Sequence[Bundle], tool: str, repository: Repository
) -> dict[str, str]:
    """Return the text of every file by its path.

    Args:
        factory: the description.
        bundles: the objects of each cluster.
        tool: one of `GITOPS_TOOLS`.
        repository: where the files are committed.
    """
    files: dict[str, str] = {}
    head = _comment(warnings(factory, tool))
    for bundle in bundles:
        folders = argocd.folders(bundle) if tool == "argocd" else flux.folders(bundle)
        for folder, part in folders:
            for name, text in part.files().items():
                files[f"{folder}/{name}"] = text
        if tool == "flux":
            files[f"flux-{bundle.cluster}.yaml"] = head + yaml_stream(
                flux.objects(bundle.cluster, repository)
            )
    if tool == "argocd":
        clusters = [bundle.cluster for bundle in bundles]
        files["argocd.yaml"] = head + yaml_stream(argocd.objects(factory, clusters, repository))
    return files


def warnings(factory: AIFactory, tool: str) -> tuple[str, ...]:
    """Return what somebody must know who has a program deliver the objects.

    Args:
        factory: the description.
        tool: one of `GITOPS_TOOLS`.
    """
    name = {"argocd": "Argo CD", "flux": "Flux"}[tool]
    texts = [GUARDED, _UNGUARDED.format(tool=name), EITHER.format(tool=name), _KEPT]
    if tool == "flux" and factory.drift == "report":
        texts.append(_FLUX_DRIFT)
    return tuple(texts)


def _comment(texts: Iterable[str]) -> str:
    """Return texts as lines of a YAML comment."""
    return "".join(f"{line}\n" for line in _comment_lines(texts))


def _comment_lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a YAML comment."""
    yield "# Written by `sovereign-ai render --gitops`. Before it is applied:"
    for text in texts:
        yield f"# - {text}."
