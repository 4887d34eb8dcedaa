"""RBAC: who holds which rights by roles and bindings, and which further rights these lead to.

The rules in `objects/` and the audit of a running cluster rely on it. It reads plain objects and asks no
cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.rules.rbac.closure import Rights
    from sovereign_ai.rules.rbac.control_plane import is_control_plane
    from sovereign_ai.rules.rbac.grants import SECRETS, RoleGrant, effective_grants
    from sovereign_ai.rules.rbac.matching import meets, selects
    from sovereign_ai.rules.rbac.subjects import ALL_USERS, STOCK, account_of, accounts_in, principal
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "closure": ("Rights",),
            "control_plane": ("is_control_plane",),
            "grants": ("RoleGrant", "SECRETS", "effective_grants"),
            "matching": ("meets", "selects"),
            "subjects": ("ALL_USERS", "STOCK", "account_of", "accounts_in", "principal"),
        },
    )

__all__ = [
    "ALL_USERS",
    "SECRETS",
    "STOCK",
    "Rights",
    "RoleGrant",
    "account_of",
    "accounts_in",
    "effective_grants",
    "is_control_plane",
    "meets",
    "principal",
    "selects",
]
