"""What a person does with a plane's keys: begin, look, rotate, write again, withdraw, give back.

Each of these comes back only when what it did is true of the running plane, not merely asked for.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.flags import KEY_SERVICE, SECRET_GATE
from sovereign_ai.cluster.keys.again import level_of, opened_keys, places_of, seal_left
from sovereign_ai.cluster.keys.custody import (
    PLANE,
    Custody,
    ModulePlace,
    has_custody,
    insist_on_room,
    new_owner,
    read_custody,
    socket_of,
    with_levels,
    write_custody,
)
from sovereign_ai.cluster.keys.module import Module, Version, are_usable
from sovereign_ai.cluster.keys.seal import SECRETS, WITHDRAWN_KEY
from sovereign_ai.cluster.keys.store import Store, Stored, opened_store, stored_values
from sovereign_ai.cluster.keys.taken import until_api_server_writes_under, until_gate, until_gate_seals_by
from sovereign_ai.cluster.state import Place
from sovereign_ai.cluster.status import status_of
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError

Progress = Callable[[str], object]
_CACHE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class KeyState:
    """One key of a plane.

    Attributes:
        key: `plane`, or the trust level.
        versions: as the module gives them, oldest first.
        stored: version to the number of values in etcd that stand under it; 0 counts those that should and do not.
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
        """How many values stand under an older version, or under none."""
        newest = max((one.number for one in self.versions), default=0)
        return sum(count for number, count in self.stored.items() if number != newest)

    def to_data(self) -> dict[str, Any]:
        """Give plain data; nothing in it is secret."""
        versions = [{"number": one.number, "usable": one.usable, "stored": self.stored.get(one.number, 0)} for one in self.versions]
        return {"key": self.key, "usable": self.usable, "versions": versions, "behind": self.behind}


def begin(where: Place, module: ModulePlace, levels: Mapping[str, str]) -> Custody:
    """Make the keys of a plane in a module and note where they are; the plane uses them from its next start on.

    Raises:
        UsageError: it has keys already.
        EnvironmentLacksError: the module cannot be used.
    """
    if has_custody(where):
        hint = (
            "sovereign-ai keys status STACK; a new module needs a new plane; to go on where `keys init` broke off: "
            f"`sovereign-ai cluster down {where.name} --keep-data`, `sovereign-ai cluster up {where.name}`, `sovereign-ai keys reencrypt STACK`"
        )
        raise UsageError(Problem("has-keys", f"the plane {where.name!r} has its keys in a module already", hint=hint))
    custody = Custody(module, new_owner(where.name), dict(levels))
    insist_on_room(where, custody)  # before a key is made that nobody would name
    opened = Module(module)
    try:
        for key in custody.keys:
            opened.generate(custody.label(key))
    finally:
        opened.close()
    where.make()
    write_custody(where, custody)
    return custody


def follow_plan(where: Place, levels: Mapping[str, str]) -> bool:
    """Take over which namespace has which trust level from a newer plan, and wait until secrets are sealed by it; True if a level is new.

    The keys are made first, then the file names them, then they are served: a try that breaks off is taken up by the next one.

    Raises:
        EnvironmentLacksError: the module cannot be used, or the gate did not take it up in time.
    """
    if not has_custody(where):
        return False
    before = read_custody(where)
    custody = with_levels(before, levels)
    _make_keys(custody, set(custody.keys) - set(before.keys))
    if custody != before:
        write_custody(where, custody)
    new = sorted({*custody.keys} - {*before.keys} | _unserved(where, custody))
    if new:
        _restart(where, KEY_SERVICE)
    if any(one.name == SECRET_GATE for one in status_of(where).components):
        # A program that Pulumi runs has an event loop already, and a thread has none.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _until_followed(where, custody, new)).result()
    return bool(new)


def _unserved(where: Place, custody: Custody) -> set[str]:
    """Give the keys that a running key service does not know of: it reads the file when it starts."""
    if not socket_of(where, PLANE).exists():
        return set()
    return {key for key in custody.keys if not socket_of(where, key).exists()}


def _make_keys(custody: Custody, new: Collection[str]) -> None:
    """Make the keys that are new, but for those that an earlier try has made; one that a custodian destroyed is none of these."""
    if not new:
        return
    module = Module(custody.module)
    try:
        for key in sorted(new):
            if not module.versions(custody.label(key)):
                module.generate(custody.label(key))
    finally:
        module.close()


async def _until_followed(where: Place, custody: Custody, new: list[str]) -> None:
    """Wait until the key service serves the keys of new levels, and the gate seals by all of them."""
    for level in new:
        await until_gate(where, level, lambda _heard: True)
    await until_gate_seals_by(where, custody)


def look(where: Place) -> tuple[KeyState, ...]:
    """Say of each key which versions it has, whether they can be used, and what stands under them.

    Raises:
        EnvironmentLacksError: the plane has no keys, does not run, or the module cannot be used.
    """
    custody, module = opened_keys(where)
    try:
        versions = {key: module.versions(custody.label(key)) for key in custody.keys}
    finally:
        module.close()
    values = asyncio.run(stored_values(where))
    return tuple(KeyState(key, versions[key], _counted(custody, key, values)) for key in custody.keys)


def rotate(where: Place, key: str, progress: Progress) -> int:
    """Make a new version of a key, and wait until what is written stands under it; give its number.

    Raises:
        UsageError: there is no such key, or it is withdrawn.
        EnvironmentLacksError: the plane did not take it up in time.
    """
    custody, module = opened_keys(where)
    try:
        if not are_usable(module.versions(custody.label(custody.insist(key)))):
            hint = f"sovereign-ai keys restore STACK {key}; a new version would let stubs be written over what is withdrawn"
            raise UsageError(
                Problem("key-withdrawn", f"the key {key!r} is withdrawn or destroyed, and no new version is made of it", hint=hint)
            )
        asyncio.run(until_gate(where, key, lambda _heard: True))  # before a version is made that nobody takes up
        number = module.generate(custody.label(key))
    finally:
        module.close()
    key_id = f"{custody.owner}/{key}/{number}"
    progress(f"{key}: waiting until version {number} is written with")
    asyncio.run(until_gate(where, key, lambda seen: seen.key_id == key_id))
    if key == PLANE:
        until_api_server_writes_under(open_cluster(where.kubeconfig), key_id)
    return number


def withdraw(where: Place, level: str, progress: Progress) -> int:
    """Withdraw a trust level's key in the module, and wait until its secrets are unreadable; give how many these are.

    Raises:
        UsageError: there is no such level, or it is the plane's own key.
        EnvironmentLacksError: the plane did not take it up in time.
    """
    return _set(where, level, progress, allowed=False)


def give_back(where: Place, level: str, progress: Progress) -> int:
    """Give a trust level's key back, and wait until its secrets are readable; give how many these are.

    Raises:
        UsageError: there is no such level, or it is the plane's own key.
        EnvironmentLacksError: the plane did not take it up in time.
    """
    return _set(where, level, progress, allowed=True)


def _set(where: Place, level: str, progress: Progress, *, allowed: bool) -> int:
    """Give a level's key the right to be used, or take it away."""
    if level == PLANE:
        hint = "withdraw the trust levels one by one; without the plane's own key the API server cannot start"
        raise UsageError(Problem("plane-key", "the plane's own key is not withdrawn by this command", hint=hint))
    custody, module = opened_keys(where)
    try:
        label = custody.label(custody.insist(level))
        versions = module.versions(label)
        if allowed and not versions:
            hint = "only its custodian has it, if anybody; what stands under it can be deleted"
            raise EnvironmentLacksError(Problem("key-destroyed", f"the module has no key {level!r} that could be given back", hint=hint))
        if not allowed and versions and versions[-1].usable:
            usable = {key for key in custody.keys if are_usable(module.versions(custody.label(key)))}
            asyncio.run(seal_left(where, custody, level, usable))
        module.allow(label, allowed=allowed)
    finally:
        module.close()
    progress(f"{level}: waiting until the plane knows")
    return asyncio.run(_until_known(where, custody, level, allowed))


async def _until_known(where: Place, custody: Custody, level: str, allowed: bool) -> int:
    """Wait until key service, gate and API server agree; give how many secrets stand under the level's key."""
    await until_gate(where, level, lambda heard: heard.withdrawn is not allowed)
    async with opened_store(where) as store:
        stored = await store.all(SECRETS)
        sealed = [one for one in stored if one.level == level]
        for one in sealed:
            await _until_gate_gives(store, one, allowed)
        apart = [one for one in stored if one.level != level and level_of(custody, one) == level]
        readable = [] if allowed else [one for one in apart if await store.is_open(one)]
    if readable:
        message = f"the key {level!r} is withdrawn, and {len(readable)} secrets of its level do not stand under it: {places_of(readable)}"
        hint = f"they are readable; sovereign-ai keys restore STACK {level}, and then revoke, which seals them first"
        raise EnvironmentLacksError(Problem("secrets-unsealed", message, hint=hint))
    api = open_cluster(where.kubeconfig)
    names: dict[str, set[str]] = {}
    for one in sealed:
        names.setdefault(one.namespace, set()).add(one.name)
    deadline = time.monotonic() + _CACHE_SECONDS
    while time.monotonic() < deadline:
        if all(_cached_as(api, namespace, meant, allowed) for namespace, meant in names.items()):
            return len(sealed)
        await asyncio.sleep(0.1)
    raise _too_late("the API server's cache")


async def _until_gate_gives(store: Store, one: Stored, allowed: bool) -> None:
    """Wait until the gate gives a secret out, or its stub; one that was deleted in the meantime is waited for no more."""
    for _ in range(200):
        if await store.is_open(one) in {allowed, None}:
            return
        await asyncio.sleep(0.1)
    raise _too_late("the secret gate")


def _cached_as(api: Api, namespace: str, names: set[str], allowed: bool) -> bool:
    """Tell whether the API server's cache, and not etcd alone, has these secrets of a namespace withdrawn, or none of them.

    While it fills its cache anew it answers nothing.
    """
    try:
        answer = api.request("GET", f"/api/v1/namespaces/{namespace}/secrets", query={"resourceVersion": "0"})
    except (ApiError, UnreachableError):
        return False
    meant = [one["metadata"] for one in answer.get("items") or [] if one["metadata"]["name"] in names]
    marked = [WITHDRAWN_KEY in (one.get("annotations") or {}) for one in meant]
    return not any(marked) if allowed else all(marked)


def _counted(custody: Custody, key: str, values: list[Stored]) -> dict[int, int]:
    """Count the values under each version of a key."""
    prefix = f"{custody.owner}/{key}/"
    if key == PLANE:
        ids = [one.plane_key for one in values]
    else:
        ids = [one.level_key if one.level == key else "" for one in values if key in {one.level, level_of(custody, one)}]
    return dict(Counter(int(one.removeprefix(prefix)) if one.startswith(prefix) else 0 for one in ids))


def _restart(where: Place, process: str) -> None:
    """End a process of a running plane; its supervisor starts it again."""
    for one in status_of(where).components:
        if one.name == process and one.pid is not None and one.alive:
            os.kill(one.pid, signal.SIGTERM)


def _too_late(what: str) -> EnvironmentLacksError:
    return EnvironmentLacksError(Problem("keys-not-taken-up", f"{what} did not take up the change in time", hint="run the command again"))
