r"""The kubelet's plugin protocols, described field by field and built at run time; no generated code.

Kubernetes 1.37, k8s.io/kubelet: device plugin `v1beta1`, plugin registration `v1`, DRA `v1`, DRA resource
health `v1`, pod resources `v1`. Only what is used is described; a peer's further fields are passed over.

    >>> device = DEVICE_PLUGIN["Device"](id="GPU-1", health="Healthy")
    >>> device.SerializeToString()
    b'\n\x05GPU-1\x12\x07Healthy'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

Messages = Mapping[str, Any]
"""Message name to its class."""
_TYPES = {"string": 9, "bool": 8, "int32": 5, "int64": 3}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3


def describe(name: str, package: str, messages: Mapping[str, Mapping[str, str]]) -> Messages:
    """Build message classes.

    Args:
        name: what the description is called.
        package: the protocol's package.
        messages: message to field to `<number> [repeated] <type>`; a type is `string`, `bool`, `int32`, `int64`, another
            message, or `map <type>` for a mapping from text.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=package, syntax="proto3")
    for message, fields in messages.items():
        described = file.message_type.add(name=message)
        for field, text in fields.items():
            _add(described, f".{package}", field, text.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {message: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{message}")) for message in messages}


def _add(message: Any, scope: str, field: str, words: list[str]) -> None:
    """Add one field to a message's description."""
    number, kind = int(words[0]), words[-1]
    repeated = words[1] in {"repeated", "map"}
    added = message.field.add(name=field, number=number, label=_REPEATED if repeated else _OPTIONAL)
    if words[1] == "map":
        entry = message.nested_type.add(name=f"{field.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add(entry, scope, "key", ["1", "string"])
        _add(entry, scope, "value", ["2", kind])
        added.type, added.type_name = _MESSAGE, f"{scope}.{message.name}.{entry.name}"
    elif kind in _TYPES:
        added.type = _TYPES[kind]
    else:
        added.type, added.type_name = _MESSAGE, f"{scope}.{kind}"


DEVICE_PLUGIN = describe(
    "device_plugin",
    "v1beta1",
    {
        "Empty": {},
        "DevicePluginOptions": {"pre_start_required": "1 bool", "get_preferred_allocation_available": "2 bool"},
        "RegisterRequest": {
            "version": "1 string",
            "endpoint": "2 string",
            "resource_name": "3 string",
            "options": "4 DevicePluginOptions",
        },
        "NumaNode": {"id": "1 int64"},
        "Topology": {"nodes": "1 repeated NumaNode"},
        "Device": {"id": "1 string", "health": "2 string", "topology": "3 Topology"},
        "ListAndWatchResponse": {"devices": "1 repeated Device"},
        "PreferredRequest": {"available": "1 repeated string", "must_include": "2 repeated string", "size": "3 int32"},
        "PreferredAllocationRequest": {"containers": "1 repeated PreferredRequest"},
        "PreferredResponse": {"device_ids": "1 repeated string"},
        "PreferredAllocationResponse": {"containers": "1 repeated PreferredResponse"},
        "ContainerRequest": {"device_ids": "1 repeated string"},
        "AllocateRequest": {"containers": "1 repeated ContainerRequest"},
        "Mount": {"container_path": "1 string", "host_path": "2 string", "read_only": "3 bool"},
        "DeviceFile": {"container_path": "1 string", "host_path": "2 string", "permissions": "3 string"},
        "ContainerResponse": {"envs": "1 map string", "mounts": "2 repeated Mount", "devices": "3 repeated DeviceFile"},
        "AllocateResponse": {"containers": "1 repeated ContainerResponse"},
        "PreStartRequest": {"device_ids": "1 repeated string"},
        "PreStartResponse": {},
    },
)
"""Device plugin: the kubelet's `Registration` and our `DevicePlugin`."""

REGISTRATION = describe(
    "registration",
    "pluginregistration",
    {
        "InfoRequest": {},
        "PluginInfo": {"type": "1 string", "name": "2 string", "endpoint": "3 string", "supported_versions": "4 repeated string"},
        "RegistrationStatus": {"plugin_registered": "1 bool", "error": "2 string"},
        "RegistrationStatusResponse": {},
    },
)
"""Plugin registration: the kubelet finds a socket in `plugins_registry` and asks who is there."""

DRA = describe(
    "dra",
    "k8s.io.kubelet.pkg.apis.dra.v1",
    {
        "Claim": {"namespace": "1 string", "uid": "2 string", "name": "3 string"},
        "Device": {
            "request_names": "1 repeated string",
            "pool_name": "2 string",
            "device_name": "3 string",
            "cdi_device_ids": "4 repeated string",
        },
        "PrepareRequest": {"claims": "1 repeated Claim"},
        "Prepared": {"devices": "1 repeated Device", "error": "2 string"},
        "PrepareResponse": {"claims": "1 map Prepared"},
        "UnprepareRequest": {"claims": "1 repeated Claim"},
        "Unprepared": {"error": "1 string"},
        "UnprepareResponse": {"claims": "1 map Unprepared"},
    },
)
"""DRA: the kubelet asks to prepare claims, and to undo it."""

HEALTH = describe(
    "health",
    "v1",
    {
        "WatchRequest": {},
        "Identifier": {"pool_name": "1 string", "device_name": "2 string"},
        "DeviceHealth": {
            "device": "1 Identifier",
            "health": "2 int32",
            "last_updated_time": "3 int64",
            "health_check_timeout_seconds": "4 int64",
            "message": "5 string",
        },
        "WatchResponse": {"devices": "1 repeated DeviceHealth"},
    },
)
"""DRA resource health; `health` is 0 unknown, 1 healthy, 2 unhealthy (an enumeration, which travels as a number)."""

POD_RESOURCES = describe(
    "pod_resources",
    "v1",
    {
        "ListRequest": {},
        "ContainerDevices": {"resource_name": "1 string", "device_ids": "2 repeated string"},
        "ClaimDevice": {"driver_name": "2 string", "pool_name": "3 string", "device_name": "4 string"},
        "Claim": {"claim_name": "2 string", "claim_namespace": "3 string", "devices": "4 repeated ClaimDevice"},
        "Container": {"name": "1 string", "devices": "2 repeated ContainerDevices", "claims": "5 repeated Claim"},
        "Pod": {"name": "1 string", "namespace": "2 string", "containers": "3 repeated Container"},
        "ListResponse": {"pods": "1 repeated Pod"},
    },
)
"""Pod resources: the kubelet says which pod holds which device."""
