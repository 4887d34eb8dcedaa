"""The typed parts of a description, which users compose in Python or YAML with equal results.

Every part is frozen and refuses unknown fields. `reader.py` is the reader of files. `checks/` compares the
parts with each other. Nothing here derives a number, which is the plan's task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.spec.base import Day, Model, Name, Text
    from sovereign_ai.spec.cabling import Cabling
    from sovereign_ai.spec.campus import Building, BuildingLink, BuildingRoute, Campus
    from sovereign_ai.spec.catalog_files import rows_in
    from sovereign_ai.spec.disruption import DisruptionBudget, MaintenanceWindow
    from sovereign_ai.spec.dns import CLUSTER_NAMES, Dns, Resolver
    from sovereign_ai.spec.fabric import Border, Fabric
    from sovereign_ai.spec.factory import AIFactory, ClusterLimits, Network
    from sovereign_ai.spec.field_location import TextForm
    from sovereign_ai.spec.images import Images, ImageSignature, Signer
    from sovereign_ai.spec.json_schema import schema
    from sovereign_ai.spec.manifest import api_group, defined_kind, is_definition, manifest_title
    from sovereign_ai.spec.manifest_shapes import ADMISSION, RBAC, wrong_shapes
    from sovereign_ai.spec.operator import Certificate, Operator, Parent, Shareholder, Staff, SubProcessor
    from sovereign_ai.spec.phase import Phase, PhasePool
    from sovereign_ai.spec.platform import Contact, Controller, Platform, WorkerCluster
    from sovereign_ai.spec.pool import GpuNodePool
    from sovereign_ai.spec.power_chain import (
        Busway,
        Circuit,
        Generators,
        GridConnection,
        Mechanical,
        PowerCap,
        PowerChain,
        RackBusbar,
        Transformers,
        Ups,
        UpsEfficiency,
    )
    from sovereign_ai.spec.problems import from_validation, validated
    from sovereign_ai.spec.reader import description_file, load, read_data
    from sovereign_ai.spec.service import Service, ServiceKind
    from sovereign_ai.spec.site import (
        Coolant,
        Cooling,
        DistributionUnits,
        Feed,
        GridContract,
        Hall,
        HeatReuse,
        Power,
        Site,
        Uplink,
    )
    from sovereign_ai.spec.source import of_python
    from sovereign_ai.spec.storage import (
        Backup,
        Csi,
        Encryption,
        Key,
        Snapshots,
        StorageProtocol,
        StorageTier,
    )
    from sovereign_ai.spec.supplier import Supplier
    from sovereign_ai.spec.waiver import WAIVER_RESOURCE, Approver, Waiver
    from sovereign_ai.spec.workload import ModelSize, Workload
    from sovereign_ai.spec.zone import (
        AllowedKind,
        Flow,
        Gateway,
        Isolation,
        Provider,
        ResidencyPolicy,
        SecurityZone,
        Tenant,
    )
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "base": ("Day", "Model", "Name", "Text"),
            "cabling": ("Cabling",),
            "campus": ("Building", "BuildingLink", "BuildingRoute", "Campus"),
            "catalog_files": ("rows_in",),
            "disruption": ("DisruptionBudget", "MaintenanceWindow"),
            "dns": ("CLUSTER_NAMES", "Dns", "Resolver"),
            "fabric": ("Border", "Fabric"),
            "factory": ("AIFactory", "ClusterLimits", "Network"),
            "field_location": ("TextForm",),
            "images": ("ImageSignature", "Images", "Signer"),
            "json_schema": ("schema",),
            "manifest": ("api_group", "defined_kind", "is_definition", "manifest_title"),
            "manifest_shapes": ("ADMISSION", "RBAC", "wrong_shapes"),
            "operator": ("Certificate", "Operator", "Parent", "Shareholder", "Staff", "SubProcessor"),
            "phase": ("Phase", "PhasePool"),
            "platform": ("Contact", "Controller", "Platform", "WorkerCluster"),
            "pool": ("GpuNodePool",),
            "power_chain": (
                "Busway",
                "Circuit",
                "Generators",
                "GridConnection",
                "Mechanical",
                "PowerCap",
                "PowerChain",
                "RackBusbar",
                "Transformers",
                "Ups",
                "UpsEfficiency",
            ),
            "problems": ("from_validation", "validated"),
            "reader": ("description_file", "load", "read_data"),
            "service": ("Service", "ServiceKind"),
            "site": (
                "Coolant",
                "Cooling",
                "DistributionUnits",
                "Feed",
                "GridContract",
                "Hall",
                "HeatReuse",
                "Power",
                "Site",
                "Uplink",
            ),
            "source": ("of_python",),
            "storage": ("Backup", "Csi", "Encryption", "Key", "Snapshots", "StorageProtocol", "StorageTier"),
            "supplier": ("Supplier",),
            "waiver": ("Approver", "WAIVER_RESOURCE", "Waiver"),
            "workload": ("ModelSize", "Workload"),
            "zone": (
                "AllowedKind",
                "Flow",
                "Gateway",
                "Isolation",
                "Provider",
                "ResidencyPolicy",
                "SecurityZone",
                "Tenant",
            ),
        },
    )

__all__ = [
    "ADMISSION",
    "CLUSTER_NAMES",
    "RBAC",
    "WAIVER_RESOURCE",
    "AIFactory",
    "AllowedKind",
    "Approver",
    "Backup",
    "Border",
    "Building",
    "BuildingLink",
    "BuildingRoute",
    "Busway",
    "Cabling",
    "Campus",
    "Certificate",
    "Circuit",
    "ClusterLimits",
    "Contact",
    "Controller",
    "Coolant",
    "Cooling",
    "Csi",
    "Day",
    "DisruptionBudget",
    "DistributionUnits",
    "Dns",
    "Encryption",
    "Fabric",
    "Feed",
    "Flow",
    "Gateway",
    "Generators",
    "GpuNodePool",
    "GridConnection",
    "GridContract",
    "Hall",
    "HeatReuse",
    "ImageSignature",
    "Images",
    "Isolation",
    "Key",
    "MaintenanceWindow",
    "Mechanical",
    "Model",
    "ModelSize",
    "Name",
    "Network",
    "Operator",
    "Parent",
    "Phase",
    "PhasePool",
    "Platform",
    "Power",
    "PowerCap",
    "PowerChain",
    "Provider",
    "RackBusbar",
    "ResidencyPolicy",
    "Resolver",
    "SecurityZone",
    "Service",
    "ServiceKind",
    "Shareholder",
    "Signer",
    "Site",
    "Snapshots",
    "Staff",
    "StorageProtocol",
    "StorageTier",
    "SubProcessor",
    "Supplier",
    "Tenant",
    "Text",
    "TextForm",
    "Transformers",
    "Uplink",
    "Ups",
    "UpsEfficiency",
    "Waiver",
    "WorkerCluster",
    "Workload",
    "api_group",
    "defined_kind",
    "description_file",
    "from_validation",
    "is_definition",
    "load",
    "manifest_title",
    "of_python",
    "read_data",
    "rows_in",
    "schema",
    "validated",
    "wrong_shapes",
]
