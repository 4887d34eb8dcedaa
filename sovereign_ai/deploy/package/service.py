"""The package's plugin: serve the schema and construct the component, on Pulumi's servicer for components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
import pulumi
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.resource import DependencyResource
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sovereign_ai.deploy.components.factory_deployment import FactoryDeployment
from sovereign_ai.deploy.language_host.plugin_server import engine_address, serve_async
from sovereign_ai.deploy.package.inputs import judged
from sovereign_ai.deploy.package.schema import OUTPUTS, TOKEN, text
from sovereign_ai.deploy.program import CURRENT, Program
from sovereign_ai.errors import Problem, SovereignError, UsageError
from sovereign_ai.toolchain import PACKAGE_VERSION


class FactoryProvider(Provider):
    """Constructs the package's one component."""

    def __init__(self) -> None:
        super().__init__(PACKAGE_VERSION, text())

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, Any],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Construct a `FactoryDeployment` from the inputs of a program in another language.

        Raises:
            SovereignError: the inputs or the description have problems.
            pulumi.RunError: the rules forbid the deployment, or its cluster is not known.
        """
        if resource_type != TOKEN:
            message = f"the package has no resource {resource_type!r}"
            raise UsageError(Problem("unknown-type", message, hint=f"it has {TOKEN}"))
        arguments = judged(inputs)
        deployment = FactoryDeployment(
            name,
            arguments.factory,
            options,
            cluster=arguments.cluster,
            kubeconfig=arguments.kubeconfig,
            context=arguments.context,
        )
        outputs = {key: deployment.digests[key] for key in OUTPUTS}
        return ConstructResult(deployment.urn, outputs)


class Servicer(ProviderServicer):
    """Pulumi's servicer with plain inputs, readable errors, and every option of the request."""

    def __init__(self, engine: str) -> None:
        super().__init__(FactoryProvider(), [], engine)
        self._programs: dict[str, Program] = {}

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Construct the component; a problem becomes the call's error, without a traceback."""
        # All components of one run of the engine belong to one program, which its monitor's address
        # identifies.
        CURRENT.set(self._programs.setdefault(request.monitorEndpoint, Program()))
        try:
            return await self._construct(request, context)
        except (SovereignError, pulumi.RunError) as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def Configure(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's names
        """Request plain values: a known Output is passed as its value, and its resources separately."""
        return provider_pb2.ConfigureResponse(acceptSecrets=True, acceptResources=True, acceptOutputs=False)

    @staticmethod
    async def _construct_inputs(inputs: Any, input_dependencies: Any) -> dict[str, Any]:  # noqa: ARG004
        """Return the inputs as they are, with unknown and secret values marked."""
        return dict(rpc.deserialize_properties(inputs, keep_unknowns=True))

    @staticmethod
    def _construct_options(request: Any) -> pulumi.ResourceOptions:
        """Return the component's options, with the resources of its inputs as dependencies."""
        options = ProviderServicer._construct_options(request)  # noqa: SLF001 - completed here
        urns: set[str] = set()
        for dependencies in request.inputDependencies.values():
            urns.update(dependencies.urns)
        sources = pulumi.ResourceOptions(depends_on=[DependencyResource(urn) for urn in sorted(urns)])
        limits = request.customTimeouts
        if limits.create or limits.update or limits.delete:
            # The SDK reads these and drops them.
            sources.custom_timeouts = pulumi.CustomTimeouts(
                limits.create or None, limits.update or None, limits.delete or None
            )
        return pulumi.ResourceOptions.merge(options, sources)


def main(arguments: Sequence[str]) -> None:
    """Serve until the engine exits."""
    servicer = Servicer(engine_address(arguments))
    serve_async(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server))
