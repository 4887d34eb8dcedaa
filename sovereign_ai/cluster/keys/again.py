"""Writing again what stands under an older version of a key, or under none.

What stands under an older version of the plane's key is written through the API, as it is: the API server
writes where its own key has changed, and nowhere else. What stands under an older version of its level's
key is read through the gate and written back. A withdrawn level is left alone: nothing can be written there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError, open_cluster
from sovereign_ai.cluster.keys.custody import PLANE, Custody, read_custody
from sovereign_ai.cluster.keys.module import Module
from sovereign_ai.cluster.keys.seal import SECRETS, WITHDRAWN_KEY
from sovereign_ai.cluster.keys.store import CONFIG_MAPS, Stored, opened_store, stored_values
from sovereign_ai.cluster.keys.taken import until_gate_seals_by
from sovereign_ai.cluster.state import Place
from sovereign_ai.errors import EnvironmentLacksError, Problem

_SEAL_ROUNDS = 5


def write_again(where: Place, progress: Callable[[str], object]) -> int:
    """Write every secret and configmap again that stands under an older version, and drop what was stored before; give how many.

    Raises:
        EnvironmentLacksError: the plane does not answer.
    """
    custody, module = opened_keys(where)
    try:
        versions = {key: module.versions(custody.label(key)) for key in custody.keys}
    finally:
        module.close()
    newest = {key: f"{custody.owner}/{key}/{found[-1].number}" for key, found in versions.items() if all(one.usable for one in found)}
    behind = [one for one in asyncio.run(stored_values(where)) if _is_behind(custody, newest, one)]
    if any(one.plane_key != newest.get(PLANE) for one in behind):
        progress("writing again through the API server what stands under an older key of the plane")
        _through_api(open_cluster(where.kubeconfig))
    return asyncio.run(_through_gate(where, custody, newest, {one.place for one in behind}, progress))


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
    places = ", ".join(f"{one.namespace}/{one.name}" for one in left[:3])
    message = f"{len(left)} secrets of level {level!r} do not stand under its key: {places}"
    hint = "nothing was withdrawn; run `sovereign-ai keys reencrypt`, and then this command again"
    raise EnvironmentLacksError(Problem("secrets-unsealed", message, hint=hint))


async def _through_gate(
    where: Place, custody: Custody, newest: Mapping[str, str], before: set[bytes], progress: Callable[[str], object]
) -> int:
    """Write again what stands under an older version of its level's key, then drop the history."""
    async with opened_store(where) as store:
        left = [one for one in await store.all(SECRETS) if _level_behind(custody, newest, one)]
        for one in left:
            if not await store.write_again(one):
                progress(f"{one.place.decode(errors='replace')}: was written by somebody else in the meantime")
        await store.forget_history()
        values = [*await store.all(SECRETS), *await store.all(CONFIG_MAPS)]
    behind = {one.place for one in values if _is_behind(custody, newest, one)}
    return len((before | {one.place for one in left}) - behind)


def _through_api(api: Api) -> None:
    """Write every secret and configmap as it is."""
    for kind in ("Secret", "ConfigMap"):
        found = [one for one in api.list("v1", kind) if WITHDRAWN_KEY not in (one["metadata"].get("annotations") or {})]
        api.many(partial(_replace, api, one) for one in found)


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
    """Tell whether a value stands under anything but the newest version of the plane's key and of its level's."""
    return one.plane_key != newest.get(PLANE) or _level_behind(custody, newest, one)
