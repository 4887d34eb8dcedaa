"""Which names outside the cluster may be asked for, and which resolvers are asked for them.

A cluster's own DNS passes on what it does not know. A name that is asked for tells whoever answers what is
being looked for, and can carry data: `c2VjcmV0.example.net` is a letter to the owner of `example.net`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from sovereign_ai.files import foreign, mixed
from sovereign_ai.spec.base import Country, Model, Text
from sovereign_ai.spec.field_location import TextForm

MOST_RESOLVERS = 15
"""The most servers that CoreDNS passes a name on to (its plugin `forward`, documentation of 1.14)."""
MOST_NAMES = 100
"""The most names: each stands in an admission policy, whose cost the API server limits."""
CLUSTER_NAMES = ("cluster.local", "in-addr.arpa", "ip6.arpa")
"""Names that a cluster's DNS answers itself."""
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = rf"^({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?$"
_ENCODED = "xn--"
# Cyrillic and Greek letters in the place of which a reader sees a Latin one (Unicode confusables, read
# 2026-11-27). A whole word of them is a word of no language.
_LIKE_LATIN = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf"
    "\u03bf\u03bd\u03c1\u03b9\u03b1"
)


def _normal_name(value: Any) -> Any:
    """Return a name in lower case, without the dot that ends it and without the wildcard before it."""
    if not isinstance(value, str):
        return value
    name = value.lower().removesuffix(".")
    return name.removeprefix("*.")


def _require_name(name: str) -> str:
    """Return a name that leads where a reader expects.

    Raises:
        ValueError: the cluster answers it itself, or an encoded label looks like another.
    """
    for own in (*CLUSTER_NAMES, "local"):
        if name == own or name.endswith(f".{own}") or own.endswith(f".{name}"):
            message = f"{name} is a name of the cluster, or holds one"
            raise ValueError(message)
    for label in name.split("."):
        if label.startswith(_ENCODED):
            _require_label(label)
    return name


def _require_label(label: str) -> None:
    """Refuse an encoded label (RFC 3492) that stands for nothing, or that looks like another.

    Raises:
        ValueError: see above.
    """
    try:
        text = label.removeprefix(_ENCODED).encode().decode("punycode")
    except UnicodeError:
        text = ""
    # What is ASCII, or would be written in another way, has no encoded form.
    canonical = text.lower().encode("punycode").decode()
    if text.isascii() or canonical != label.removeprefix(_ENCODED):
        message = f"{label} encodes no name (RFC 5891)"
        raise ValueError(message)
    letter = mixed(text)
    letters = {char for char in text if char.isalpha()}
    if letter is None and letters <= _LIKE_LATIN:
        letter = foreign(text)
    if letter is not None:
        message = f"{label} holds {letter.say}, which looks like another letter"
        raise ValueError(message)


def _as_dns_name(text: str) -> str | None:
    """Return the nearest name: without a scheme, a port and a path, and encoded where it is not ASCII."""
    host = re.sub(r"^[a-z0-9+.-]+://", "", text.lower()).partition("/")[0].partition(":")[0]
    name = str(_normal_name(host.strip()))
    try:
        encoded = name.encode("idna").decode()
    except UnicodeError:
        return None
    return encoded if re.fullmatch(_NAME, encoded) and mixed(name) is None else None


DnsName = Annotated[
    str,
    BeforeValidator(_normal_name),
    StringConstraints(pattern=_NAME, max_length=253),
    AfterValidator(_require_name),
    TextForm(
        "bad-dns-name",
        "a name of at least two labels, such as mirror.example.com; it stands for all names below it too",
        _as_dns_name,
        digits=True,
    ),
]
"""A name with all names below it; `*.mirror.example.com` and `Mirror.Example.com.` say the same."""

ResolverAddress = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Fa-f:.]{2,45}$"),
    TextForm("bad-resolver", "the address of a DNS server, such as 10.64.0.53", digits=True),
]
"""An address, without a port: DNS servers answer at port 53."""


class Resolver(Model):
    """A DNS server outside the cluster that is asked for names outside it."""

    address: ResolverAddress
    """Its address; it answers at port 53."""
    entity: Text
    """Legal name of its operator, who sees each name that is asked for."""
    seat: Country
    """Country of that operator's head office."""
    country: Country
    """The country in which it stands."""


class Dns(Model):
    """Names outside the cluster that may be asked for, and who is asked; no other name leaves."""

    resolvers: tuple[Resolver, ...] = Field(default=(), max_length=MOST_RESOLVERS)
    """The resolvers that may be asked, each for every name below."""
    names: tuple[DnsName, ...] = Field(default=(), max_length=MOST_NAMES)
    """Names that may be asked for, each with all names below it; empty, none outside the cluster."""
