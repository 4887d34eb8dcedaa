"""Conditions on parameters and mount options of storage drivers, as CEL: places, copies and encryption."""

from __future__ import annotations

from sovereign_ai.rules.cel.bindings import bound
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.named_hosts import are_permitted_resources
from sovereign_ai.rules.places.permitted_places import bucket, listed_hosts, text

_HOST_KEYS = "(?i)(?:server|host|endpoint|url|address|monitor|proxy|portal|mgmt|svm|dataip)|uri$"
_AREA_KEYS = "(?i)(?:region|location|topology)|zones?$"
_BUCKET_KEYS = "(?i)(?:bucket|container|vault)"
_REMOTE_KEYS = "(?i)(?:replica|mirror|remote|peer|secondary|failover|dr-?site)"
_KEY_KEYS = "(?i)(?:kms|key[-_]?id|keyvault|encryptionset|cmk|encrypt[a-z_-]*key$)"
_ENCRYPTION_KEYS = "(?i)crypt|luks|cipher|^sse|^secure$"
# Names of parameters that turn encryption off, where others turn it on.
_NO_ENCRYPTION_KEYS = (
    "(?i)(?:^|[-_.])(?:no|non|not|un)[-_]?encrypt|(?:disable|skip|without|bypass|omit|ignore)[a-z_-]*encrypt"
    "|encrypt[a-z]*[-_]?(?:disabled|off|bypass)"
)
# Drivers have many words for no, also by mistake (`00`, `nil`, a cipher that is none). So those for yes are
# listed, with what encryption is made of: ciphers, hashes, sizes of keys, and what is encrypted.
_YES = (
    "^(?:[1-9][0-9]*|t|true|y|yes|on|enabled?|required?|always|luks[0-9]?|dm-?crypt|fscrypt|block|file|volume"
    "|(?:xts-|gcm-|sse-|luks-)?aes[a-z0-9:_-]*|x?chacha20[a-z0-9-]*|sha[0-9-]+|argon2[a-z]*|pbkdf2)$"
)
_LAST = 'k.findAll("[^/]*$")[0]'
"""A parameter's name without the domain before it."""
# Parameters that Kubernetes' own sidecars or the factory read, and no storage driver.
_OURS = 'k == $encryption_key || k.startsWith("csi.storage.k8s.io/") || k.startsWith($domain)'
_NO = (
    '["", "0", "disable", "disabled", "f", "false", "identity", "n", "no", "none", "null", "off", "plain", '
    '"plaintext"]'
)


def parameters(value: str, regions: str = "$regions", servers: str = "") -> str:
    """Return CEL: a storage driver's parameters name permitted places only.

    Drivers agree on no names, so a parameter is read by what its name contains, regardless of case.

    Args:
        value: expression of the parameters, a mapping of texts.
        regions: expression of the regions in which the data may be.
        servers: expression of addresses that are permitted besides, such as those of a tier's servers.
    """
    entry = "entry"
    word = f"{entry}.lowerAscii().trim()"
    in_regions = f'{entry}.split(",").all(r, r.trim() in {regions})'
    is_local_host = f'{entry} == "" || {entry}.contains("://") || {listed_hosts(entry)}'
    # A count of replicas is no remote site.
    is_no_remote = f'{word} in {_NO} || {word}.matches("^[0-9]+$")'
    tests = [
        _if_named(_AREA_KEYS, in_regions),
        _if_named(_BUCKET_KEYS, bucket(entry)),
        _if_named(_HOST_KEYS, is_local_host),
        _if_named(_REMOTE_KEYS, is_no_remote),
        text(entry),
        # Whether a key may be named at all says `encryption`.
        f"({_LAST}.matches({literal(_KEY_KEYS)}) || {are_permitted_resources(entry, regions)})",
    ]
    condition = " && ".join(tests)
    if servers:
        condition = f'{entry}.split(",").all(a, a.trim() in {servers}) || ({condition})'
    are_permitted = bound(entry, _entry(value), condition)
    return f"{value}.all(k, {_OURS} || {are_permitted})"


# nfs(5), mount.cifs(8), mount.ceph(8), read 2026-11-28: the server that is asked, whatever the volume says.
_MOUNT_OPTION = (
    r"(?i)(?:^|,)\s*(?:[a-z_]*addr|mounthost|unc|ip|target|source|serv[a-z]*|host[a-z]*|mon[a-z_]*"
    r"|[a-z_]*proxy"
    r"|ur[il]|endpoint|bucket|region|prefixpath)\s*="
    r"|//|=[^=,]*[a-z-][.][a-z]|(?:[0-9]{1,3}[.]){3}[0-9]|=[^=]*:[^=]*::|0x[0-9a-f]{6}"
)


def mount_options(value: str) -> str:
    """Return CEL: no option of a mount names a server, or a place behind one."""
    return f"{value}.all(o, !o.matches({literal(_MOUNT_OPTION)}))"


def _entry(value: str) -> str:
    """Return CEL for a parameter's text; null is an empty one, as it is for kinds of the API server."""
    return f'(dyn({value}[k]) == null ? "" : {value}[k])'


def _if_named(pattern: str, condition: str) -> str:
    """Return CEL: a condition holds for a parameter whose name matches a regular expression."""
    return f"(!{_LAST}.matches({literal(pattern)}) || {condition})"


def encryption(value: str, key: str = '""') -> str:
    """Return CEL: a storage driver's parameters keep encryption on, under no other key than the declared one.

    Args:
        value: expression of the parameters, a mapping of texts.
        key: expression of the name of the key that the description declares.
    """
    entry = "entry"
    word = f"{entry}.lowerAscii().trim()"
    is_key = f"{_LAST}.matches({literal(_KEY_KEYS)})"
    turns_off = f"{_LAST}.matches({literal(_NO_ENCRYPTION_KEYS)})"
    is_on = f"({turns_off} ? {word} in {_NO} : {word}.matches({literal(_YES)}))"
    is_kept = f"({is_key} ? {entry} == {key} : {_if_named(_ENCRYPTION_KEYS, is_on)})"
    return f"{value}.all(k, k.startsWith($domain) || {bound(entry, _entry(value), is_kept)})"


def parameters_and_encryption(value: str) -> str:
    """Return CEL: a storage driver's parameters name permitted places only and keep encryption on."""
    return f"({parameters(value)} && {encryption(value)})"
