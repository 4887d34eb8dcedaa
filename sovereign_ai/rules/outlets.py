r"""Kinds that no rule knows, outside the zones: which of them send something out, by their shape.

In the zones every such kind is refused. In the namespaces of others, and outside namespaces, operators of all
sorts write their own kinds, and most of them lead nowhere. What sends data out says so: by the name of its
group or kind, by a host in a field called after a server, or by a bucket without the server that it is on.

The fields of an object are read as one text, a line each: `Setting.value=s3://backups@us-east-1/`. Lists add
nothing to the name, so that a line reads as somebody would say it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.rules.cel_literals import literal

_DEEPEST = 10
"""Lists and mappings within each other that are read; what lies deeper is not."""

_NAMES = (
    # Clouds and services that set up what lies there.
    r"(?:^|[.-])(?:aws|amazonaws|azure|gcp|google|googleapis|gke|aliyun|alibabacloud|tencentcloud|ovh"
    r"|scaleway|hetzner|digitalocean|linode|terraform|opentofu|pulumi|crowdstrike|grafana)(?:[.-]|/|$)"
    # Words for what is copied or sent elsewhere, whole as kinds are written.
    r"|/[A-Za-z0-9]*(?:Mirror|MirrorMaker[0-9]?|Push[A-Z][A-Za-z]*|Offloading|Export|Exporter|Forwarder"
    r"|LogPipeline|MetricPipeline|TracePipeline|RemoteWrite|Terraform|OpenTofu"
    r"|Replication(?:Group|Source|Destination|Plan|Policy))$"
)
"""API groups and kinds of what sends out, as `group/Kind`."""
_SERVER = (
    r"(?:endpoints?|proxy|servers?|brokers?|bootstrap|address(?:es)?|backend|webhook|sink|destination|scaler"
    r"|collector|target|remote|peer|bucket[._-]?host)"
)
_OF_SERVER = (
    rf"[A-Za-z0-9._-]*{_SERVER}(?:[._-]?(?:ur[il]|host(?:name)?|name|fqdn|value|servers?|address|ips?))*"
    # A host alone may be a name under which the object itself is served.
    r"|[A-Za-z0-9._-]*(?:backend|connection|database|exporter|external|output|redis|remote|sink|smtp|storage"
    r"|upstream)[A-Za-z0-9._-]*[.]host(?:name)?"
    # A URL is only one of a server if something around it says so: many kinds link to their own documents.
    rf"|[A-Za-z0-9._-]*(?:{_SERVER}|push|write|auth|backup|mirror|export|forward|notif|alert|store|trigger"
    r"|ingest|http[._-]?(?:api)?)[A-Za-z0-9._-]*(?:ur[il]|path)"
)
# Nobody opens these in a browser, so that they are no link to something to read, whatever the field.
_OF_PROGRAMS = (
    "(?:nfs|cifs|smb|rsync|sftp|ftps?|ssh|rediss?|amqps?|mqtts?|nats|kafka|mongodb(?:[+]srv)?|mysql"
    "|postgres(?:ql)?|grpcs?|tcp|udp|tls|syslog|ldaps?)"
)
_SERVER_LINE = (
    f"(?im)^(?:{_OF_SERVER})=.*$|^[A-Za-z0-9._-]+={_OF_PROGRAMS}://.*$"
    # Variables of the operator's own pods are read by whatever runs in them.
    "|^[A-Za-z0-9._-]*env[a-z]*[.]value=[a-z0-9+.-]+://.*$"
)
_HOST = r"(?:=|://|,)[ ]*(?:[^ /@,]*@)?(?:[A-Za-z0-9_-]+[.])+[A-Za-z0-9-]+(?:[:/?#, ]|$)"
"""A host with a dot in it, at the beginning of a value, behind a scheme, or behind a comma."""
_ADDRESS = r"[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*"
_RANGE = (
    rf"(?:=|,)[ ]*(?:{_ADDRESS}/[0-9]{{1,3}}|{_ADDRESS}[ ]*-[ ]*{_ADDRESS}"
    r"|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f.:]*)[ ]*(?:,|$)"
)
"""A range of addresses by its length or both ends, or an address of IPv6: a whole value, or between commas.

MetalLB reads both forms of a range, with blanks around the hyphen (its `ParseCIDR`, read 2026-11-28).
"""
_ENDS = r"[0-9A-Fa-f.:]+(?:/[0-9]+)?"
_BUCKET = (
    r"(?im)=(?:s3|gs|gcs|azure|azblob|az|wasbs?|abfss?|oss|cos|obs|swift|b2)://[^\s/]"
    r"|^[A-Za-z0-9._-]*bucket(?:[._-]?name)?=[^\s]"
)
_PEERS = r"(?im)[.](?:mirroring|replication)[A-Za-z0-9._-]*[.]peers?[.][A-Za-z0-9._-]*=[^\s]"
"""Another site that what is stored is copied to, by the name of what leads there, such as a Secret."""
_STORE_LINE = r"(?im)^[A-Za-z0-9._-]*(?:endpoint|server|host)[A-Za-z0-9._-]*=[^\s]"


def leaves() -> str:
    """Return CEL for the fields of an object as one text, a line `Kind.path=value` for each text in it."""
    # A report is what a scanner found, and full of links.
    apart = literal(["apiVersion", "kind", "metadata", "report", "status"])
    fields = f'dyn(object).filter(f, !(f in {apart})).map(f, [dyn(object.kind + "." + f), dyn(object)[f]])'
    return f'{lines_of(fields)}.join("\\n")'


def lines_of(pairs: str) -> str:
    """Return CEL for the texts in some values: a list of lines `name.path=value`.

    Each list or mapping is opened once at each depth, so that the expression grows with the depth alone. The
    API server wants both members of a pair to be of one type, which `dyn` makes them.

    Args:
        pairs: expression of the values, each behind its name.
    """
    last = f"p{_DEEPEST}"
    text = f'type({last}[1]) == string ? {last}[0] + "=" + {last}[1] : ""'
    for depth in reversed(range(_DEEPEST)):
        name, value = f"p{depth}[0]", f"p{depth}[1]"
        opened = (
            f'(type({value}) == map ? {value}.map(k, [dyn({name} + "." + k), {value}[k]])'
            f" : type({value}) == list ? {value}.map(k, [{name}, k]) : [[{name}, {value}]])"
        )
        text = f'{opened}.map(p{depth + 1}, {text}).join("\\n")'
    return f"{pairs}.map(p0, {text})"


def leads_nowhere(private: Iterable[str]) -> str:
    """Return CEL: an object of a kind that no rule knows sends nothing out, as far as its shape shows.

    Args:
        private: the ranges that no public network routes.
    """
    # A match takes the comma behind it, so that the next one needs another before it.
    lines = f'variables.leaves.findAll({literal(_SERVER_LINE)}).map(l, l.replace(",", ",,"))'
    name = 'h.findAll("[^=/@, ]+[:/?#, ]?$")[0].findAll("^[A-Za-z0-9_.-]+")[0]'
    hosts = f"l.findAll({literal(_HOST)}).map(h, {name})"
    declared = f"({literal(list(private))} + $outside.map(g, g[1]).filter(g, isCIDR(g)))"
    # Both ends of a range are in one declared range, and so is all between them.
    ends = f"r.findAll({literal(_ENDS)})"
    is_within = 'e.contains("/") ? cidr(g).containsCIDR(e) : cidr(g).containsIP(e)'
    are_addresses = f"{ends}.all(e, isIP(e) || isCIDR(e))"
    ranges = f"l.findAll({literal(_RANGE)}).filter(r, {are_addresses})"
    are_within = f"{ranges}.all(r, {declared}.exists(g, {ends}.all(e, {is_within})))"
    are_ends_within = 'a.split("-").all(e, isIP(e) && cidr(g).containsIP(e))'
    is_declared = f"$outside.exists(g, g[1] == a) || {declared}.exists(g, {are_ends_within})"
    is_inside = f"a.matches($local) || {is_declared}"
    are_inside = f"{lines}.all(l, {hosts}.all(a, {is_inside}) && {are_within})"
    has_store = f"variables.leaves.matches({literal(_STORE_LINE)})"
    is_no_bucket = f"(!variables.leaves.matches({literal(_BUCKET)}) || {has_store})"
    is_copied = f"variables.leaves.matches({literal(_PEERS)})"
    return f"!variables.key.matches({literal(_NAMES)}) && {are_inside} && {is_no_bucket} && !{is_copied}"
