"""Writing again what stands under an older version of a key, or under none.

What stands under an older version of the plane's key is written through the API, as it is: the API server
writes where its own key has changed, and nowhere else. What stands under an older version of its level's
key is read through the gate and written back. A withdrawn level is left alone: nothing can be written there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError, open_cluster
from sovereign_ai.cluster.keys.custody import PLANE, Custody, read_custody
from sovereign_ai.cluster.keys.module import Module, are_usable
from sovereign_ai.cluster.keys.seal import SECRETS, WITHDRAWN_KEY
from sovereign_ai.cluster.keys.store import CONFIG_MAPS, Stored, opened_store, stored_values
from sovereign_ai.cluster.keys.taken import until_gate_seals_by
from sovereign_ai.cluster.state import Place
from sovereign_ai.errors import EnvironmentLacksError, Problem

_SEAL_ROUNDS, _ROUNDS = 5, 3


@dataclass(frozen=True, slots=True)
class Written:
    """What became of values that stood under an older version of a key, or under none.

    Attributes:
        count: how many were written again.
        left: those that stand so still.
    """

    count: int
    left: tuple[Stored, ...]


def write_again(where: Place, progress: Callable[[str], object]) -> Written:
    """Write every secret and configmap again that stands under an older version, and drop what was stored before.

    Raises:
        EnvironmentLacksError: the plane does not answer, or the module cannot be used.
    """
    custody, module = opened_keys(where)
    try:
        versions = {key: found for key in custody.keys if (found := module.versions(custody.label(key)))}
    finally:
        module.close()
    last = {key: f"{custody.owner}/{key}/{found[-1].number}" for key, found in versions.items()}
    newest = {key: last[key] for key, found in versions.items() if are_usable(found)}
    begun: set[bytes] = set()
    for _ in range(_ROUNDS):
        behind = [one for one in asyncio.run(stored_values(where)) if _is_behind(custody, newest, one)]
        if not behind:
            break
        begun |= {one.place for one in behind}
        apart = {one.place for one in behind if one.plane_key != newest[PLANE]}
        if apart:
            progress("writing again through the API server what stands under an older key of the plane")
            _through_api(open_cluster(where.kubeconfig), apart)
        begun |= asyncio.run(_through_gate(where, custody, newest, progress))
    values = asyncio.run(_without_history(where))
    left = tuple(one for one in values if _is_left(custody, last, one))
    return Written(len(begun - {one.place for one in left}), left)


async def seal_left(where: Place, custody: Custody, level: str, usable: Collection[str]) -> None:
    """Seal under a level's key what belongs there and was written before anybody knew that.

    What stands under another level's key that cannot be used is left alone: it is unreadable already, and only its stub could be written.

    Args:
        where: the plane.
        custody: its keys.
        level: the trust level.
        usable: keys that can be used.

    Raises:
        EnvironmentLacksError: the gate does not know of the level, or something stays unsealed.
    """
    await until_gate_seals_by(where, custody)
    async with opened_store(where) as store:
        for _ in range(_SEAL_ROUNDS):
            left = [
                one
                for one in await store.all(SECRETS)
                if level_of(custody, one) == level and one.level != level and (one.level is None or one.level in usable)
            ]
            if not left:
                return
            if not all(one.plane_key for one in left):
                break  # the gate seals only what stands under the plane's key
            for one in left:
                await store.write_again(one)  # what somebody else wrote in the meantime is looked at again
    message = f"{len(left)} secrets of level {level!r} do not stand under its key: {places_of(left)}"
    hint = "nothing was withdrawn; run `sovereign-ai keys reencrypt STACK`, and then this command again"
    raise EnvironmentLacksError(Problem("secrets-unsealed", message, hint=hint))


async def _through_gate(where: Place, custody: Custody, newest: Mapping[str, str], progress: Callable[[str], object]) -> set[bytes]:
    """Write again what stands under an older version of its level's key; give which."""
    async with opened_store(where) as store:
        behind = [one for one in await store.all(SECRETS) if _level_behind(custody, newest, one)]
        for one in behind:
            if not await store.write_again(one):
                progress(f"{one.place.decode(errors='replace')}: was written by somebody else in the meantime")
    return {one.place for one in behind}


async def _without_history(where: Place) -> list[Stored]:
    """Drop what was stored before, and read what is stored now."""
    async with opened_store(where) as store:
        await store.forget_history()
        return [*await store.all(SECRETS), *await store.all(CONFIG_MAPS)]


def _through_api(api: Api, places: Collection[bytes]) -> None:
    """Write secrets and configmaps as they are."""
    for kind, prefix in (("Secret", SECRETS), ("ConfigMap", CONFIG_MAPS)):
        found = [one for one in api.list("v1", kind) if _place(prefix, one) in places]
        api.many(partial(_replace, api, one) for one in found if WITHDRAWN_KEY not in (one["metadata"].get("annotations") or {}))


def _place(prefix: bytes, obj: Mapping[str, Any]) -> bytes:
    """Give an object's key in etcd."""
    return prefix + f"{obj['metadata']['namespace']}/{obj['metadata']['name']}".encode()


def _replace(api: Api, obj: dict[str, Any]) -> None:
    """Write one object as it is; who wrote or deleted it in the meantime has done the work."""
    try:
        api.replace(obj)
    except ApiError as error:
        if error.status not in {404, 409}:
            raise


def level_of(custody: Custody, one: Stored) -> str | None:
    """Give the level that a value belongs to by its namespace."""
    return custody.levels.get(one.namespace) if one.place.startswith(SECRETS) else None


def places_of(values: Sequence[Stored]) -> str:
    """Name the first few of some values."""
    return ", ".join(f"{one.namespace}/{one.name}" for one in values[:3]) + (", …" if len(values) > 3 else "")


def opened_keys(where: Place) -> tuple[Custody, Module]:
    """Read which keys a plane has, and log in to their module.

    Raises:
        EnvironmentLacksError: it has none, or the module cannot be used.
    """
    custody = read_custody(where)
    return custody, Module(custody.module)


def _level_behind(custody: Custody, newest: Mapping[str, str], one: Stored) -> bool:
    """Tell whether a secret stands under an older version of its level's key, or of another level's that can be used, or under none."""
    level = level_of(custody, one)
    return level in newest and one.level_key != newest[str(level)] and (one.level is None or one.level in newest)


def _is_behind(custody: Custody, newest: Mapping[str, str], one: Stored) -> bool:
    """Tell whether a value can be written, and stands under anything but the newest version of the plane's key and of its level's."""
    if not {PLANE, one.level or PLANE, level_of(custody, one) or PLANE} <= newest.keys():
        return False
    return one.plane_key != newest[PLANE] or _level_behind(custody, newest, one)


def _is_left(custody: Custody, last: Mapping[str, str], one: Stored) -> bool:
    """Tell whether a value stands under anything but the last version of its keys, whether or not these can be used."""
    level = level_of(custody, one) or one.level
    return one.plane_key != last.get(PLANE) or (level is not None and one.level_key != last.get(level))
