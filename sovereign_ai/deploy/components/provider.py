"""The inputs of a factory's Kubernetes provider, as plain data, which the program and a comparison use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api import current_context
from sovereign_ai.names import KEYS
from sovereign_ai.spec import AIFactory

PROVIDER_VERSION = "4.25.0"
"""The pulumi-kubernetes release; a test compares it with the SDK's pin and the toolchain's table."""


def provider_inputs(factory: AIFactory, kubeconfig: str, context: str | None = None) -> dict[str, Any]:
    """Return the inputs of a factory's provider.

    The context is stored by its name even where it is the file's current one: after `kubectl config
    use-context`, a later removal must not go to another cluster.

    Args:
        factory: the description.
        kubeconfig: path of the kubeconfig, as the user wrote it.
        context: the file's context; left out, its current one.

    Raises:
        EnvironmentLacksError: the file is no kubeconfig.
    """
    context = context or current_context(Path(kubeconfig))
    inputs: dict[str, Any] = {"context": context} if context else {}
    inputs.update(
        {
            "kubeconfig": kubeconfig,
            # An identity that does not depend on the server's address, which may change.
            "clusterIdentifier": f"{KEYS.domain}/{factory.name}",
            "enableServerSideApply": True,
            "enableConfigMapMutable": True,
            # Requests a second: the client's own limits would slow down a thousand objects.
            "kubeClientSettings": {"qps": 1000, "burst": 2000, "timeout": 60},
        }
    )
    return inputs
