"""Read a kubeconfig: of bounded size, with all values of the right type, and never quoted.

Content that kubectl accepts and the client package fails on is refused here with its line. No value is
repeated in a problem: it may be a token or a key.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sovereign_ai.errors import BadFileError, Problem, Where
from sovereign_ai.files import CERTIFICATE, KUBECONFIG, Refused, decode, parse, read

_HINT = KUBECONFIG.hint
_LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""Each list, and the field of its entries that holds the named settings."""
_TEXTS = {
    "clusters": (
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "tls-server-name",
        "proxy-url",
    ),
    "contexts": ("cluster", "user", "namespace"),
    "users": (
        *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
        *("token", "tokenFile", "username", "password"),
        *("as", "as-uid"),
    ),
}
_FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}
_IMPERSONATED = frozenset({"as", "as-uid"})
"""Fields of a user that are sent in headers."""
_MOST_ENTRIES = 5_000
# No `user:password@`: an account in an address would end up in messages.
_SERVER = re.compile(
    r"https?://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?:/[\w./~%-]*)?", re.ASCII
)


def read_kubeconfig(path: Path) -> dict[str, Any]:
    """Return a kubeconfig as one mapping, with every value that is used of the right type.

    Raises:
        EnvironmentLacksError: the file does not exist.
        BadFileError: it is no kubeconfig; every error, with its line.
    """
    file = str(path)
    text = decode(read(path, KUBECONFIG), file, KUBECONFIG)
    # As lenient as kubectl: its files may hold tabs and fields of other programs.
    parsed = parse(text, file, KUBECONFIG, tabs=True, lenient=True)
    problems = list(parsed.problems)
    if not problems:
        for field, message in _errors(parsed.data):
            location = parsed.source.where(field)
            problems.append(Problem("kubeconfig-invalid", message, location, _HINT))
    if problems:
        raise BadFileError(problems)
    data: dict[str, Any] = parsed.data
    return data


def check_files(path: Path, data: Mapping[str, Any], context: str | None) -> None:
    """Check that the files that a kubeconfig's context names can be read, before a library opens them.

    Args:
        path: the kubeconfig.
        data: its content.
        context: one of its contexts; left out, the current one.

    Raises:
        BadFileError: one of them cannot.
    """
    chosen = context or data.get("current-context")
    pair: Mapping[str, Any] = {}
    for entry in data.get("contexts") or ():
        if entry["name"] == chosen:
            # kubectl accepts a context without settings; it names no cluster and no user.
            pair = entry.get("context") or {}
            break
    wanted = {"clusters": pair.get("cluster"), "users": pair.get("user")}
    for kind, names in _FILES.items():
        for entry in data.get(kind) or ():
            if entry["name"] != wanted[kind]:
                continue
            held = entry.get(_LISTS[kind]) or {}
            for name in names:
                # Inline data comes before a file, which is then never opened.
                if held.get(name) and not held.get(f"{name}-data"):
                    field = f"{kind}[{entry['name']}].{name}"
                    read(path.parent / held[name], CERTIFICATE, Where(str(path), field=field))


def impersonation_in(data: Mapping[str, Any], context: str | None) -> tuple[tuple[str, str], ...]:
    """Return the headers by which requests of a context's user impersonate another, as kubectl sends them.

    They are empty where it impersonates nobody. The client package does not read these fields.

    Args:
        data: the kubeconfig's content, as `read_kubeconfig` returns it.
        context: one of its contexts; left out, the current one.
    """
    user = _user_of(data, context)
    if not user.get("as"):
        return ()
    headers = [("Impersonate-User", user["as"])]
    if user.get("as-uid"):
        headers.append(("Impersonate-Uid", user["as-uid"]))
    headers += [("Impersonate-Group", group) for group in user.get("as-groups") or ()]
    for name, values in (user.get("as-user-extra") or {}).items():
        # A header's name has fewer characters than the name of an extra field, which is escaped for it.
        headers += [(f"Impersonate-Extra-{quote(name, safe='')}", value) for value in values]
    # A header's characters are bytes.
    return tuple((name, value.encode().decode("latin-1")) for name, value in headers)


def _user_of(data: Mapping[str, Any], context: str | None) -> Mapping[str, Any]:
    """Return the settings of a context's user; empty where it names none that is there."""
    contexts = {entry["name"]: entry.get("context") or {} for entry in data.get("contexts") or ()}
    users = {entry["name"]: entry.get("user") or {} for entry in data.get("users") or ()}
    pair: Mapping[str, Any] = contexts.get(context or data.get("current-context"), {})
    user: Mapping[str, Any] = users.get(pair.get("user"), {})
    return user


def authority_of(path: Path, cluster: Mapping[str, Any]) -> bytes:
    """Return the certificates of the authority that a cluster is trusted by; none where it names none.

    Raises:
        BadFileError: the file that it names cannot be read.
    """
    inline, file = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
    if inline:
        return base64.b64decode(inline)
    return read(path.parent / file, CERTIFICATE, Where(str(path))) if file else b""


def _errors(data: Any) -> Iterator[tuple[str, str]]:
    """Yield every error: the field, and what was expected there."""
    if not isinstance(data, dict):
        yield "", "it names no cluster; expected a mapping with clusters, contexts and users"
        return
    if not isinstance(data.get("current-context") or "", str):
        yield "current-context", "the current context is no text"
    for kind in _LISTS:
        yield from _list_errors(kind, data.get(kind))
    if not data.get("clusters"):
        yield "", "it names no cluster"


def _list_errors(kind: str, entries: Any) -> Iterator[tuple[str, str]]:
    """Yield the errors of one of the lists."""
    if entries is None:
        return
    if not isinstance(entries, list) or len(entries) > _MOST_ENTRIES:
        yield kind, f"expected a list of at most {_MOST_ENTRIES:,} entries"
        return
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        field = f"{kind}[{number}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            yield field, "expected an entry with a name"
            continue
        if entry["name"] in seen:
            yield f"{field}.name", "an entry of this name is above it"
        seen.add(entry["name"])
        held = entry.get(_LISTS[kind])
        if held is not None and not isinstance(held, dict):
            yield f"{field}.{_LISTS[kind]}", "expected a mapping of fields"
        elif held:
            yield from _entry_errors(kind, f"{field}.{_LISTS[kind]}", held)


def _entry_errors(kind: str, field: str, held: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the errors of the settings in an entry."""
    for name in _TEXTS[kind]:
        value = held.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or isinstance(value, Refused):
            yield f"{field}.{name}", "expected a text"
        elif name.endswith("-data") and not _is_base64(value):
            yield f"{field}.{name}", "expected base64"
        elif name == "server" and _SERVER.fullmatch(value) is None:
            message = "expected an address such as https://10.0.0.1:6443, without an account in it"
            yield f"{field}.{name}", message
        elif name in _IMPERSONATED and not value.isprintable():
            yield f"{field}.{name}", "expected a text without control characters"
    if kind == "users":
        yield from _impersonation_errors(field, held)
    for name in ("exec", "auth-provider"):
        if held.get(name) is not None and not isinstance(held[name], dict):
            yield f"{field}.{name}", "expected a mapping of fields"


def _impersonation_errors(field: str, held: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the errors of whom a user impersonates."""
    groups, extra = held.get("as-groups"), held.get("as-user-extra")
    if groups is not None and not _are_texts(groups):
        yield f"{field}.as-groups", "expected a list of texts without control characters"
    if extra is not None and not (isinstance(extra, dict) and all(map(_are_texts, extra.values()))):
        yield f"{field}.as-user-extra", "expected a mapping from names to lists of texts"
    if not held.get("as"):
        for name in ("as-uid", "as-groups", "as-user-extra"):
            if held.get(name):
                yield f"{field}.{name}", "expected `as` beside it: the user to impersonate"


def _are_texts(values: Any) -> bool:
    """Return whether a value is a list of texts that a header can have."""
    return isinstance(values, list) and all(
        isinstance(value, str) and not isinstance(value, Refused) and value.isprintable() for value in values
    )


def _is_base64(text: str) -> bool:
    """Return whether a text is base64."""
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return False
    return True
