"""Rules on the description: decided on the typed model and its plan, before any object is rendered.

Each module has its rules in `RULES`, which `rules/registry.py` collects. A violation points at the field of
the description that causes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.rules.description.providers import (
        ClusterProvider,
        reject_clusters,
        reject_resource,
    )
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "providers": ("ClusterProvider", "reject_clusters", "reject_resource"),
        },
    )

__all__ = ["ClusterProvider", "reject_clusters", "reject_resource"]
