"""The platform: the controllers that a factory runs, by what each is there for, and what each reaches.

A controller is named by its row of the catalogue, which says who is behind it, under which licence it is, and
what it reaches as it is shipped. `controllers` holds what is decided for this factory: the images, each by
its digest in the factory's own registry, and what was switched off or led to a place of its own.

    platform:
      queueing: kueue
      jobs: [jobset, trainer]

`manifests` holds what is deployed of a controller: the objects that its publisher writes, mirrored by the
user, as files beside the description.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from sovereign_ai.spec.base import Country, Flag, Model, Name, Text, added_later
from sovereign_ai.spec.field_location import TextForm
from sovereign_ai.spec.images import ImageReference
from sovereign_ai.spec.manifest import Manifest
from sovereign_ai.spec.zone import Host

ContactKind = Literal["endpoint", "heartbeat", "telemetry", "packages"]
"""Why a controller reaches a place: to ask it, to be allowed to go on, to report, to install from it."""

Version = Annotated[
    str,
    StringConstraints(pattern=r"^v?[0-9][A-Za-z0-9.+-]{0,63}$"),
    TextForm("bad-version", "a version, such as v0.17.0", digits=True),
]
"""A version as its publisher writes it."""


def _listed(value: Any) -> Any:
    """Return a single name as a list of one."""
    return (value,) if isinstance(value, str) else value


ControllerNames = Annotated[
    tuple[Name, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
"""Names of controllers; a single one needs no list."""


PreemptionStrategy = Literal["LessThanOrEqualToFinalShare", "LessThanInitialShare"]
"""When one queue may take from another by its share, in Kueue's words: while its share with the waiting work
is at most the other's without what it loses, or below the other's before."""
PreemptionStrategies = Annotated[
    tuple[PreemptionStrategy, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
"""Kueue's `preemptionStrategies`, in the order in which they are tried; a single one needs no list."""

AccountName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"),
    TextForm("bad-account", "a service account as namespace/name, such as cni-system/agent"),
]
"""A service account with its namespace, as `namespace/name`."""


ServerAddress = Annotated[
    str,
    StringConstraints(
        pattern=r"^https://([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\])(:[0-9]{1,5})?$"
    ),
    TextForm("bad-address", "an address such as https://api.example.com:6443", digits=True),
]
"""The address of an API server: https, a host, and a port."""


class Contact(Model):
    """A place that a controller reaches when it runs."""

    name: Name
    """Unique in the controller; the name that the catalogue's row gives it, where it has one."""
    kind: ContactKind
    """Why it is reached: `endpoint` is asked, `heartbeat` must answer, `telemetry` is reported to, `packages`
    is installed from."""
    host: Host | None = None
    """Its host; left out where it is not used."""
    jurisdiction: Country | None = None
    """Country of the ultimate parent of who answers there; left out, the gateway that lists the host decides,
    and hosts of the cluster and of declared registries are the factory's own."""
    used: Flag = True
    """`false` states that it is switched off, also where the software is shipped with it."""


class Controller(Model):
    """What this factory decides about one of its controllers."""

    name: Name
    """A controller that the platform runs."""
    version: Version | None = None
    """Its version; left out, that of the catalogue's row."""
    source: Text | None = None
    """Where the images are built or mirrored from; left out, the repository of the catalogue's row."""
    licence: Text | None = None
    """SPDX identifier; left out, that of the catalogue's row."""
    vendor: Text | None = None
    """Legal name of who supplies it to this factory; left out, the vendor of the catalogue's row."""
    jurisdiction: Country | None = None
    """Country of the ultimate parent of that vendor; left out, the seat in the catalogue."""
    namespace: Name | None = None
    """The namespace that it is installed into; left out, that of the catalogue's row."""
    images: tuple[ImageReference, ...] = ()
    """Its images, each in a registry of the factory and pinned by digest."""
    contacts: tuple[Contact, ...] = ()
    """What it reaches when it runs, and what was switched off."""
    manifests: tuple[Manifest, ...] = added_later(())
    """Its objects, which are deployed to every cluster of the factory: files beside the description, as
    `helm template --no-hooks` or `kustomize build` writes them, or the objects themselves. They become part
    of the description. Left out, somebody else installs the controller."""


class WorkerCluster(Model):
    """A cluster of the factory to which its home cluster, as Kueue's manager, sends admitted work."""

    cluster: Name
    """The worker cluster, by its name in the plan. Its pools get queues of their names in the home cluster,
    from which Kueue (MultiKueue) sends a job to the queue of that name there."""
    zones: tuple[Name, ...] = Field(min_length=1)
    """Zones whose work may be sent there. Each has machines in both clusters, and every residency policy of
    its data permits the worker's country."""
    tenants: tuple[Name, ...] = ()
    """Tenants of these zones whose work alone is sent; left out, all of them."""
    server: ServerAddress | None = None
    """Address of its API server. No kubeconfig for another one is admitted; left out, only for a control
    plane of the same machine."""


class Platform(Model):
    """The controllers that the factory's clusters run, each under what it is there for."""

    queueing: ControllerNames = ()
    """Who admits work: quotas, borrowing, preemption. `kueue` here makes embedded control planes run it."""
    jobs: ControllerNames = ()
    """Who makes pods of training jobs. `jobset` and `trainer` here make embedded control planes run them."""
    gangs: ControllerNames = ()
    """Who keeps groups of pods together, such as the machines of one model replica. `lws` here makes embedded
    control planes run it."""
    serving: ControllerNames = ()
    """Who serves models."""
    monitoring: ControllerNames = ()
    """Who measures."""
    gpus: ControllerNames = ()
    """Who installs drivers and tools of accelerators."""
    network: ControllerNames = ()
    """Who installs drivers and interfaces of fabrics."""
    devices: ControllerNames = ()
    """Who publishes devices: DRA drivers and labellers."""
    health: ControllerNames = ()
    """Who finds broken machines."""
    certificates: ControllerNames = ()
    """Who issues certificates inside the cluster."""
    controllers: tuple[Controller, ...] = ()
    """What is decided about each: images, versions, contacts."""
    network_accounts: tuple[AccountName, ...] = added_later(())
    """Service accounts of a network plugin beside those that the rules know, each as `namespace/name`.

    They may write on pods which network and address the plugin gave them (PLC-011); nobody else may."""
    multikueue: tuple[WorkerCluster, ...] = added_later(())
    """Other clusters of the factory to which the home cluster's Kueue sends work; left out, every cluster
    runs its own alone."""
    fair_sharing: PreemptionStrategies = added_later(())
    """How Kueue shares lent idle quota: by these strategies (`fairSharing.preemptionStrategies` of its
    configuration) a queue takes from those that hold more of it, for their `weight`. It is for all of Kueue.
    Left out, who came first keeps what it borrowed until its owner needs it."""

    def functions(self) -> dict[str, tuple[str, ...]]:
        """Return each function with the names that stand under it, in the order of the fields."""
        named: dict[str, tuple[str, ...]] = {}
        for function in type(self).model_fields:
            if function not in {"controllers", "fair_sharing", "multikueue", "network_accounts"}:
                named[function] = getattr(self, function)
        return named

    def names(self) -> tuple[str, ...]:
        """Return every controller once, in the order of the fields."""
        names: dict[str, None] = {}
        for listed in self.functions().values():
            names.update(dict.fromkeys(listed))
        return tuple(names)

    def controller(self, name: str) -> Controller | None:
        """Return what is decided about a controller; None where nothing is."""
        for controller in self.controllers:
            if controller.name == name:
                return controller
        return None
