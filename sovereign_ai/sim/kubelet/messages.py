r"""The kubelet's plugin protocols, described field by field and built at run time; no generated code.

Kubernetes 1.37, k8s.io/kubelet: device plugin `v1beta1`, plugin registration `v1`, DRA `v1`, DRA resource
health `v1`, pod resources `v1`. Only fields that are used are described; others that a peer sends are
ignored.

    >>> device = DEVICE_PLUGIN["Device"](id="GPU-1", health="Healthy")
    >>> device.SerializeToString()
    b'\n\x05GPU-1\x12\x07Healthy'
"""

from __future__ import annotations

from sovereign_ai.cluster.api import declare

DEVICE_PLUGIN = declare(
    "v1beta1",
    {
        "Empty": {},
        "DevicePluginOptions": {
            "pre_start_required": (1, "bool"),
            "get_preferred_allocation_available": (2, "bool"),
        },
        "RegisterRequest": {
            "version": (1, "string"),
            "endpoint": (2, "string"),
            "resource_name": (3, "string"),
            "options": (4, "DevicePluginOptions"),
        },
        "NumaNode": {"id": (1, "int64")},
        "Topology": {"nodes": (1, "*NumaNode")},
        "Device": {"id": (1, "string"), "health": (2, "string"), "topology": (3, "Topology")},
        "ListAndWatchResponse": {"devices": (1, "*Device")},
        "PreferredRequest": {
            "available": (1, "*string"),
            "must_include": (2, "*string"),
            "size": (3, "int32"),
        },
        "PreferredAllocationRequest": {"containers": (1, "*PreferredRequest")},
        "PreferredResponse": {"device_ids": (1, "*string")},
        "PreferredAllocationResponse": {"containers": (1, "*PreferredResponse")},
        "ContainerRequest": {"device_ids": (1, "*string")},
        "AllocateRequest": {"containers": (1, "*ContainerRequest")},
        "Mount": {"container_path": (1, "string"), "host_path": (2, "string"), "read_only": (3, "bool")},
        "DeviceFile": {
            "container_path": (1, "string"),
            "host_path": (2, "string"),
            "permissions": (3, "string"),
        },
        "ContainerResponse": {
            "envs": (1, "map:string"),
            "mounts": (2, "*Mount"),
            "devices": (3, "*DeviceFile"),
        },
        "AllocateResponse": {"containers": (1, "*ContainerResponse")},
        "PreStartRequest": {"device_ids": (1, "*string")},
        "PreStartResponse": {},
    },
)
"""Device plugin: the kubelet's `Registration`, and the plugin's `DevicePlugin`."""

REGISTRATION = declare(
    "pluginregistration",
    {
        "InfoRequest": {},
        "PluginInfo": {
            "type": (1, "string"),
            "name": (2, "string"),
            "endpoint": (3, "string"),
            "supported_versions": (4, "*string"),
        },
        "RegistrationStatus": {"plugin_registered": (1, "bool"), "error": (2, "string")},
        "RegistrationStatusResponse": {},
    },
)
"""Plugin registration: the kubelet discovers a socket in `plugins_registry` and asks for its driver."""

DRA = declare(
    "k8s.io.kubelet.pkg.apis.dra.v1",
    {
        "Claim": {"namespace": (1, "string"), "uid": (2, "string"), "name": (3, "string")},
        "Device": {
            "request_names": (1, "*string"),
            "pool_name": (2, "string"),
            "device_name": (3, "string"),
            "cdi_device_ids": (4, "*string"),
        },
        "PrepareRequest": {"claims": (1, "*Claim")},
        "Prepared": {"devices": (1, "*Device"), "error": (2, "string")},
        "PrepareResponse": {"claims": (1, "map:Prepared")},
        "UnprepareRequest": {"claims": (1, "*Claim")},
        "Unprepared": {"error": (1, "string")},
        "UnprepareResponse": {"claims": (1, "map:Unprepared")},
    },
)
"""DRA: the kubelet asks to prepare claims, and to release them."""

HEALTH = declare(
    "v1",
    {
        "WatchRequest": {},
        "Identifier": {"pool_name": (1, "string"), "device_name": (2, "string")},
        "DeviceHealth": {
            "device": (1, "Identifier"),
            # An enumeration, which is encoded as a number: 0 unknown, 1 healthy, 2 unhealthy.
            "health": (2, "int32"),
            "last_updated_time": (3, "int64"),
            "health_check_timeout_seconds": (4, "int64"),
            "message": (5, "string"),
        },
        "WatchResponse": {"devices": (1, "*DeviceHealth")},
    },
)
"""DRA resource health."""

POD_RESOURCES = declare(
    "v1",
    {
        "ListRequest": {},
        "ContainerDevices": {"resource_name": (1, "string"), "device_ids": (2, "*string")},
        "ClaimDevice": {
            "driver_name": (2, "string"),
            "pool_name": (3, "string"),
            "device_name": (4, "string"),
        },
        "Claim": {
            "claim_name": (2, "string"),
            "claim_namespace": (3, "string"),
            "devices": (4, "*ClaimDevice"),
        },
        "Container": {"name": (1, "string"), "devices": (2, "*ContainerDevices"), "claims": (5, "*Claim")},
        "Pod": {"name": (1, "string"), "namespace": (2, "string"), "containers": (3, "*Container")},
        "ListResponse": {"pods": (1, "*Pod")},
    },
)
"""Pod resources: the kubelet lists the devices of each pod."""
