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
    """
    message Empty {}
    message DevicePluginOptions {
      bool pre_start_required = 1;
      bool get_preferred_allocation_available = 2;
    }
    message RegisterRequest {
      string version = 1;
      string endpoint = 2;
      string resource_name = 3;
      DevicePluginOptions options = 4;
    }
    message NumaNode { int64 id = 1; }
    message Topology { repeated NumaNode nodes = 1; }
    message Device { string id = 1; string health = 2; Topology topology = 3; }
    message ListAndWatchResponse { repeated Device devices = 1; }
    message PreferredRequest {
      repeated string available = 1;
      repeated string must_include = 2;
      int32 size = 3;
    }
    message PreferredAllocationRequest { repeated PreferredRequest containers = 1; }
    message PreferredResponse { repeated string device_ids = 1; }
    message PreferredAllocationResponse { repeated PreferredResponse containers = 1; }
    message ContainerRequest { repeated string device_ids = 1; }
    message AllocateRequest { repeated ContainerRequest containers = 1; }
    message Mount { string container_path = 1; string host_path = 2; bool read_only = 3; }
    message DeviceFile { string container_path = 1; string host_path = 2; string permissions = 3; }
    message ContainerResponse {
      map<string, string> envs = 1;
      repeated Mount mounts = 2;
      repeated DeviceFile devices = 3;
    }
    message AllocateResponse { repeated ContainerResponse containers = 1; }
    message PreStartRequest { repeated string device_ids = 1; }
    message PreStartResponse {}
    """,
)
"""Device plugin: the kubelet's `Registration`, and the plugin's `DevicePlugin`."""

REGISTRATION = declare(
    "pluginregistration",
    """
    message InfoRequest {}
    message PluginInfo {
      string type = 1;
      string name = 2;
      string endpoint = 3;
      repeated string supported_versions = 4;
    }
    message RegistrationStatus { bool plugin_registered = 1; string error = 2; }
    message RegistrationStatusResponse {}
    """,
)
"""Plugin registration: the kubelet discovers a socket in `plugins_registry` and asks for its driver."""

DRA = declare(
    "k8s.io.kubelet.pkg.apis.dra.v1",
    """
    message Claim { string namespace = 1; string uid = 2; string name = 3; }
    message Device {
      repeated string request_names = 1;
      string pool_name = 2;
      string device_name = 3;
      repeated string cdi_device_ids = 4;
    }
    message PrepareRequest { repeated Claim claims = 1; }
    message Prepared { repeated Device devices = 1; string error = 2; }
    message PrepareResponse { map<string, Prepared> claims = 1; }
    message UnprepareRequest { repeated Claim claims = 1; }
    message Unprepared { string error = 1; }
    message UnprepareResponse { map<string, Unprepared> claims = 1; }
    """,
)
"""DRA: the kubelet asks to prepare claims, and to release them."""

HEALTH = declare(
    "v1",
    """
    message WatchRequest {}
    message Identifier { string pool_name = 1; string device_name = 2; }
    message DeviceHealth {
      Identifier device = 1;
      // An enumeration, which is encoded as a number: 0 unknown, 1 healthy, 2 unhealthy.
      int32 health = 2;
      int64 last_updated_time = 3;
      int64 health_check_timeout_seconds = 4;
      string message = 5;
    }
    message WatchResponse { repeated DeviceHealth devices = 1; }
    """,
)
"""DRA resource health."""

POD_RESOURCES = declare(
    "v1",
    """
    message ListRequest {}
    message ContainerDevices { string resource_name = 1; repeated string device_ids = 2; }
    message ClaimDevice { string driver_name = 2; string pool_name = 3; string device_name = 4; }
    message Claim {
      string claim_name = 2;
      string claim_namespace = 3;
      repeated ClaimDevice devices = 4;
    }
    message Container {
      string name = 1;
      repeated ContainerDevices devices = 2;
      repeated Claim claims = 5;
    }
    message Pod { string name = 1; string namespace = 2; repeated Container containers = 3; }
    message ListResponse { repeated Pod pods = 1; }
    """,
)
"""Pod resources: the kubelet lists the devices of each pod."""
