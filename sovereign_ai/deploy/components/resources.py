"""The Pulumi resources below a factory: one component for each part, one resource for each object."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pulumi
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc, settings
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.resource import (  # type: ignore[attr-defined]  # private, and the SDK is pinned
    _resolve_depends_on_urns,
    prepare_aliases,
)
from pulumi.runtime.stack import ResourceRegistrationFailed

from sovereign_ai.deploy.components.children import Children
from sovereign_ai.deploy.components.provider import PROVIDER_VERSION
from sovereign_ai.deploy.live_objects import ObjectKey, key_of
from sovereign_ai.deploy.objects import resource_name, stated
from sovereign_ai.deploy.order import LIMITS, RIGHTS, part_token, token
from sovereign_ai.deploy.order import needs as needs_of
from sovereign_ai.render.kubernetes import is_of_platform

_KUBERNETES = "kubernetes"
_SENT = frozenset(
    {"parent", "depends_on", "deleted_with", "aliases", "version", "protect", "provider", "providers"}
)
"""Options that are sent here; with any other the SDK registers the object."""


class KubernetesObject(pulumi.CustomResource):
    """One Kubernetes object, as it was rendered.

    It is registered directly with the engine. The SDK would make an Output of every property, walk the call
    stack for the source position, send five debug lines to the engine and translate the whole result back.
    For a thousand objects that is most of a program's time, and nothing reads their outputs. A child inherits
    the same: provider and protection from its parent here, aliases and transforms in the engine. The SDK
    registers objects with other options than these, and objects under transformations of the older kind.
    """

    def __init__(self, obj: Mapping[str, Any], children: Children, opts: pulumi.ResourceOptions) -> None:
        """Register the object under its deterministic name, below that of its deployment."""
        local = resource_name(obj)
        whole = children.object(local, opts)
        parent = whole.parent
        is_special = False
        for key, value in vars(whole).items():
            if key not in _SENT and not key.startswith("_") and _is_set(value):
                is_special = True
        # The SDK has no getter for transformations.
        if not isinstance(parent, PartComponent) or parent._transformations or is_special:  # noqa: SLF001
            super().__init__(token(obj), children.named(local), props=stated(obj), opts=whole)
            return
        self._adopt(token(obj), children.named(local), parent, whole)
        self._registered = asyncio.ensure_future(self._register(_struct(stated(obj)), parent, whole))
        # The SDK ends the program when all these are done.
        settings._get_rpc_manager().rpcs.append(self._registered)  # noqa: SLF001
        self.__dict__["urn"] = pulumi.Output.from_input(self._urn())
        self.__dict__["id"] = pulumi.Output({self}, self._id(), self._is_id_known())

    def _adopt(self, kind: str, name: str, parent: PartComponent, opts: pulumi.ResourceOptions) -> None:
        """Set the attributes that `pulumi.Resource` sets on every resource, inherited as there."""
        self._type, self._name = kind, name
        self._aliases = []
        self._transformations = []
        self._childResources = set()
        self._providers = parent._providers  # noqa: SLF001
        self._provider = parent._providers.get(_KUBERNETES)  # noqa: SLF001
        self._protect = opts.protect if opts.protect is not None else parent._protect  # noqa: SLF001
        self._version = opts.version
        self._plugin_download_url = None
        # A resource that depends on the component waits for its children.
        parent._childResources.add(self)  # noqa: SLF001

    async def _urn(self) -> str:
        return str((await self._registered).urn)

    async def _id(self) -> str:
        return str((await self._registered).id)

    async def _is_id_known(self) -> bool:
        return bool((await self._registered).id)

    async def _register(
        self, props: struct_pb2.Struct, parent: PartComponent, opts: pulumi.ResourceOptions
    ) -> Any:
        """Register the object with the engine, when everything that it depends on is registered."""
        dependencies = opts._depends_on_list()  # noqa: SLF001 - as the SDK reads them
        needs = await _resolve_depends_on_urns(dependencies, from_resource=self)
        deleted_with = str(await opts.deleted_with.urn.future()) if opts.deleted_with is not None else ""
        no_dependencies = resource_pb2.RegisterResourceRequest.PropertyDependencies()
        request = resource_pb2.RegisterResourceRequest(
            type=self._type,
            name=self._name,
            parent=await parent.known_urn(),
            custom=True,
            object=props,
            protect=self._protect,
            provider=await parent.provider_reference(),
            dependencies=sorted(needs),
            # Without these, the engine treats every property as dependent on all dependencies, and replaces
            # the object with each of them.
            propertyDependencies=dict.fromkeys(props, no_dependencies),
            version=opts.version or "",
            aliases=await prepare_aliases(self, opts, supports_alias_specs=True),
            deletedWith=deleted_with,
            acceptSecrets=True,
            acceptResources=True,
            supportsPartialValues=True,
            supportsResultReporting=True,
        )
        monitor: Any = settings.get_monitor()
        # The call blocks: in threads of the executor many objects are registered at the same time.
        call = asyncio.get_running_loop().run_in_executor(None, monitor.RegisterResource, request)
        response = await call
        if response.result != resource_pb2.Result.SUCCESS:
            raise ResourceRegistrationFailed(f"resource {self._name} [{self._type}] failed to register")
        return response


class PartComponent(pulumi.ComponentResource):
    """A part of the factory: the objects with its name in their component label."""

    def __init__(
        self,
        name: str,
        objects: Sequence[Mapping[str, Any]],
        children: Children,
        opts: pulumi.ResourceOptions,
        chosen: Collection[str] | None = None,
        needs: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Declare the part; `register` creates its objects later, so that they may depend on other parts.

        Args:
            name: the part's name, such as `tenant.research`.
            objects: all its objects.
            children: the names and options below the deployment.
            opts: the part's options.
            chosen: names of the objects that this run registers; None for all.
            needs: names of objects to the names of those that controllers' manifests make them need.
        """
        props = {"component": name, "objects": len(objects)}
        super().__init__(part_token(name), children.named(name), props, children.part(name, opts))
        self.objects = objects
        self._chosen = chosen
        self._needs = needs or {}
        self._children = children
        self._known_urn: asyncio.Task[str] | None = None
        self._reference: asyncio.Task[str] | None = None

    async def known_urn(self) -> str:
        """Return the part's URN, resolved once for all its objects."""
        if self._known_urn is None:
            self._known_urn = asyncio.ensure_future(_urn_of(self))
        return await self._known_urn

    async def provider_reference(self) -> str:
        """Return the reference of the provider that this part inherited, resolved once for all objects."""
        if self._reference is None:
            self._reference = asyncio.ensure_future(_reference(self._providers[_KUBERNETES]))
        return await self._reference

    def register(
        self,
        made: dict[str, pulumi.Resource],
        limits: Mapping[str, Sequence[pulumi.Resource]] | None = None,
        replaced: Collection[ObjectKey] = (),
    ) -> None:
        """Create one resource for each object, after those of the objects that it needs.

        Role bindings come after all others, so that nobody may work in a namespace before its limits exist.
        On removal they are deleted first.

        Args:
            made: resources by their names; those created here are added.
            limits: the resources that limit each namespace, to create the role bindings; None to create all
                others.
            replaced: objects that are recreated before the engine starts, so that a preview does not try to
                change them.
        """
        for obj in self.objects:
            is_of_this_pass = (obj["kind"] in RIGHTS) is (limits is not None)
            # Objects of controllers are registered before all others, in their own order.
            if is_of_this_pass and not is_of_platform(obj):
                self.register_object(obj, made, limits, replaced)

    def register_object(
        self,
        obj: Mapping[str, Any],
        made: dict[str, pulumi.Resource],
        limits: Mapping[str, Sequence[pulumi.Resource]] | None = None,
        replaced: Collection[ObjectKey] = (),
    ) -> None:
        """Create the resource of one object after those that it needs, unless this run leaves it out.

        Args:
            obj: the object.
            made: resources by their names; this one is added.
            limits: the resources that limit each namespace.
            replaced: objects that are recreated before the engine starts.
        """
        full_name = resource_name(obj)
        if self._chosen is not None and full_name not in self._chosen:
            return
        name = obj["metadata"].get("namespace", "")
        names = dict.fromkeys([*needs_of(obj), *self._needs.get(full_name, ())])
        needs = [made[need] for need in names if need in made]
        needs += (limits or {}).get(name, ())
        opts = pulumi.ResourceOptions(
            parent=self,
            version=PROVIDER_VERSION,
            depends_on=needs,
            deleted_with=made.get(f"Namespace/{name}"),
        )
        if key_of(obj) in replaced:
            # The provider would try the change on the live object in a dry run, which is refused.
            fields = sorted(set(obj) - {"apiVersion", "kind", "metadata"})
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=fields))
        made[full_name] = KubernetesObject(obj, self._children, opts)

    def finish(self) -> None:
        """Register the part's outputs, when all its resources are created."""
        self.register_outputs({"objects": len(self.objects)})


def _is_set(option: object) -> bool:
    """Return whether an option is set; merged options always have a binding of hooks, which may be empty."""
    if isinstance(option, pulumi.ResourceHookBinding):
        return any(vars(option).values())
    return bool(option)


async def _urn_of(resource: pulumi.Resource) -> str:
    """Wait for a resource's URN, and return it."""
    return str(await resource.urn.future())


async def _reference(provider: pulumi.ProviderResource) -> str:
    """Return a provider's reference: its URN and its ID, which is unknown in the preview of its creation."""
    identity = await provider.id.future() or rpc.UNKNOWN
    return f"{await _urn_of(provider)}::{identity}"


def _struct(props: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return plain properties in the engine's form, without null values, as the SDK does it."""
    struct = struct_pb2.Struct()
    struct.update({key: value for key, value in props.items() if value is not None})
    return struct


def limits_by_namespace(made: Mapping[str, pulumi.Resource]) -> dict[str, list[pulumi.Resource]]:
    """Return the resources that limit what is permitted in each namespace.

    Names are `Kind/namespace/name`.
    """
    limits: dict[str, list[pulumi.Resource]] = {}
    for name, resource in made.items():
        kind, *rest = name.split("/")
        if kind in LIMITS and len(rest) == 2:
            limits.setdefault(rest[0], []).append(resource)
    return limits
