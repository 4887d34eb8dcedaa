"""Re-encrypt secrets and configmaps that are stored under an older version of a key, or under none.

A value under an older version of the control plane's key is written back through the API as it is: the API
server stores it anew where its own key has changed, and nowhere else. A value under an older version of its
level's key is read through the gate and written back. A withdrawn level is left alone: nothing can be written
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.keys.custody import PLANE, Custody, read_custody
from sovereign_ai.cluster.keys.pkcs11 import Pkcs11Module, are_usable
from sovereign_ai.cluster.keys.propagation import until_gate_seals_by
from sovereign_ai.cluster.keys.seal import SECRETS, WITHDRAWN_KEY
from sovereign_ai.cluster.keys.store import CONFIG_MAPS, Stored, opened_store, stored_values
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_SEAL_ROUNDS, _ROUNDS = 5, 3
"""How often values are looked at: others write in the meantime, and what they wrote may be outdated too."""


@frozen_dataclass
class ReencryptedObjects:
    """The result of re-encrypting values that were stored under an older version of a key, or under none.

    Attributes:
        count: how many were re-encrypted.
        left: those that are still stored so.
    """

    count: int
    left: tuple[Stored, ...]


@frozen_dataclass
class _KeyIds:
    """The identifiers under which values should be stored.

    Attributes:
        last: key to the identifier of its last version.
        newest: the same, for the keys that can be used.
    """

    last: Mapping[str, str]
    newest: Mapping[str, str]


def reencrypt_objects(cluster_dir: ClusterDir, progress: Callable[[str], object]) -> ReencryptedObjects:
    """Re-encrypt every secret and configmap that is stored under an older version, and drop older revisions.

    Raises:
        EnvironmentLacksError: the control plane does not answer, or the module cannot be used.
    """
    custody, module = opened_keys(cluster_dir)
    try:
        key_ids = _key_ids(custody, module)
    finally:
        module.close()
    started: set[bytes] = set()
    for _ in range(_ROUNDS):
        values = asyncio.run(stored_values(cluster_dir))
        outdated = [value for value in values if _is_outdated(custody, key_ids.newest, value)]
        if not outdated:
            break
        started |= {value.place for value in outdated}
        under_old_key = {value.place for value in outdated if value.plane_key != key_ids.newest[PLANE]}
        if under_old_key:
            progress(
                "re-encrypting through the API server what is stored under an older key of the control plane"
            )
            _replace_through_api(open_cluster(cluster_dir.kubeconfig), under_old_key)
        started |= asyncio.run(_rewrite_through_gate(cluster_dir, custody, key_ids.newest, progress))
    # etcd keeps older revisions, which hold the values under their former keys, until it is compacted.
    values = asyncio.run(_drop_history(cluster_dir))
    left = tuple(value for value in values if _is_left(custody, key_ids.last, value))
    rewritten = started - {value.place for value in left}
    return ReencryptedObjects(len(rewritten), left)


def _key_ids(custody: Custody, module: Pkcs11Module) -> _KeyIds:
    """Read the last version of each key that the module has."""
    last, newest = {}, {}
    for key in custody.keys:
        versions = module.versions(custody.label(key))
        if versions:
            last[key] = f"{custody.owner}/{key}/{versions[-1].number}"
            if are_usable(versions):
                newest[key] = last[key]
    return _KeyIds(last, newest)


async def seal_left(cluster_dir: ClusterDir, custody: Custody, level: str, usable: Collection[str]) -> None:
    """Seal under a level's key the secrets of that level that are not sealed under it yet.

    A secret that is sealed under another level's key that cannot be used is left alone: it is unreadable
    already, and only its stub could be written.

    Args:
        cluster_dir: the control plane's folder.
        custody: its keys.
        level: the trust level.
        usable: keys that can be used.

    Raises:
        EnvironmentLacksError: the gate does not know of the level, or some secrets stay unsealed.
    """
    await until_gate_seals_by(cluster_dir, custody)
    async with opened_store(cluster_dir) as store:
        for _ in range(_SEAL_ROUNDS):
            secrets = await store.all(SECRETS)
            left = [secret for secret in secrets if _is_unsealed(custody, level, usable, secret)]
            if not left:
                return
            # The gate seals only what is stored under the control plane's key.
            if not all(secret.plane_key for secret in left):
                break
            for secret in left:
                # A secret that somebody else writes in the meantime is not written; the next round looks at
                # it.
                await store.write_again(secret)
    secrets_text = counted(len(left), "secret")
    message = f"{secrets_text} of level {level!r} are not sealed under its key: {places_of(left)}"
    hint = "nothing was withdrawn; run `sovereign-ai keys reencrypt STACK`, and then this command again"
    raise EnvironmentLacksError(Problem("secrets-unsealed", message, hint=hint))


def _is_unsealed(custody: Custody, level: str, usable: Collection[str], secret: Stored) -> bool:
    """Return whether a secret belongs to a level, is not sealed under the level's key, and can be."""
    if level_of(custody, secret) != level or secret.level == level:
        return False
    return secret.level is None or secret.level in usable


async def _rewrite_through_gate(
    cluster_dir: ClusterDir, custody: Custody, newest: Mapping[str, str], progress: Callable[[str], object]
) -> set[bytes]:
    """Rewrite the secrets that are sealed under an older version of their level's key.

    Returns:
        Their keys in etcd.
    """
    async with opened_store(cluster_dir) as store:
        secrets = await store.all(SECRETS)
        outdated = [secret for secret in secrets if _is_level_outdated(custody, newest, secret)]
        for secret in outdated:
            if not await store.write_again(secret):
                name = secret.place.decode(errors="replace")
                progress(f"{name}: another client wrote it in the meantime")
    return {secret.place for secret in outdated}


async def _drop_history(cluster_dir: ClusterDir) -> list[Stored]:
    """Drop older revisions from etcd, and read what is stored now."""
    async with opened_store(cluster_dir) as store:
        await store.forget_history()
        return [*await store.all(SECRETS), *await store.all(CONFIG_MAPS)]


def _replace_through_api(api: Api, places: Collection[bytes]) -> None:
    """Write secrets and configmaps as they are.

    Args:
        api: the cluster.
        places: their keys in etcd.
    """
    for kind, prefix in (("Secret", SECRETS), ("ConfigMap", CONFIG_MAPS)):
        replacements = []
        for obj in api.list("v1", kind):
            # A withdrawn secret is shown as a stub, which must not replace it.
            is_stub = WITHDRAWN_KEY in (obj["metadata"].get("annotations") or {})
            if _etcd_key(prefix, obj) in places and not is_stub:
                replacements.append(partial(_replace, api, obj))
        api.many(replacements)


def _etcd_key(prefix: bytes, obj: Mapping[str, Any]) -> bytes:
    """Return an object's key in etcd."""
    metadata = obj["metadata"]
    return prefix + f"{metadata['namespace']}/{metadata['name']}".encode()


def _replace(api: Api, obj: dict[str, Any]) -> None:
    """Write one object as it is; a client that wrote or deleted it in the meantime has re-encrypted it."""
    try:
        api.replace(obj)
    except ApiError as error:
        if error.status not in {404, 409}:
            raise


def level_of(custody: Custody, value: Stored) -> str | None:
    """Return the level that a value belongs to by its namespace; None for a configmap."""
    return custody.levels.get(value.namespace) if value.place.startswith(SECRETS) else None


def places_of(values: Sequence[Stored]) -> str:
    """Return the names of the first few of some values."""
    names = ", ".join(f"{value.namespace}/{value.name}" for value in values[:3])
    return f"{names}, …" if len(values) > 3 else names


def opened_keys(cluster_dir: ClusterDir) -> tuple[Custody, Pkcs11Module]:
    """Read which keys a control plane has, and log in to their module.

    Raises:
        EnvironmentLacksError: it has none, or the module cannot be used.
    """
    custody = read_custody(cluster_dir)
    return custody, Pkcs11Module(custody.module)


def _is_level_outdated(custody: Custody, newest: Mapping[str, str], value: Stored) -> bool:
    """Return whether a secret must be sealed anew.

    That is so where it is sealed under an older version of its level's key, under another level's key that
    can be used, or under none, and its level's key can be used.
    """
    level = level_of(custody, value)
    if level is None or level not in newest or value.level_key == newest[level]:
        return False
    return value.level is None or value.level in newest


def _is_outdated(custody: Custody, newest: Mapping[str, str], value: Stored) -> bool:
    """Return whether a value can be written, and is not stored under the newest version of all its keys."""
    keys = {PLANE, value.level or PLANE, level_of(custody, value) or PLANE}
    if not keys <= newest.keys():
        return False
    return value.plane_key != newest[PLANE] or _is_level_outdated(custody, newest, value)


def _is_left(custody: Custody, last: Mapping[str, str], value: Stored) -> bool:
    """Return whether a value is not stored under the last version of its keys, usable or not."""
    if value.plane_key != last.get(PLANE):
        return True
    level = level_of(custody, value) or value.level
    return level is not None and value.level_key != last.get(level)
