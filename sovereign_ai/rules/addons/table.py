"""Every kind of an add-on that rules know.

>>> ADDONS["ray.io/RayJob"].templates[0]
'spec.rayClusterSpec.headGroupSpec.template'
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sovereign_ai.rules.addons.addon import K8S, Addon
from sovereign_ai.rules.addons.credentials import CERTIFICATES, SECRET_STORES
from sovereign_ai.rules.addons.delivery import DELIVERY
from sovereign_ai.rules.addons.jobs import JOBS
from sovereign_ai.rules.addons.model_serving import MODEL_SERVING
from sovereign_ai.rules.addons.network_policies import NETWORK_POLICIES
from sovereign_ai.rules.addons.queues import QUEUES
from sovereign_ai.rules.addons.storage import BACKUP_STORAGE_LOCATION, STORED_DATA
from sovereign_ai.rules.addons.telemetry import LOG_OUTPUTS, MONITORING
from sovereign_ai.rules.addons.traffic import TRAFFIC, WORKLOAD_ENTRY
from sovereign_ai.rules.places.fields import Field

# The order is that of the rendered checks.
_ADDONS = (
    Addon("", "ConfigMap", "settings", K8S, (Field("data", "settings"),)),
    *NETWORK_POLICIES,
    *TRAFFIC,
    *QUEUES,
    *STORED_DATA,
    *JOBS,
    *MODEL_SERVING,
    *DELIVERY,
    *SECRET_STORES,
    BACKUP_STORAGE_LOCATION,
    *LOG_OUTPUTS,
    WORKLOAD_ENTRY,
    *CERTIFICATES,
    *MONITORING,
)
ADDONS: Mapping[str, Addon] = MappingProxyType({addon.key: addon for addon in _ADDONS})
"""Each kind by its API group and kind."""
