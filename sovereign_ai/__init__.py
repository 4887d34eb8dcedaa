"""Infrastructure as code for sovereign AI datacenters: from a typed description to a verified AI factory.

The public names are loaded on first use, so that `import sovereign_ai` stays cheap and pulls in
neither Pulumi nor a Kubernetes client.

    import sovereign_ai as sai
    from sovereign_ai.plan import plan
    from sovereign_ai.render.kubernetes import render

    factory = sai.load("factory.yaml")        # or sai.AIFactory(...) in Python
    bundle = render(factory, plan(factory))
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

__version__ = "0.2.0"

# The package of each public name, for `__getattr__`.
_HOMES = {
    "AIFactory": "spec",
    "AllowedKind": "spec",
    "Backup": "spec",
    "Busway": "spec",
    "Cabling": "spec",
    "Certificate": "spec",
    "Circuit": "spec",
    "ClusterLimits": "spec",
    "Coolant": "spec",
    "Cooling": "spec",
    "Csi": "spec",
    "Dns": "spec",
    "Encryption": "spec",
    "Fabric": "spec",
    "Feed": "spec",
    "Flow": "spec",
    "Gateway": "spec",
    "Generators": "spec",
    "GpuNodePool": "spec",
    "GridConnection": "spec",
    "GridContract": "spec",
    "Hall": "spec",
    "HeatReuse": "spec",
    "Images": "spec",
    "Isolation": "spec",
    "Key": "spec",
    "Mechanical": "spec",
    "Network": "spec",
    "Operator": "spec",
    "Parent": "spec",
    "Power": "spec",
    "PowerCap": "spec",
    "PowerChain": "spec",
    "Provider": "spec",
    "RackBusbar": "spec",
    "ResidencyPolicy": "spec",
    "Resolver": "spec",
    "SecurityZone": "spec",
    "Service": "spec",
    "Shareholder": "spec",
    "Site": "spec",
    "Snapshots": "spec",
    "Staff": "spec",
    "StorageTier": "spec",
    "SubProcessor": "spec",
    "Supplier": "spec",
    "Tenant": "spec",
    "Transformers": "spec",
    "Uplink": "spec",
    "Ups": "spec",
    "UpsEfficiency": "spec",
    "Waiver": "spec",
    "Workload": "spec",
    "read": "spec.reader",
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
    from sovereign_ai.spec import load as loaded  # noqa: PLC0415

    try:
        return loaded(path)
    except SovereignError as error:
        # Only a Pulumi program has imported it; importing it here would slow down every other caller.
        pulumi = sys.modules.get("pulumi")
        if pulumi is None:
            raise
        raise pulumi.RunError(str(error)) from None


def __dir__() -> list[str]:
    """Return all public names, also those whose packages are not loaded yet."""
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    """Load a public name from its package."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'sovereign_ai' has no attribute {name!r}")
    module = import_module(f"sovereign_ai.{home}")
    return getattr(module, name)
