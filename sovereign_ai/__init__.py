"""Infrastructure as code for sovereign AI datacenters: from a typed description to a verified AI factory.

The public names are loaded on first use, so that `import sovereign_ai` stays cheap and pulls in
neither Pulumi nor a Kubernetes client.

    import sovereign_ai as sai
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.render.kubernetes.bundle import render

    factory = sai.load("factory.yaml")        # or sai.AIFactory(...) in Python
    bundle = render(factory, plan(factory))
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# The module of each public name below this package, for `__getattr__`.
_HOMES = {
    "AIFactory": "spec.factory",
    "AllowedKind": "spec.zone",
    "Backup": "spec.storage",
    "Certificate": "spec.operator",
    "ClusterLimits": "spec.factory",
    "Coolant": "spec.site",
    "Cooling": "spec.site",
    "Encryption": "spec.storage",
    "Fabric": "spec.fabric",
    "Feed": "spec.site",
    "Flow": "spec.zone",
    "Gateway": "spec.zone",
    "GpuNodePool": "spec.pool",
    "GridContract": "spec.site",
    "Hall": "spec.site",
    "HeatReuse": "spec.site",
    "Images": "spec.supplier",
    "Isolation": "spec.zone",
    "Key": "spec.storage",
    "Network": "spec.factory",
    "Operator": "spec.operator",
    "Parent": "spec.operator",
    "Power": "spec.site",
    "Provider": "spec.zone",
    "ResidencyPolicy": "spec.zone",
    "SecurityZone": "spec.zone",
    "Service": "spec.service",
    "Shareholder": "spec.operator",
    "Site": "spec.site",
    "Snapshots": "spec.storage",
    "Staff": "spec.operator",
    "StorageTier": "spec.storage",
    "SubProcessor": "spec.operator",
    "Supplier": "spec.supplier",
    "Tenant": "spec.zone",
    "Uplink": "spec.site",
    "Waiver": "spec.supplier",
    "Workload": "spec.supplier",
    "read": "spec.load",
}

__all__ = [
    "AIFactory",
    "Fabric",
    "GpuNodePool",
    "ResidencyPolicy",
    "SecurityZone",
    "StorageTier",
    "load",
    "read",
]


def load(path: str) -> Any:
    """Read a description from a file or a stack's folder.

    In a running Pulumi program the problems are raised as `pulumi.RunError`, which the engine shows
    without a traceback.

    Raises:
        SpecError: every problem, with file, line and column.
    """
    from sovereign_ai.errors import SovereignError  # noqa: PLC0415 - late, for a quick import
    from sovereign_ai.spec.load import load as loaded  # noqa: PLC0415

    try:
        return loaded(path)
    except SovereignError as error:
        # Only a Pulumi program has imported it; importing it here would slow down every other caller.
        pulumi = sys.modules.get("pulumi")
        if pulumi is None:
            raise
        raise pulumi.RunError(str(error)) from None


def __getattr__(name: str) -> Any:
    """Load a public name from its room."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sovereign_ai' has no attribute {name!r}")
    module = import_module(f"sovereign_ai.{home}")
    return getattr(module, name)
