"""The Pulumi components: one for the factory, one below it for each part of the description.

A component takes its slice of the bundle, makes one resource an object, and describes nothing
again. Tokens are `sovereign:index:<Name>`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi

from sovereign_ai.cluster.transport import current_context
from sovereign_ai.deploy.gate import gate
from sovereign_ai.deploy.hold import hold
from sovereign_ai.deploy.resources import PROVIDER_VERSION, Part
from sovereign_ai.errors import Problem, SovereignError, SpecError
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.spec.factory import AIFactory


class FactoryDeployment(pulumi.ComponentResource):
    """A whole factory on one cluster, behind the gate.

    Args:
        name: the resource's name, as a rule the factory's.
        factory: the description.
        opts: Pulumi's options; they reach every child.
        cluster: which of the plan's clusters this stack is; left out, the stack's name decides
            where the plan has several.

    Raises:
        pulumi.RunError: bad input or a violation, with every finding in its text.
    """

    def __init__(self, name: str, factory: AIFactory, opts: pulumi.ResourceOptions | None = None, *, cluster: str | None = None) -> None:
        """Derive, judge, and only then declare resources."""
        try:
            derived = plan(factory, factory.where)
            bundle = render(factory, derived, choose_cluster(derived, cluster or pulumi.get_stack()))
            gate(factory, derived, bundle)
            settings = provider_settings(factory)
            if not pulumi.runtime.is_dry_run():
                for line in hold(factory, derived, bundle, Path(settings["kubeconfig"])):
                    pulumi.log.info(line)
        except SovereignError as error:
            raise pulumi.RunError(str(error)) from None
        digests = {"spec": factory.digest, "plan": derived.digest, "bundle": bundle.digest, "cluster": bundle.cluster}
        super().__init__("sovereign:index:FactoryDeployment", name, digests, opts)
        provider = pulumi.ProviderResource("kubernetes", name, settings, pulumi.ResourceOptions(parent=self, version=PROVIDER_VERSION))
        self._declare(bundle, provider)
        self.digests = {key: pulumi.Output.from_input(value) for key, value in digests.items()}
        self.register_outputs(digests)
        for key, value in digests.items():
            pulumi.export(key, value)

    def _declare(self, bundle: Bundle, provider: pulumi.ProviderResource) -> None:
        """Make the parts, namespaces first."""
        made: dict[str, pulumi.Resource] = {}
        below = pulumi.ResourceOptions(parent=self, providers=[provider])
        parts = [Part(name, objects, below) for name, objects in bundle.by_component().items()]
        for part in sorted(parts, key=lambda part: not any(obj["kind"] == "Namespace" for obj in part.objects)):
            part.register(made)


def choose_cluster(derived: Plan, wish: str) -> str:
    """Give the plan's cluster that a stack of this name deploys.

    Raises:
        SpecError: the plan has several clusters and none is called like the stack.
    """
    names = [cluster.name for cluster in derived.clusters]
    if wish in names:
        return wish
    if len(names) == 1:
        return names[0]
    raise SpecError(
        Problem(
            "unknown-cluster", f"the plan has {len(names)} clusters and none is called {wish!r}", hint=f"name the stack: {', '.join(names)}"
        )
    )


def provider_settings(factory: AIFactory) -> dict[str, Any]:
    """Give the provider's inputs: one kubeconfig by its path, server-side apply, and an identity that outlives address changes.

    The path comes from the stack's configuration `sovereign:kubeconfig`, else from KUBECONFIG. The context is the file's current
    one, by its name: the state remembers it, so that `kubectl config use-context` does not lead a later removal to another cluster.

    Raises:
        pulumi.RunError: neither names a file.
        EnvironmentLacksError: the file is no kubeconfig.
    """
    path = pulumi.Config("sovereign").get("kubeconfig") or os.environ.get("KUBECONFIG", "")
    if not path or not Path(path).is_file():
        raise pulumi.RunError(
            f'no kubeconfig: {path!r} is not a file; run `eval "$(sovereign-ai env .)"` in the stack\'s folder, '
            "or `pulumi config set sovereign:kubeconfig PATH`"
        )
    context = current_context(Path(path))
    return ({"context": context} if context else {}) | {
        "kubeconfig": path,
        "clusterIdentifier": f"{KEYS.domain}/{factory.name}",
        "enableServerSideApply": True,
        "enableConfigMapMutable": True,
        "kubeClientSettings": {"qps": 1000, "burst": 2000, "timeout": 60},
    }
