"""Rendered objects for the programs that deliver them: Argo CD, Flux and Helm.

* The objects stay what the rules judged. Annotations for the delivering program are added, and nothing that
  it templates or patches reaches them.
* The order of application is `phases`; what is never deleted is `retention`.
* No file holds a secret: an address with an account in it is refused, and a Secret is referred to by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.render.delivery.gitops import GITOPS_TOOLS, gitops_files, warnings
    from sovereign_ai.render.delivery.helm import HELM_WARNINGS, chart_files
    from sovereign_ai.render.delivery.phases import PHASES, phase_of
    from sovereign_ai.render.delivery.repository import Repository, parse_repository
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "gitops": ("GITOPS_TOOLS", "gitops_files", "warnings"),
            "helm": ("HELM_WARNINGS", "chart_files"),
            "phases": ("PHASES", "phase_of"),
            "repository": ("Repository", "parse_repository"),
        },
    )

__all__ = [
    "GITOPS_TOOLS",
    "HELM_WARNINGS",
    "PHASES",
    "Repository",
    "chart_files",
    "gitops_files",
    "parse_repository",
    "phase_of",
    "warnings",
]
