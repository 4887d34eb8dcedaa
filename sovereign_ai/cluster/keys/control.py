"""Manage the keys of a control plane: create, inspect, rotate, withdraw, restore.

Each function returns only when its effect holds in the running control plane, and not when it is merely
requested.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.embedded.flags import KEY_SERVICE, SECRET_GATE
from sovereign_ai.cluster.embedded.process_status import status_of
from sovereign_ai.cluster.keys.custody import (
    PLANE,
    Custody,
    ModuleLocation,
    check_socket_paths,
    has_custody,
    new_owner,
    read_custody,
    socket_of,
    with_levels,
    write_custody,
)
from sovereign_ai.cluster.keys.pkcs11 import Pkcs11Module, Version, are_usable
from sovereign_ai.cluster.keys.propagation import (
    until_api_server_writes_under,
    until_gate,
    until_gate_seals_by,
)
from sovereign_ai.cluster.keys.reencrypt import level_of, opened_keys, places_of, seal_left
from sovereign_ai.cluster.keys.seal import SECRETS, WITHDRAWN_KEY
from sovereign_ai.cluster.keys.store import KeyStore, Stored, opened_store, stored_values
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted
from sovereign_ai.toolchain import polling_async

Progress = Callable[[str], object]
_GATE_SECONDS = 20.0
"""How long the gate may take to give out what it should."""
_CACHE_SECONDS = 60.0
"""How long the API server may take to fill its cache of secrets anew."""


@frozen_dataclass
class KeyState:
    """One key of a control plane.

    Attributes:
        key: `plane`, or the trust level.
        versions: as the module lists them, oldest first.
        stored: version to the number of values in etcd that are stored under it; 0 counts those that should
            be stored under this key and are not.
    """

    key: str
    versions: tuple[Version, ...]
    stored: Mapping[int, int]

    @property
    def usable(self) -> bool:
        """Whether the module lets every version be used."""
        return are_usable(self.versions)

    @property
    def behind(self) -> int:
        """How many values are stored under an older version, or under none."""
        newest = self.versions[-1].number if self.versions else 0
        return sum(self.stored.values()) - self.stored.get(newest, 0)

    def to_data(self) -> dict[str, Any]:
        """Return plain data; nothing in it is secret."""
        versions = []
        for version in self.versions:
            stored = self.stored.get(version.number, 0)
            versions.append({"number": version.number, "usable": version.usable, "stored": stored})
        return {"key": self.key, "usable": self.usable, "versions": versions, "behind": self.behind}


def create_keys(cluster_dir: ClusterDir, module: ModuleLocation, levels: Mapping[str, str]) -> Custody:
    """Create the keys of a control plane in a module and record it; the next start uses them.

    Raises:
        UsageError: it has keys already.
        EnvironmentLacksError: the module cannot be used.
    """
    if has_custody(cluster_dir):
        name = cluster_dir.name
        message = f"the control plane {name!r} has its keys in a module already"
        hint = (
            "sovereign-ai keys status STACK; a new module needs a new control plane; "
            "to continue where `keys init` broke off: "
            f"`sovereign-ai cluster down {name} --keep-data`, `sovereign-ai cluster up {name}`, "
            "`sovereign-ai keys reencrypt STACK`"
        )
        raise UsageError(Problem("has-keys", message, hint=hint))
    custody = Custody(module, new_owner(cluster_dir.name), dict(levels))
    # Before a key is created: no file would name it.
    check_socket_paths(cluster_dir, custody)
    opened = Pkcs11Module(module)
    try:
        for key in custody.keys:
            opened.generate(custody.label(key))
    finally:
        opened.close()
    cluster_dir.make()
    write_custody(cluster_dir, custody)
    return custody


def record_levels(cluster_dir: ClusterDir, levels: Mapping[str, str]) -> bool:
    """Record the trust levels of namespaces from a newer plan, and wait until secrets are sealed by them.

    Returns:
        Whether a level is new.

    Raises:
        EnvironmentLacksError: the module cannot be used, or the gate did not read the levels in time.
    """
    if not has_custody(cluster_dir):
        return False
    before = read_custody(cluster_dir)
    custody = with_levels(before, levels)
    added = set(custody.keys) - set(before.keys)
    # The keys are created first, then the file names them, then they are served: after an attempt that broke
    # off anywhere, the next one continues.
    _make_keys(custody, added)
    if custody != before:
        write_custody(cluster_dir, custody)
    new = sorted(added | _unserved(cluster_dir, custody))
    if new:
        _restart(cluster_dir, KEY_SERVICE)
    components = {component.name for component in status_of(cluster_dir).components}
    if SECRET_GATE in components:
        # A program that Pulumi runs has an event loop already, and a thread has none.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _until_followed(cluster_dir, custody, new)).result()
    return bool(new)


def _unserved(cluster_dir: ClusterDir, custody: Custody) -> set[str]:
    """Return the keys that a running key service does not serve: it reads the file only when it starts."""
    if not socket_of(cluster_dir, PLANE).exists():
        return set()
    return {key for key in custody.keys if not socket_of(cluster_dir, key).exists()}


def _make_keys(custody: Custody, new: Collection[str]) -> None:
    """Create new keys, but for those that an earlier attempt created.

    A key that its custodian destroyed is not new: what is stored under it must not look damaged.
    """
    if not new:
        return
    module = Pkcs11Module(custody.module)
    try:
        for key in sorted(new):
            if not module.versions(custody.label(key)):
                module.generate(custody.label(key))
    finally:
        module.close()


async def _until_followed(cluster_dir: ClusterDir, custody: Custody, new: list[str]) -> None:
    """Wait until the key service serves the keys of new levels, and the gate seals by all of them."""
    for level in new:
        await until_gate(cluster_dir, level, lambda _heard: True)
    await until_gate_seals_by(cluster_dir, custody)


def key_states(cluster_dir: ClusterDir) -> tuple[KeyState, ...]:
    """Return for each key its versions, whether they can be used, and how many values are stored under them.

    Raises:
        EnvironmentLacksError: the control plane has no keys, does not run, or the module cannot be used.
    """
    custody, module = opened_keys(cluster_dir)
    try:
        versions = {key: module.versions(custody.label(key)) for key in custody.keys}
    finally:
        module.close()
    values = asyncio.run(stored_values(cluster_dir))
    return tuple(KeyState(key, versions[key], _counted(custody, key, values)) for key in custody.keys)


def rotate(cluster_dir: ClusterDir, key: str, progress: Progress) -> int:
    """Create a new version of a key, and wait until values are stored under it.

    Returns:
        The number of the new version.

    Raises:
        UsageError: there is no such key, or it is withdrawn.
        EnvironmentLacksError: the control plane did not use it in time.
    """
    custody, module = opened_keys(cluster_dir)
    try:
        label = custody.label(custody.require_level(key))
        if not are_usable(module.versions(label)):
            message = f"the key {key!r} is withdrawn or destroyed, and no new version is made of it"
            hint = (
                f"sovereign-ai keys restore STACK {key}; "
                "a new version would let stubs be written over what is withdrawn"
            )
            raise UsageError(Problem("key-withdrawn", message, hint=hint))
        # Before a version is created: without a running gate nothing would ever be stored under it.
        asyncio.run(until_gate(cluster_dir, key, lambda _heard: True))
        number = module.generate(label)
    finally:
        module.close()
    key_id = f"{custody.owner}/{key}/{number}"
    progress(f"{key}: waiting until version {number} is written with")
    asyncio.run(until_gate(cluster_dir, key, lambda heard: heard.key_id == key_id))
    if key == PLANE:
        # The API server encrypts under this key itself, and learns of the version on its own schedule.
        until_api_server_writes_under(open_cluster(cluster_dir.kubeconfig), key_id)
    return number


def withdraw(cluster_dir: ClusterDir, level: str, progress: Progress) -> int:
    """Withdraw a trust level's key in the module, and wait until its secrets are unreadable.

    Returns:
        How many secrets are unreadable.

    Raises:
        UsageError: there is no such level, or it is the control plane's own key.
        EnvironmentLacksError: the control plane did not follow in time.
    """
    return _allow(cluster_dir, level, progress, allowed=False)


def restore(cluster_dir: ClusterDir, level: str, progress: Progress) -> int:
    """Restore a trust level's key, and wait until its secrets are readable.

    Returns:
        How many secrets are readable.

    Raises:
        UsageError: there is no such level, or it is the control plane's own key.
        EnvironmentLacksError: the control plane did not follow in time.
    """
    return _allow(cluster_dir, level, progress, allowed=True)


def _allow(cluster_dir: ClusterDir, level: str, progress: Progress, *, allowed: bool) -> int:
    """Return a level's key the right to be used, or withdraw it; return how many secrets that concerns."""
    if level == PLANE:
        message = "the control plane's own key is not withdrawn by this command"
        hint = "withdraw the trust levels one by one; without its own key the API server cannot start"
        raise UsageError(Problem("plane-key", message, hint=hint))
    custody, module = opened_keys(cluster_dir)
    try:
        label = custody.label(custody.require_level(level))
        versions = module.versions(label)
        if allowed and not versions:
            message = f"the module has no key {level!r} that could be restored"
            hint = "only its custodian can have a copy; secrets that are stored under it can be deleted"
            raise EnvironmentLacksError(Problem("key-destroyed", message, hint=hint))
        if not allowed and versions and versions[-1].usable:
            # What is not sealed under this key would stay readable after the withdrawal.
            usable = {key for key in custody.keys if are_usable(module.versions(custody.label(key)))}
            asyncio.run(seal_left(cluster_dir, custody, level, usable))
        module.allow(label, allowed=allowed)
    finally:
        module.close()
    progress(f"{level}: waiting until the control plane follows")
    return asyncio.run(_until_known(cluster_dir, custody, level, allowed))


async def _until_known(cluster_dir: ClusterDir, custody: Custody, level: str, allowed: bool) -> int:
    """Wait until key service, gate and API server agree.

    Returns:
        How many secrets are sealed under the level's key.
    """
    await until_gate(cluster_dir, level, lambda heard: heard.withdrawn is not allowed)
    readable: list[Stored] = []
    async with opened_store(cluster_dir) as store:
        secrets = await store.all(SECRETS)
        sealed = [secret for secret in secrets if secret.level == level]
        for secret in sealed:
            await _until_gate_gives(store, secret, allowed)
        for secret in secrets:
            is_unsealed = secret.level != level and level_of(custody, secret) == level
            if is_unsealed and not allowed and await store.is_open(secret):
                readable.append(secret)
    if readable:
        message = (
            f"the key {level!r} is withdrawn, and {counted(len(readable), 'secret')} of its level "
            f"are not sealed under it: {places_of(readable)}"
        )
        hint = (
            f"they are readable; sovereign-ai keys restore STACK {level}, "
            "and then revoke, which seals them first"
        )
        raise EnvironmentLacksError(Problem("secrets-unsealed", message, hint=hint))
    api = open_cluster(cluster_dir.kubeconfig)
    names: dict[str, set[str]] = {}
    for secret in sealed:
        names.setdefault(secret.namespace, set()).add(secret.name)
    # Last, the API server's own cache: watches that began anew fill it from what the gate gives out now.
    async for _ in polling_async(_CACHE_SECONDS, 0.1):
        if all(_cached_as(api, namespace, meant, allowed) for namespace, meant in names.items()):
            return len(sealed)
    raise _too_late("the API server's cache")


async def _until_gate_gives(store: KeyStore, secret: Stored, allowed: bool) -> None:
    """Wait until the gate gives a secret out, or its stub, or the secret is deleted."""
    async for _ in polling_async(_GATE_SECONDS, 0.1):
        if await store.is_open(secret) in {allowed, None}:
            return
    raise _too_late("the secret gate")


def _cached_as(api: Api, namespace: str, names: set[str], allowed: bool) -> bool:
    """Return whether the API server's cache holds these secrets of a namespace as they should be.

    Args:
        api: the cluster.
        namespace: the namespace.
        names: names of secrets; one that was deleted does not count.
        allowed: whether all of them should be readable, or all withdrawn.
    """
    path = f"/api/v1/namespaces/{namespace}/secrets"
    try:
        # resourceVersion=0 reads the cache and not etcd.
        answer = api.request("GET", path, query={"resourceVersion": "0"})
    except (ApiError, UnreachableError):
        return False  # while it fills its cache anew, the API server answers nothing
    for secret in answer.get("items") or []:
        metadata = secret["metadata"]
        is_withdrawn = WITHDRAWN_KEY in (metadata.get("annotations") or {})
        if metadata["name"] in names and is_withdrawn is allowed:
            return False
    return True


def _counted(custody: Custody, key: str, values: list[Stored]) -> dict[int, int]:
    """Return version to the number of values stored under it; 0 counts those under no version of this key."""
    prefix = f"{custody.owner}/{key}/"
    counts: Counter[int] = Counter()
    for value in values:
        if key == PLANE:
            key_id = value.plane_key
        elif key in {value.level, level_of(custody, value)}:
            key_id = value.level_key if value.level == key else ""
        else:
            continue
        version = int(key_id.removeprefix(prefix)) if key_id.startswith(prefix) else 0
        counts[version] += 1
    return dict(counts)


def _restart(cluster_dir: ClusterDir, process: str) -> None:
    """End a process of a running control plane; its supervisor restarts it."""
    for component in status_of(cluster_dir).components:
        if component.name == process and component.pid is not None and component.alive:
            os.kill(component.pid, signal.SIGTERM)


def _too_late(part: str) -> EnvironmentLacksError:
    """Return the error that a part of the control plane did not follow a change in time."""
    message = f"{part} did not take up the change in time"
    return EnvironmentLacksError(Problem("keys-not-taken-up", message, hint="run the command again"))
