r"""Fields in which a place can be written, and the conditions on them as CEL.

A field is named by its path: a dot steps into a field, `[]` into every item of a list, `{}` into every value
of a mapping. A field that is left out passes. A field of another shape than its path fails to evaluate, and
is refused.

    >>> each("a[].b", lambda value: f"{value} == 'x'", "object")
    "(!has(object.a) || object.a == null || object.a.all(e0, (!has(e0.b) || e0.b == null || e0.b == 'x')))"

A *place* is a host, an address, a URL or a bucket. It is permitted if it is inside the cluster (a name
without a dot, a name below `svc`, loopback), the host of a declared registry, or at the other end of a
gateway that the zone may use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal, TypeVar

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.binary_entries import are_judgeable, decoded_entries, readable_runs
from sovereign_ai.rules.cel_literals import literal
from sovereign_ai.rules.directives import directives
from sovereign_ai.rules.joined_settings import HIDDEN_NAME, MAY_BE_JOINED, joined_lines, joined_settings
from sovereign_ai.rules.named_hosts import (
    BETWEEN,
    CLOUD_TYPE,
    CODE,
    FILE_NAME,
    IS,
    MAY_BE_NAMED,
    NO_COUNTRIES,
    TUNNEL,
    are_permitted_behind_blanks,
    are_permitted_by_form,
    are_permitted_by_word,
    are_permitted_in_calls,
    are_permitted_named,
    are_permitted_regions,
    are_permitted_to_clients,
    are_told_to_clients,
    files_store_has_place,
    with_spaced_key,
)
from sovereign_ai.rules.outlets import lines_of, opened_pairs
from sovereign_ai.rules.sent_work import (
    managed_here_or_sent,
    sending_check,
    sending_queue,
    sent_to,
    worker,
    worker_named,
    worker_of,
    worker_of_namespace,
)
from sovereign_ai.rules.spellings import (
    LETTER,
    are_permitted_addresses,
    are_permitted_remotes,
    are_permitted_settings,
    has_odd_url,
    is_mask,
    spellings,
)

T = TypeVar("T")
Leaf = Callable[[str], str]
"""Returns the condition on a value, given the value's expression."""
Must = Literal[
    "absent",
    "unset",
    "own-namespace",
    "no-tenant",
    "place",
    "text",
    "command",
    "range",
    "class",
    "image",
    "runtime",
    "variable",
    "settings",
    "parameters",
    "opaque",
    "cilium-own",
    "cilium-egress",
    "cilium-peer",
    "named",
    "no-target",
    "own-hosts",
    "own-mesh",
    "own-cluster",
    "private",
    "agent",
    "one-of",
    "manager",
    "sending-queue",
    "sending-check",
    "sent-to",
    "worker-of",
    "worker",
    "worker-named",
    "worker-of-namespace",
    "configs",
    "allowed-keys",
    "forbidden-keys",
    "required-keys",
]
"""The condition on a field.

* `absent`: left out or empty; `unset`: left out or false.
* `own-namespace`: the object's own namespace; `no-tenant`: a namespace outside the zones.
* `place`: a permitted place; `text`: a text that names permitted places only; `command`: a list of them,
  which is read as one text, since the value of an option may be an argument of its own.
* `range`: an address range within a declared one.
* `class`: a storage class of the zone; `image`: an image of a declared registry.
* `runtime`: a container runtime that runs pods on their own node.
* `variable`: a variable of the environment that names permitted places only; `settings`: a mapping of them.
* `parameters`: parameters of a storage driver; `opaque`: those of a device's driver, of whatever form.
* `cilium-own`: labels by which Cilium selects pods of the own namespace; `cilium-egress`: a rule that selects
  by such labels, or the cluster's DNS and its port.
* `cilium-peer`: a rule of Cilium that names its peers; `own-hosts`, `own-mesh`: a configuration of Istio that
  takes effect on the own namespace, or on nobody else's hosts.
* `own-cluster`: what Argo CD deploys to the cluster that it runs in; `private`: a private address.
* `agent`: settings of Cilium's agent that keep its policies, and join no other cluster.
* `named`: a mapping of settings that are read by their names; `no-target`: relabelling that writes none.
* `manager`: one of some words, or Kueue's MultiKueue for what is in a queue from which work is sent.
* `sending-queue`: a queue of Kueue without admission checks, or one from which work is sent: by the check of
  its own name, and only of the namespaces that the plan says; `sending-check`: such a check, or another that
  stays here; `sent-to`: a worker of the object's queue.
* `worker-of`: a queue with workers; `worker-named`: a worker; `worker`: a worker cluster by a Secret of its
  own name; `worker-of-namespace`: a worker that the object's namespace sends to.
* `one-of`: one of some words; `allowed-keys`: a mapping without other keys than some; `configs`: the same of
  the keys that end in `Configs`; `forbidden-keys`: a mapping without some keys;
  `required-keys`: one with them.
"""
OUTSIDE = "$outside.filter(g, g[0] == variables.zone).map(g, g[1])"
"""CEL for the address ranges and hosts at the other end of the gateways that the object's zone may use."""
GATHERED: tuple[Must, ...] = ("place", "text", "variable", "opaque")
"""Conditions so long that they are written once, for the values of all fields together (`nested`)."""
_DEEPEST = 2
_OPAQUE = "parameters"
_STEP = re.compile(r"\[\]|\{\}|[A-Za-z_][A-Za-z0-9_]*")

_SCHEMES = (
    r"(?i:https?|grpcs?|wss?|tcp|udp|tls|ssl|ssh|git|git[+]https|git[+]ssh|rediss?|valkeys?|memcached?"
    r"|(?:postgres|postgresql|mysql|mariadb|mssql|sqlserver|oracle|clickhouse|cockroachdb)(?:[+][a-z0-9_]+)?"
    r"|mongodb(?:[+]srv)?|amqps?|mqtts?|stomp|nats|kafka|plaintext|(?:sasl_)?(?:plaintext|ssl)"
    r"|spark|hdfs|webhdfs|thrift|trino|presto|dask|etcd|consul|zk|zookeeper|elasticsearch|opensearch|statsd"
    r"|syslog"
    r"|gelf|fluentd?|socks[45]?[ah]?|rsync|svn"
    r"|pulsar(?:[+]ssl)?|sb|bolt|neo4j|ray|oci|docker|s?ftp|nfs|ldaps?|smtps?|zmq|pvc|hive2|impala"
    r"|grpc[+](?:tcp|tls))"
)
"""Schemes whose authority is a host that DNS resolves, in whatever case (RFC 3986, section 3.1).

Of any other scheme, such as `s3` or `hf`, the authority is a name at somebody's service.
"""
_OWN_URL = (
    r"^(?i:file|dir|unix|ipc|inproc|env|local|mem|memory|locmem|duckdb"
    r"|(?:db[+])?sqlite(?:[+][a-z0-9_]+)?)://$"
    r"|^inproc://[a-z0-9_-]+$"
)
"""A URL without a host, of a scheme whose resources are the pod's own: files, sockets, memory, variables."""
_STORE_URL = (
    r"\b(?i:s3[an]?|gs|gcs|az|azure|azblob|abfss?|wasbs?|adls?|oss|cosn?|obs|bos|tos|ks3|swift|b2|r2|sj|hf"
    r"|modelscope|dbfs|gdrive|dropbox|onedrive|ipfs|rclone|wandb|comet|neptune)"
    r"://(?:[$][{][A-Za-z0-9_]+:?[-=])?[A-Za-z0-9\\%&][A-Za-z0-9._-]*"
)
"""A bucket, or a name at a hub, by its scheme; also what holds where a variable is not set (`s3://${B:-x}`).

Of other URLs in a file many link to what people read; words before them say which are asked.
"""
_NESTED_URLS = (("k8s://http", "http"), ("dns:///", "grpc://"))
"""Schemes before another URL (Spark's master), or before a host in place of a path (gRPC's targets)."""
URL = r"""[A-Za-z0-9+.-]*://(?:[^/?#\s"'<>,;|)}{]|[{][0-9]+[.]+[0-9]+[}]|[{])*"""
"""A URL up to its path. MinIO writes several hosts as one, `http://minio-{0...3}.minio`.

The scheme may be missing, so that `$(SCHEME)://host` cannot hide one.
"""
BARE = rf"(?:{LETTER}+\.)+{LETTER}*:[0-9]{{2,5}}"
"""A host with a port outside of a URL."""
# AWS names the endpoint of one service as `AWS_ENDPOINT_URL_S3`.
_PLACE_WORDS = (
    "endpoint|proxy|host(?:name)?|address(?:es)?|addr|url|uri|server|broker|resolver|dns|contact_?point"
    "|sentinel"
    "|upstream"
)
_PLACE_NAMES = rf"(?i)(?:{_PLACE_WORDS})s?$|^AWS_ENDPOINT_URL_"
# To a host that needs no proxy, or in a mail's address, nothing is sent by the name of the setting.
_NO_PROXY = "(?i)^no_proxy$|(?:from|sender|reply_?to|mail)_?address$"
# `USE_DNS=1` and `NUM_SERVERS=4` switch or count something. `:8080` is a port of the pod itself.
# `--dns=False` switches something, and a server that listens on `::` has no other host.
# `/api` is a path on the server that asks, and `/run/x.sock` a socket; `//` begins a host.
_NO_HOST = r"^(?:[0-9]{0,4}|:[0-9]{1,5}|::1?|/(?:[^/\\,\s][^\\,\s]*)?|(?i:true|false|yes|no|on|off|none))$"
_VERSION_NAMES = "(?i)version$"
# Pods read entries in upper case as their environment (`envFrom`), and in lower case those that programs
# know in lower case too, such as `https_proxy`.
_READ_AS_VARIABLES = (
    "^(?:[A-Z][A-Z0-9_]*"
    "|[A-Za-z][A-Za-z0-9_]*_(?i:endpoint|proxy|host(?:name)?|addr|address|url|uri|server|broker)s?)$"
)
_DOCUMENTS = (
    "AUTHORS",
    "CHANGELOG",
    "COPYING",
    "LICENSE",
    "NOTICE",
    "README",
    "known_hosts",
    "ssh_known_hosts",
)
_PROGRAM_NAMES = (
    r"[.](?:c|cc|cjs|cpp|cs|cu|cuh|go|h|hpp|java|jl|jsx?|kt|lua|md|mjs|php|pl|ps1|pyi?|r|rb|rego|rs|rst|scala"
    r"|sql|swift|tf|tsx?)$"
)
"""Names of entries in which a host is in quotes: of programs, and of prose."""
# KEDA's `valueLocation` says where in an answer a number stands.
_REGION_NAMES = r"(?i)(?:region|(?:\b|[^e]|[^u]e)location)s?$"
# `spring.config.location` and its like name files; `//` begins the name of a server.
# Without any of these a text holds neither a name with a dot, nor the number of an address, nor a region.
_MAY_NAME = (
    r"[.]|[0-9]{8}|0[xX]|\\\\|arn:|projects/|(?i:region|protocol=|key=)|@|\b(?:b2|gs|azure|swift|rclone):"
)
_MAY_NAME_IN_FILE = rf"{_MAY_NAME}|(?i:{CLOUD_TYPE})|://|\\|&#|[^\x00-\x7F]|!!?(?:binary|<tag:)"
_FIRST_LINE = "^[A-Za-z0-9_-]+[.][A-Za-z0-9_.-]+[ \\t]+[^ \\t=:][^\\n]*"
"""The first line of a file of settings with blanks between their names and values, such as Spark's."""
_COMMENT = "^[ \\t]*(?:#|;|//|<!--)"
"""The begin of a line that is a comment in some language."""
_UNQUOTED = "(?:^|[ \\t:=,({\\[])[A-Za-z_][A-Za-z0-9_]*[.][A-Za-z_]"
"""A line of a program with a variable or a function, such as `self.name`."""
_LINKS = r'"(?:dataL|l)inks"\s*:\s*\[(?:[^\[\]]|\[[^\[\]]*\])*\]'
_TO_NEXT_QUOTE = r'[\s\S][^"]*'
"""Links of a dashboard of Grafana, and all else in pieces: people click them, and nothing is sent there."""
_DROPPED = r"(?m)^[ \t]*[A-Za-z0-9_.-]+\\[A-Za-z][A-Za-z0-9_.\\-]*[ \t]*[:= ]"
"""A name with a backslash in it, as Java's `Properties.load` reads it."""
_COMMAND_LINE = (
    r"(?m)^[ \t]*(?:[A-Za-z]+[=:][ \t]*|-[ \t]+|RUN[ \t]+)?[\"'\[]?(?:/[a-z/]+/)?"
    r"(?:curl|wget|nc|ncat|ssh|scp|sftp|rsync|socat)[ \t]"
)
"""A line of a script, whatever the script is called."""
# JSON, YAML and XML write a dot in other ways; so do names of other alphabets (UTS 46).
_DOTS = "\\u002e \\u002E \\x2e \\x2E &#46; &#x2e; &#x2E; \u3002 \uff0e \uff61"
_ESCAPES_IN_FILE = {
    # A line that goes on in the next one.
    "\\\n": "",
    "\r": "\n",
    "\u00a0": " ",
    "\\/": "/",
    # JSON within JSON, and XML's own quotes.
    '\\"': '"',
    "<![CDATA[": "",
    "]]>": "",
    **dict.fromkeys(_DOTS.split(), "."),
}
_LOCATION_NAMES = "(?i)location$"
_IS_PATH = "^(?:file:|classpath:)?[.]{0,2}(?:/[^/]+)+/?$"
_BUCKET_NAMES = r"(?i)bucket(?:_?name)?s?$"
# Within its namespace a pod is called `trainer-0.trainer`, and a service `redis.research`; LeaderWorkerSet
# calls the leader of a group `chat-0.chat.research`. The last word must be none that somebody outside answers
# for; of two letters are the domains of countries, and words of other alphabets begin with `xn--`. No other
# domain of the root has a hyphen (RFC 1123, section 2.1, and ICANN's guidebook for applicants, 2.2.1.3.2).
_WITHIN_CLUSTER = literal(
    f"^([a-z0-9-]+[.]){{1,2}}({'|'.join(NO_COUNTRIES)}|[a-z](-?[a-z0-9]){{2,}})(:[0-9]+)?$"
)
_POD = literal("^[a-z0-9-]+-[0-9]+[.]")
# A script may begin with the setting of a variable, and is read by its words.
_FLAG = r"^[-+]{0,2}[A-Za-z0-9._-]+=(?:[^;\n]|;[^ \n])*$"
# Nothing that every spelling of a place needs: a dot, a colon, a slash, `@`, `=`, `$`, `%`, `\\`, another
# alphabet. Most variables of most pods are so, and the API server has answered after one search in each.
_PLAIN = "^[A-Za-z0-9_ ,+-]*$"
_MEANINGS = (_PLACE_NAMES, _REGION_NAMES, _BUCKET_NAMES)
_HAS_MEANING = "|".join(f"(?:{name})" for name in _MEANINGS)
# The last two letters of every such name. Go tries each alternative of `_HAS_MEANING` at each letter: without
# this before it, all validations of a pod with 20 variables took 642 µs in place of 491 (the evaluator of
# Kubernetes 1.37 by itself, two cores, 2026-11-29).
_ENDS_LIKE_MEANING = "(?i)[adeimnorsx][eilmnrsty]s?$|^AWS_ENDPOINT_URL_"


@frozen_dataclass
class Field:
    """A field in which a place can be written.

    Attributes:
        path: its path, such as `spec.rules[].host`.
        must: its condition.
        words: the permitted words of `one-of`, or the keys of the conditions on keys.
    """

    path: str
    must: Must
    words: tuple[str, ...] = ()

    @property
    def is_gathered(self) -> bool:
        """Return whether its condition is written once for the values of many fields.

        Values in more than two lists within each other cannot be gathered.
        """
        steps = steps_of(self.path)
        depth = steps.count("[]") + steps.count("{}")
        return self.must in {"named", "command"} or (self.must in GATHERED and depth <= _DEEPEST)


def steps_of(path: str) -> tuple[str, ...]:
    """Return the steps of a path.

    >>> steps_of("spec.sets{}.template")
    ('spec', 'sets', '{}', 'template')
    """
    return tuple(_STEP.findall(path))


def each(path: str, leaf: Leaf, base: str) -> str:
    """Return CEL that is true if a condition holds for every value at a path.

    Args:
        path: the field's path.
        leaf: returns the condition on a value, given the value's expression.
        base: expression of the object that the path starts at.
    """
    return _together([(steps_of(path), leaf)], base, 0)


def _together(branches: Iterable[tuple[tuple[str, ...], Leaf]], base: str, depth: int) -> str:
    """Return the conditions on the values that the steps of several paths lead to.

    Each step that paths have in common is written once. An API server compiles every expression several times
    when a policy is written, which costs in proportion to its length.
    """
    conditions: list[str] = []
    for first, below in _by_first_step(branches).items():
        if first:
            conditions.append(_behind(first, below, base, depth))
        else:
            conditions += [leaf(base) for _, leaf in below]
    return " && ".join(conditions)


def _behind(step: str, below: Iterable[tuple[tuple[str, ...], Leaf]], base: str, depth: int) -> str:
    """Return the conditions on the values that one step, and then the others of several paths, lead to."""
    item = f"e{depth}"
    if step == "[]":
        return f"{base}.all({item}, {_together(below, item, depth + 1)})"
    if step == "{}":
        # `all` over a mapping visits its keys.
        return f"{base}.all({item}, {_together(below, f'{base}[{item}]', depth + 1)})"
    field = f"{base}.{step}"
    # An object of a custom kind keeps an explicit null, which other kinds lose. It means that the field is
    # unset. `&&` binds closer than `||`.
    return f"(!has({field}) || {field} == null || {_together(below, field, depth)})"


def _by_first_step(
    branches: Iterable[tuple[tuple[str, ...], T]],
) -> dict[str, list[tuple[tuple[str, ...], T]]]:
    """Return what is behind each first step of some paths; paths that end here are below the empty step."""
    below: dict[str, list[tuple[tuple[str, ...], T]]] = {}
    for steps, value in branches:
        below.setdefault(steps[0] if steps else "", []).append((steps[1:], value))
    return below


def permitted(field: Field, base: str = "object") -> str:
    """Return CEL that is true if a field of an object meets its condition."""
    return all_permitted((field,), base)


def all_permitted(fields: Iterable[Field], base: str = "object") -> str:
    """Return CEL that is true if every one of some fields of an object meets its condition.

    >>> all_permitted([Field("a.b", "unset"), Field("a.c", "unset")]).count("has(object.a)")
    1
    """
    branches = [(steps_of(field.path), partial(_condition, field)) for field in fields]
    return _together(branches, base, 0)


def in_zone(expression: str, zone: str) -> str:
    """Return a condition for an object outside namespaces.

    Args:
        expression: the condition, for an object in a namespace.
        zone: expression of the zone that the object serves.
    """
    # Each part is named once: an expression costs its type checker the square of its length.
    named_once = expression.replace("variables.zone", "zone").replace("variables.outside", "outside")
    outside = bound("outside", OUTSIDE.replace("variables.zone", "zone"), named_once)
    return bound("zone", zone, outside.replace("variables.own_domains", "[]"))


def bound(name: str, value: str, condition: str) -> str:
    """Return CEL: a condition holds that calls a value by a name.

    CEL has no `let`. A value that a condition asks for more than once is written once, and computed once.

    >>> bound("v", "object.a[k]", "v == '' || v.contains('.')")
    "[object.a[k]].all(v, v == '' || v.contains('.'))"
    """
    return f"[{value}].all({name}, {condition})"


def on_gathered(must: Must, values: str) -> str:
    """Return CEL that is true if a condition holds for every value in lists of values."""
    condition = _CONDITIONS[must]("v")
    return f"{values}.all(l, l.all(v, {condition}))"


def _condition(field: Field, value: str) -> str:
    """Return the condition of a field on one value."""
    if field.must == "one-of":
        return f"{value} in {literal(list(field.words))}"
    if field.must == "allowed-keys":
        return f"{value}.all(k, k in {literal(list(field.words))})"
    if field.must == "forbidden-keys":
        return f"{value}.all(k, !(k in {literal(list(field.words))}))"
    if field.must == "required-keys":
        return f"{literal(list(field.words))}.all(k, k in {value})"
    if field.must == "configs":
        return f'{value}.all(k, !k.endsWith("Configs") || k in {literal(list(field.words))})'
    is_job = field.must == "manager"
    return managed_here_or_sent(value, field.words) if is_job else _CONDITIONS[field.must](value)


def _absent(value: str) -> str:
    """Return CEL: a text, a list or a mapping is empty; a number or a truth value fails to evaluate.

    The step to a field permits null already.
    """
    return f"size({value}) == 0"


def _unset(value: str) -> str:
    """Return CEL: a truth value is false."""
    return f"{value} == false"


def _own_namespace(value: str) -> str:
    """Return CEL: a namespace is empty or the object's own."""
    return f'({value} == "" || {value} == object.metadata.namespace)'


def _no_tenant(value: str) -> str:
    """Return CEL: a namespace is none of the factory's."""
    return f"!({value} in $namespaces)"


def _own_class(value: str) -> str:
    """Return CEL: a storage class serves the object's zone, where it has one."""
    return f"(!variables.known || ({value} in $classes && $classes[{value}] == variables.zone))"


def _image(value: str) -> str:
    """Return CEL: an image is empty or comes from a declared registry; in namespaces of others any is."""
    is_declared = f"$registries.exists(r, {value}.startsWith(r))"
    return f'({value} == "" || !variables.known || ({is_declared} && !{value}.contains("..")))'


def _runtime(value: str) -> str:
    """Return CEL: a container runtime runs pods on their own node."""
    return f"{value} in $runtimes"


def host(value: str) -> str:
    """Return CEL: a host, with or without a port, is a permitted place."""
    is_declared = "isCIDR(g) ? (isIP(n) && cidr(g).containsIP(n)) : g == n"
    # The pods of a StatefulSet mostly share their name with its service.
    is_pod = f"n.matches({_POD}) && n.startsWith(d)"
    is_free = '!variables.public_domains.contains(" " + d + " ")'
    is_ours = f'{is_free} && (d in variables.own_domains || d.contains("-") || {is_pod})'
    is_within = f"{value}.matches({_WITHIN_CLUSTER}) && n.findAll({literal('[^.]+$')}).exists(d, {is_ours})"
    is_named = f"variables.outside.exists(g, {is_declared}) || ({is_within})"
    return f'({value}.matches($local) || [{value}.split(":")[0]].exists(n, {is_named}))'


def _url(value: str) -> str:
    """Return CEL: a URL without its path is a permitted place."""
    # A user and password before `@` are not part of the host.
    authority = f'{value}.split("://")[1].findAll("[^@]*$")[0]'
    is_declared = "x in variables.outside"
    is_permitted_host = f'({value}.matches("^(?:{_SCHEMES})://") && {host("x")})'
    is_own_bucket = f"$buckets.exists(b, b[0] == variables.zone && b[1] == {value})"
    is_own = f"{value}.matches({literal(_OWN_URL)}) || {is_own_bucket}"
    # Browsers read a backslash as a slash, so that `http://a.example\\@b.svc` has two hosts.
    has_one_host = f'!{value}.contains("\\\\")'
    is_known = f"[{authority}].exists(x, {is_permitted_host} || {is_declared})"
    return f"({has_one_host} && ({is_own} || {is_known}))"


def text(value: str) -> str:
    """Return CEL: every URL, and every host with a port or a path, in a text is a permitted place."""
    return f"{spellings(value)}.all(n, {_names_permitted('n')})"


def _names_permitted(value: str) -> str:
    """Return CEL: what one spelling of a text names is permitted."""
    # A cheap test first, so that most texts need no search by a regular expression.
    inner = "".join(f".replace({literal(old)}, {literal(new)})" for old, new in _NESTED_URLS)
    are_permitted_urls = f"{value}{inner}.findAll({literal(URL)}).all(u, {_url('u')})"
    are_permitted_hosts = f"{value}.findAll({literal(BARE)}).all(h, {host('h')})"
    urls = f'(!{value}.contains("://") || {are_permitted_urls})'
    hosts = f'(!{value}.contains(":") || {are_permitted_hosts})'
    remotes = are_permitted_remotes(value, host("h"))
    return f"({urls} && {hosts} && {remotes} && !{has_odd_url(value)})"


def _resolvers(value: str) -> str:
    """Return CEL: every public resolver in a text, by name or address, is behind a declared gateway."""
    words = f'{value}.findAll("[0-9A-Za-z-]+[.][0-9A-Za-z.-]+").filter(w, w.matches($public_resolver))'
    return f'(!{value}.contains(".") || {words}.all(w, {host("w")}))'


def place(value: str) -> str:
    """Return CEL: a text is empty, or names permitted places and nothing else; commas separate hosts."""
    is_permitted_url = text(value)
    are_permitted_hosts = _hosts(value)
    return f'({value} == "" || ({value}.contains("://") ? {is_permitted_url} : {are_permitted_hosts}))'


def _hosts(value: str) -> str:
    """Return CEL: each of the hosts that commas separate is a permitted place."""
    name = 'h.trim().split("/")[0]'
    return f'{value}.split(",").all(h, {host(name)})'


def _bucket(value: str) -> str:
    """Return CEL: a bucket is one of the zone's own object stores, or declared."""
    is_own = f'$buckets.exists(b, b[0] == variables.zone && b[1] == "s3://" + {value})'
    return f'({value} == "" || {is_own} || {value} in variables.outside)'


def setting(name: str, value: str) -> str:
    """Return CEL: a named setting, such as a variable of the environment, names permitted places only.

    The name decides what a value without a scheme means: `…_ENDPOINT` is a host, `…_REGION` a region.
    """
    is_exempt = f"{name}.matches({literal(_VERSION_NAMES)}) || {name}.matches({literal(_NO_PROXY)})"
    addresses = f"({is_exempt} || {_addresses(value)})"
    settings = are_permitted_settings(value, host("h"))
    are_permitted = f"{text(value)} && {addresses} && {_resolvers(value)} && {settings}"
    return f"({are_permitted} && {_as_named(name, value)})"


def named(name: str, value: str) -> str:
    """Return CEL: what the name of a setting, or a word in its value, calls a host is a permitted place."""
    condition = are_permitted_named("y", host("h"))
    is_exempt = f"{name}.matches({literal(_NO_PROXY)}) || !{value}.matches({literal(_MAY_NAME)})"
    return f"({is_exempt} || {with_spaced_key(name, value)}.all(y, {condition}))"


def _as_named(name: str, value: str) -> str:
    """Return CEL: a value without a scheme is permitted, if its name means a host, region or bucket."""
    means_no_proxy = f"{name}.matches({literal(_NO_PROXY)})"
    means_place = f"{name}.matches({literal(_PLACE_NAMES)})"
    means_region = f"{name}.matches({literal(_REGION_NAMES)})"
    means_bucket = f"{name}.matches({literal(_BUCKET_NAMES)})"
    is_no_host = f"{value}.matches({literal(_NO_HOST)})"
    is_free = f'{means_no_proxy} || {is_no_host} || {value}.contains("://")'
    hosts = f"(!{means_place} || {is_free} || {_hosts(value)})"
    is_path = f"({name}.matches({literal(_LOCATION_NAMES)}) && {value}.matches({literal(_IS_PATH)}))"
    regions = f'(!{means_region} || {value} == "" || {value} in $regions || {is_path})'
    buckets = f"(!{means_bucket} || {_bucket(value)})"
    return f"({hosts} && {regions} && {buckets})"


def argument(value: str) -> str:
    """Return CEL: an argument, also one of the form `--name=value`, names permitted places only."""
    name = f'{value}.split("=")[0]'
    # All behind the first `=`: another may follow.
    flag_value = f"{value}.substring(size({name}) + 1)"
    is_flag = f"{value}.matches({literal(_FLAG)})"
    is_permitted_flag = _as_named(name, flag_value)
    settings = are_permitted_settings(value, host("h"))
    are_permitted = f"{text(value)} && {_addresses(value)} && {_resolvers(value)} && {settings}"
    return f"({are_permitted} && (!{is_flag} || {is_permitted_flag}))"


def _addresses(value: str) -> str:
    """Return CEL: every address in a text is a permitted place."""
    # A server listens on all its addresses; of IPv6 no other way out can be declared.
    is_permitted = f'(p.contains(":") ? p in ["::", "::1"] : {is_mask("p")} || {host("p")})'
    return are_permitted_addresses(value, is_permitted)


_BETWEEN = literal(BETWEEN)
_MEANT = "|".join(name.removeprefix("(?i)").removesuffix("$") for name in (_REGION_NAMES, _BUCKET_NAMES))
_OPTION = (
    rf"(?i)\x01-+[a-z0-9._-]*(?:{_MEANT})\x01[^\x01-][^\x01]*"
    rf"|\x01-+[a-z0-9._-]*(?:{_PLACE_WORDS})s?\x01(?:[^\x01-][^\x01]*[.][^\x01]*|[$][(][^\x01]*"
    "|[0-9]{5,}|0[xX][0-9A-Fa-f]+)"
)
"""An option of two words that is called after a host, a region or a bucket, with its value."""
_MAY_NAME_TOGETHER = rf"{_MAY_NAME}|(?i:-[a-z0-9._-]*(?:{_MEANT})\x01)"


_LABELS_OPTIONS = "--metric-labels-allowlist", "--metric-annotations-allowlist"
_LABELS_BY_KIND = rf"^(?:(?:{'|'.join(_LABELS_OPTIONS)})=)?(?:[a-z0-9.]+=\[[A-Za-z0-9_./*,-]*\](?:,|$))+$"
"""What kube-state-metrics is told to show of each kind: `nodes=[topology.kubernetes.io/zone]`.

A label's key has the form of a host, and a kind's name may be a word for one.
"""


def without_labels(values: str) -> str:
    """Return CEL for arguments without those that tell kube-state-metrics which labels it shows."""
    is_option = " || ".join(f"o.startsWith({literal(option)})" for option in _LABELS_OPTIONS)
    others = f"{values}.filter(o, !o.matches({literal(_LABELS_BY_KIND)}))"
    return f"({values}.exists(o, {is_option}) ? {others} : {values})"


def arguments(values: str) -> str:
    """Return CEL: every argument names permitted places only.

    What follows `--version` as an argument of its own looks like an address and is none. It is read as
    `--version=…`, since CEL's `all` does not show an item's neighbours.
    """
    joined = f'{values}.join({_BETWEEN}).replace("-version" + {_BETWEEN}, "-version=").split({_BETWEEN})'
    listed = f'({values}.exists(a, a.endsWith("-version")) ? {joined} : {values})'
    expanded = on_expanded("a", argument("x"))
    return f"{listed}.all(a, a.matches({literal(_PLAIN)}) || {expanded})"


_PROGRAM = r"^\s*(?:import|from) [a-z]"
"""The beginning of a program of Python, as it stands behind `python -c`."""
_MARKS = (
    # A type stands between a variable and its value.
    (": str =", " ="),
    (": string =", " ="),
    ("=", CODE + "="),
    (":" + CODE + "=", CODE + ":="),
    (": ", CODE + ": "),
)


def arguments_by_word(values: str) -> str:
    """Return CEL: what an option, a word or a client's name in arguments calls a host is permitted."""
    # What follows an option as an argument of its own is its value.
    together = f"{_BETWEEN} + {values}.join({_BETWEEN})"
    marked = _marked("a", f"a.matches({literal(_PROGRAM)})")
    with_marks = f"{_BETWEEN} + {values}.map(a, {marked}).join({_BETWEEN})"
    has_program = f"j.matches({literal(BETWEEN + _PROGRAM.removeprefix('^'))})"
    are_permitted = on_expanded("q", f"({_options('x')} && {_are_commands('x')} && {_labels_stay('x')})")
    may_name = f'(j.contains("$(") || j.matches({literal(_MAY_NAME_TOGETHER)}))'
    of_any = f"[{has_program} ? {with_marks} : j].all(q, {are_permitted})"
    return f"[{together}].all(j, !j.matches({literal(TUNNEL)}) && (!{may_name} || {of_any}))"


def _marked(value: str, is_code: str) -> str:
    """Return CEL for a text whose signs of assignment are marked where it is a program.

    In a program `server = app.run` names a variable or a function; hosts are in quotes.
    """
    marks = "".join(f".replace({literal(old)}, {literal(new)})" for old, new in _MARKS)
    return f"({is_code} ? {value}{marks} : {value})"


def _are_commands(value: str) -> str:
    """Return CEL: the hosts that the words of a command name are permitted."""
    return are_permitted_named(value, host("h"), are_commands=True)


def _labels_stay(value: str) -> str:
    """Return CEL: no client in a command of a container `c` is told a label, an annotation or a pod's name.

    A name without a dot is replaced before.
    """
    path = "d.valueFrom.fieldRef.fieldPath"
    is_text = f'({path}.startsWith("metadata.annotations") || {path}.startsWith("metadata.labels"))'
    is_free = f'has(d.valueFrom) && has(d.valueFrom.fieldRef) && ({is_text} || {path} == "metadata.name")'
    reference = '("$(" + d.name + ")")'
    is_told = f"{value}.contains({reference}) && {are_told_to_clients(value, reference)}"
    return f'(!{value}.contains("$(") || !{OWN_ENVIRONMENT}.exists(d, {is_free} && {is_told}))'


def _options(value: str) -> str:
    """Return CEL: the values of options that are called after a host, a region or a bucket are permitted."""
    condition = _as_named(f"o.split({_BETWEEN})[1]", f"o.split({_BETWEEN})[2]")
    return f"{value}.findAll({literal(_OPTION)}).all(o, o.matches({literal(FILE_NAME)}) || {condition})"


# The pod's own names and addresses, and those of the node that it runs on.
_OWN_FIELDS = literal(
    [
        "metadata.namespace",
        "spec.nodeName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ]
)
# The name of a pod may be that of a host outside, if there is a dot in it.
_OWN_NAME = '"metadata.name" && !(has(object.metadata.name) && object.metadata.name.contains("."))'
OWN_ENVIRONMENT = "(has(c.env) ? c.env : [])"
"""CEL for the variables that a container `c` states itself."""
_FIRST = literal("\u0001)")
_UNCHANGED = literal("$(\u0001)")


def _expanded(value: str) -> str:
    """Return CEL for a text of a container `c` with `$(NAME)` replaced by that variable of its environment.

    Kubernetes does this in commands, arguments and variables (kubernetes.io/docs, "Define Dependent
    Environment Variables", read 2026-11-27). The last variable of a name counts. A reference stays if the
    value is not in the container: what is behind it is unknown.
    """
    field = "d.valueFrom.fieldRef.fieldPath"
    is_own = f"has(d.valueFrom.fieldRef) && ({field} in {_OWN_FIELDS} || ({field} == {_OWN_NAME}))"
    literal_value = '(has(d.value) ? d.value : "")'
    rest = "p.substring(size(d.name) + 1)"
    own_or_unknown = f'({is_own} ? "localhost" + {rest} : "$(" + p)'
    part = f"has(d.valueFrom) ? {own_or_unknown} : {literal_value} + {rest}"
    named = f'{OWN_ENVIRONMENT}.filter(d, p.startsWith(d.name + ")"))'
    last = f'[{named}].map(f, size(f) == 0 ? "$(" + p : [f[size(f) - 1]].map(d, {part})[0])[0]'
    return f'({_FIRST} + {value}).split("$(").map(p, {last}).join("").replace({_UNCHANGED}, "")'


def on_expanded(value: str, condition: str) -> str:
    """Return CEL: a condition on `x` holds for a text of a container `c` whose references are expanded.

    A variable may refer to others. A text that is not whole after two steps is refused.
    """
    twice = _expanded(_expanded(value))
    is_whole = f'(!x.contains("$(") || {_expanded("x")} == x)'
    return f'({value}.contains("$(") ? [{twice}] : [{value}]).all(x, {is_whole} && {condition})'


def variable(value: str) -> str:
    """Return CEL: a variable of a container's environment names permitted places only."""
    is_permitted = setting(f"{value}.name", f"{value}.value")
    return f"(!has({value}.value) || {is_permitted})"


def variable_by_word(value: str) -> str:
    """Return CEL: what a word in a variable's name or value calls a host or a region is permitted."""
    name = f"{value}.name"
    content = f"{value}.value"
    is_named = named(name, content)
    is_judged = source_of_variable(value)
    return f"((!has({content}) || {is_named}) && {is_judged})"


def variables_of_container() -> str:
    """Return CEL: all variables of a container `c` name permitted places only, with references expanded."""
    is_plain = f"(e.value.matches({literal(_PLAIN)}) && !e.name.matches({literal(_HAS_MEANING)}))"
    is_permitted = on_expanded("e.value", setting("e.name", "x"))
    return f"(!has(c.env) || c.env.all(e, !has(e.value) || {is_plain} || {is_permitted}))"


# Letters without `region`, and digits too few for an address: `_PLAIN`, and nothing of `_MAY_NAME`.
_SAYS_NOTHING = "^(?:[A-FH-Za-fh-z_+-]|[Gg][A-HJ-Za-hj-z_+-])*[Gg]?[0-9]{0,7}$"


def with_telling_variables(containers: str) -> str:
    """Return CEL: those of a list of containers of whose variables one may name a place.

    Most variables say nothing, and are looked at once for all checks on variables.
    """
    ends_alike, has_meaning = literal(_ENDS_LIKE_MEANING), literal(_HAS_MEANING)
    is_named = f"(e.name.matches({ends_alike}) && e.name.matches({has_meaning}))"
    is_plain = f"e.value.matches({literal(_SAYS_NOTHING)}) && !{is_named}"
    return f"{containers}.filter(c, has(c.env) && !c.env.all(e, !has(e.value) || ({is_plain})))"


def variables_by_word() -> str:
    """Return CEL: what a word in a variable of a container `c` calls a host or a region is permitted."""
    values = '(has(c.env) ? c.env.map(e, has(e.value) ? e.value : "") : [])'
    is_permitted = on_expanded("e.value", named("e.name", "x"))
    may_name = f"e.value.matches({literal(_MAY_NAME)})"
    of_env = f'c.env.all(e, !has(e.value) || (!{may_name} && !e.value.contains("$(")) || {is_permitted})'
    return f"(!has(c.env) || ({texts_are_short(values)} && {of_env}))"


# With another end the prefix and the key of an entry would make a word, such as `https_pro` and `xy`.
_WHOLE_PREFIX = "^(?:.*[^A-Za-z0-9])?$"


def source_of_variable(value: str) -> str:
    """Return CEL: what a variable of the environment is read from is judged there under the same name.

    An entry of a ConfigMap is judged by its key. A label, an annotation and what a container wrote into a
    file are not judged as a host.
    """
    entry = f"{value}.valueFrom.configMapKeyRef"
    path = f"{value}.valueFrom.fieldRef.fieldPath"
    means_place = " || ".join(f"{value}.name.matches({literal(name)})" for name in _MEANINGS)
    same_meaning = " && ".join(
        f"(!{value}.name.matches({literal(name)}) || {entry}.key.matches({literal(name)}))"
        for name in _MEANINGS
    )
    of_entry = f"(!has({entry}) || ({same_meaning}))"
    is_free_text = f'({path}.startsWith("metadata.annotations") || {path}.startsWith("metadata.labels"))'
    is_label = f"(has({value}.valueFrom.fieldRef) && {is_free_text})"
    # A container before it writes the file.
    is_free = f"({is_label} || has({value}.valueFrom.fileKeyRef))"
    of_free = f"(!{is_free} || !({means_place}))"
    has_source = f"has({value}.valueFrom)"
    return f"(!{has_source} || ({of_entry} && {of_free}))"


def sources_of_container() -> str:
    """Return CEL: what a container `c` reads from elsewhere is judged there under the same name."""
    variables = f"(!has(c.env) || c.env.all(e, {source_of_variable('e')}))"
    is_whole = f"s.prefix.matches({literal(_WHOLE_PREFIX)})"
    prefixes = f"(!has(c.envFrom) || c.envFrom.all(s, !has(s.prefix) || {is_whole}))"
    return f"({variables} && {prefixes})"


def _settings(value: str) -> str:
    """Return CEL: entries of a ConfigMap that pods may read as variables name permitted places only."""
    # The entry has a short name: the time to check the types grows with the square of the length.
    is_permitted = setting("k", "y")
    condition = f"{_is_file('y')} || {is_permitted}"
    return f"({_IS_STRANGERS} || {value}.all(k, [{value}[k]].all(y, {condition})))"


_IS_STRANGERS = '(has(object.metadata.namespace) && object.metadata.namespace != "" && !variables.known)'
"""CEL: only pods that are not the factory's read it. Without a namespace it may be put into any."""
_LONGEST_SETTINGS = 10_000
_LONGEST_TOTAL = 200_000
_LONGEST_FILES = 200_000
_LONGEST_LINES = 50_000
_LONGEST_OF_LONG = 25_000
_LONGEST_JOINED = 10_000
_MOST_JOINED, _SMALLER = 12_000, (5_000, 2_000, 500, 0)
"""Characters of all entries of a ConfigMap together, by how they are read: settings in which places stand,
all settings, files, files that are read as a whole, those lines of longer ones that may name a host, and what
is looked through for words that stand apart from a host: of one file, and of all; of many files the smaller
ones.
Longer ones take the API server more time than it gives an expression."""
# What base64 has not, but for the equals signs at its end.
_MAY_BE_PLACE = "[.:@%\\\\]|=[^=]"


def _is_file(entry: str) -> str:
    """Return CEL: an entry `k` of a ConfigMap is not read as a variable.

    Any entry may become one, by `configMapKeyRef` or with a prefix. A file has lines, or words.
    """
    may_be_read = f"k.matches({literal(_READ_AS_VARIABLES)}) && !(k in {literal(list(_DOCUMENTS))})"
    has_words = f'{entry}.trim().matches(k.contains(".") ? "[ \\\\t\\\\r\\\\n]" : " ")'
    return f"(!({may_be_read}) && {has_words})"


def entries_are_short(value: str) -> str:
    """Return CEL: the entries of a ConfigMap that pods may read as variables are short enough to judge."""
    is_file = _is_file(f"{value}[k]")
    settings = f"{value}.filter(k, !{is_file})"
    read = f"{settings}.filter(k, {value}[k].matches({literal(_MAY_BE_PLACE)}))"
    total = f'size({settings}.map(k, {value}[k]).join("")) <= {_LONGEST_TOTAL}'
    size = f'size({read}.map(k, {value}[k]).join("")) <= {_LONGEST_SETTINGS}'
    return f"({_IS_STRANGERS} || ({total} && {size}))"


def binaries_are_judgeable() -> str:
    """Return CEL: the binary entries of a ConfigMap are short enough to judge, and hide no text."""
    return f"({_IS_STRANGERS} || {are_judgeable('variables.readable')})"


def texts_are_short(texts: str) -> str:
    """Return CEL: a list of texts in which places are searched is short enough to be judged."""
    size = f'size({texts}.join("")) <= {_LONGEST_SETTINGS}'
    read = f"{texts}.filter(w, w.matches({literal(_MAY_BE_PLACE)}))"
    return f'({size} || size({read}.join("")) <= {_LONGEST_SETTINGS})'


def parts_of_entries() -> dict[str, str]:
    """Return named parts for the entries of a ConfigMap, binary ones too, that may name a place.

    They are the entries that are read, each with its name; what may be text in binary entries; all entries as
    texts behind their names; and the scripts among them.
    """
    own = "(has(object.data) && object.data != null ? object.data.map(k, [k, object.data[k]]) : [])"
    # What the cluster's DNS reads is judged by itself (NET-011).
    is_read = f'!(e[0] == "Corefile" && variables.zone == "") && e[1].matches({literal(_MAY_NAME_IN_FILE)})'
    is_program = f"e[0].matches({literal(_PROGRAM_NAMES)})"
    text = _marked("e[1]", is_program)
    # Nor does the name of a program stand before a host that is not in quotes.
    names = f"({is_program} ? {literal(CODE + IS)} : {literal(IS)})"
    has_command = f"(!{is_program} && e[1].matches({literal(_COMMAND_LINE)}))"
    is_script = f'(e[0].endsWith("sh") || e[1].startsWith("#!") || {has_command})'
    plain = "".join(f".replace({literal(old)}, {literal(new)})" for old, new in _ESCAPES_IN_FILE.items())
    blocks, sections, others = joined_settings("t")
    end = literal("\n")
    backslash = "\\"
    is_dashboard = """e[1].contains('"schemaVersion"') && e[1].contains('"panels"')"""
    pieces = f"e[1].findAll({literal(_LINKS + '|' + _TO_NEXT_QUOTE)})"
    shown = f"({is_dashboard} ? {pieces}.filter(p, !p.matches({literal('^' + _LINKS)})).join('') : e[1])"
    is_of_java = f'(e[0].endsWith(".properties") || e[1].matches({literal(_DROPPED)}))'
    is_short = f"size(t) <= {_LONGEST_JOINED}"
    near = f"t.split({end}).filter(l, l.matches({literal(MAY_BE_JOINED)})).join({end})"
    # Comments name no host, and in a program a dotted name without quotes is none.
    is_said = f"!l.matches({literal(_COMMENT)}) && (!{is_program} || !l.matches({literal(_UNQUOTED)}))"
    smaller = ["variables.read", *(f"variables.read.filter(t, size(t) <= {size})" for size in _SMALLER)]
    spoken = f"e[1].split({end}).filter(l, {is_said}).join({end})"
    return {
        "readable": readable_runs(),
        "entries": f"({own} + {decoded_entries('variables.readable')}).filter(e, {is_read})"
        f".map(e, [e[0], dyn({shown}{plain})])",
        # A key is a word before its entry. To it a dotted name in the first line, with blanks behind it, is
        # the value, so that such a line stands once more by itself.
        "files": f"variables.entries.map(e, e[0] + {names} + {text}"
        f' + e[1].findAll({literal(_FIRST_LINE)}).map(l, {end} + l).join(""))',
        # Of longer ones the lines that may belong together; the API server's steps suffice for no more.
        "read": f"variables.entries.map(e, {spoken}).map(t, {is_short} ? t : {near}).filter(t, {is_short})",
        # Of many files the small ones.
        "short": f"[{', '.join(smaller)}].filter(l, size(l.join('')) <= {_MOST_JOINED})[0]",
        "blocks": f"variables.short.map(t, {blocks}.join({end}))",
        "sections": f"variables.short.map(t, ({sections} + {directives('t')}).join({end}))",
        "joined": f"variables.short.map(t, {others}.join({end}))"
        f" + {own}.map(e, dyn({joined_lines('e[1]')}.join({end})))"
        # Java drops a backslash before a letter, in names and values.
        f" + {own}.filter(e, {is_of_java}).map(e, e[1].replace({literal(backslash)}, ''))",
        "scripts": f"variables.entries.filter(e, {is_script}).map(e, e[1])",
    }


def entries_name_places() -> tuple[str, ...]:
    """Return CEL: no entry of a ConfigMap, files too, names a place outside by a word or its form.

    They are several conditions, since the API server grants each expression a number of steps.
    """
    permitted = host("h")
    # Of a default for a variable only what is behind its sign counts.
    url = 'm.split(":")[0] + "://" + m.findAll("[^-=/]*(?:-[^-=/]+)*$")[0]'
    stores = f"y.findAll({literal(_STORE_URL)}).map(m, {url}).all(u, {_url('u')})"
    beside = f"{are_permitted_regions('y')} && {are_permitted_in_calls('y', permitted)}"
    return (
        # The place of a store in another file is none of this one's.
        f"({_IS_STRANGERS} || variables.files.all(t, {files_store_has_place('t')}))",
        _lines_meet("files", are_permitted_by_word("y", permitted)),
        _lines_meet("files", are_permitted_by_form("y", permitted)),
        _lines_meet("files", are_permitted_behind_blanks("y", permitted)),
        _lines_meet("files", beside),
        _lines_meet("files", f"!y.matches({literal(HIDDEN_NAME)})"),
        _lines_meet("blocks", are_permitted_by_word("y", permitted)),
        _lines_meet("sections", are_permitted_by_word("y", permitted)),
        _lines_meet("joined", are_permitted_by_word("y", permitted)),
        _lines_meet("files", f'(!y.contains("://") || {stores})'),
        _lines_meet("scripts", are_permitted_to_clients("y", permitted)),
    )


def _lines_meet(part: str, condition: str) -> str:
    """Return CEL: a condition on `y` holds for those lines of some entries that may name a host.

    Args:
        part: the named part of the entries.
        condition: the condition.
    """
    end = literal("\n")
    is_short = f"size(t) <= {_LONGEST_LINES}"
    is_near = f"({is_short} || l.matches({literal(MAY_BE_NAMED)}))"
    is_comment = 'l.matches("^[ \\t]*#")'
    narrowed = f"[t.split({end}).filter(l, {is_near}).filter(l, !{is_comment}).join({end})]"
    # To look for lines in a long text costs too.
    is_met = f"{narrowed}.all(y, ({is_short} || size(y) <= {_LONGEST_OF_LONG}) && {condition})"
    joined = f"[variables.{part}.join({end})]"
    return f"({_IS_STRANGERS} || {joined}.all(t, size(t) <= {_LONGEST_FILES} && {is_met}))"


_CILIUM_WIDE = ("reserved", "k8s:io.cilium", "any:io.cilium", "io.cilium", "cilium.io")
"""Prefixes of labels that select hosts, the world or other clusters."""


def _cilium_own(value: str) -> str:
    """Return CEL: labels select pods of the own namespace and cluster.

    A label of another namespace widens the selection.
    """
    is_narrow = " && ".join(f'!k.startsWith("{prefix}")' for prefix in _CILIUM_WIDE)
    is_own = f'(!k.endsWith("io.kubernetes.pod.namespace") || {value}[k] == object.metadata.namespace)'
    # Labels of other sources, such as `cidr:` and `fqdn:`, are not those of pods.
    is_of_pods = '(!k.contains(":") || k.startsWith("k8s:") || k.startsWith("any:"))'
    return f"{value}.all(k, {is_narrow} && {is_of_pods} && {is_own})"


_CILIUM_DNS = {
    "io.kubernetes.pod.namespace": "kube-system",
    "k8s:io.kubernetes.pod.namespace": "kube-system",
    "k8s-app": "kube-dns",
    "k8s:k8s-app": "kube-dns",
}
"""Labels of the pods that answer for the cluster's names, as Cilium's own policies for them write these."""


def _cilium_egress(value: str) -> str:
    """Return CEL: a rule of a Cilium policy leads to pods of the own namespace, or to the cluster's DNS."""
    own = f"({value}.toEndpoints.all(e, !has(e.matchLabels) || {_cilium_own('e.matchLabels')}))"
    labels = literal(_CILIUM_DNS)
    is_dns = (
        f"has(e.matchLabels) && e.matchLabels.all(k, k in {labels} && {labels}[k] == e.matchLabels[k])"
        ' && e.matchLabels.exists(k, k.endsWith("k8s-app"))'
        ' && e.matchLabels.exists(k, k.endsWith("namespace"))'
    )
    # A range of ports begins at its first.
    is_port = 'p.ports.all(n, n.port == "53" && !has(n.endPort))'
    are_ports = f"{value}.toPorts.all(p, has(p.ports) && size(p.ports) > 0 && {is_port})"
    has_ports = f"has({value}.toPorts) && size({value}.toPorts) > 0 && {are_ports}"
    to_dns = f"({has_ports} && {value}.toEndpoints.all(e, {is_dns}))"
    return f"(!has({value}.toEndpoints) || {value}.toEndpoints == null || {own} || {to_dns})"


# Cilium applies a rule that has ports or ICMP types and no peers to every address.
_CILIUM_PEERS = ("toEndpoints", "toCIDR", "toCIDRSet", "fromEndpoints")


def _cilium_peer(value: str) -> str:
    """Return CEL: a rule of a Cilium policy is empty, which permits nothing, or names peers."""
    peers = (f"(has({value}.{name}) && size({value}.{name}) > 0)" for name in _CILIUM_PEERS)
    return f"(size({value}) == 0 || {' || '.join(peers)})"


_EXPORTS_TO_OWN = '(has({0}.exportTo) && size({0}.exportTo) > 0 && {0}.exportTo.all(x, x == "."))'
_IS_OWN_HOST = (
    '((!{0}.contains(".") && {0} != "*") || {0}.endsWith("." + object.metadata.namespace)'
    ' || {0}.contains("." + object.metadata.namespace + ".svc"))'
)


def _own_mesh(value: str) -> str:
    """Return CEL: a configuration of Istio takes effect in the own namespace only.

    Without `exportTo` it does in every namespace of the mesh, unless the mesh has another default.
    """
    return _EXPORTS_TO_OWN.format(value)


def _own_hosts(value: str) -> str:
    """Return CEL: a configuration of Istio leads no other namespace's requests to its own services."""
    hosts = f"(!has({value}.hosts) || {value}.hosts.all(h, {_IS_OWN_HOST.format('h')}))"
    host_is_own = f"(!has({value}.host) || {_IS_OWN_HOST.format(f'{value}.host')})"
    # `mesh` stands for the sidecars of all pods; other gateways only see what is sent to them.
    at_gateways = f'(has({value}.gateways) && size({value}.gateways) > 0 && !("mesh" in {value}.gateways))'
    return f"({_EXPORTS_TO_OWN.format(value)} || {at_gateways} || ({hosts} && {host_is_own}))"


# Labels that only relabelling itself reads. A name that ends in `__` may be that of an address.
_TEMPORARY = "^__tmp_[a-z0-9_]*[a-z0-9]$"


def _no_target(value: str) -> str:
    """Return CEL: relabelling does not write the address that is asked for metrics, nor how it is asked."""
    # Groups of the expression (`$1`) are put in before the label's name is read.
    label = f"{value}.targetLabel"
    is_special = f'({label}.startsWith("__") && !{label}.matches({literal(_TEMPORARY)}))'
    own_label = f'(!has({label}) || !({label}.contains("$") || {is_special}))'
    is_map = f'(has({value}.action) && {value}.action.lowerAscii() == "labelmap")'
    plain_map = f'(!has({value}.replacement) || {value}.replacement in ["$1", "${{1}}"])'
    return f"({own_label} && (!{is_map} || {plain_map}))"


_HOST_KEYS = "(?i)(?:server|host|endpoint|url|address|monitor|proxy|portal|mgmt|svm|dataip)|uri$"
_AREA_KEYS = "(?i)(?:region|location|topology)|zones?$"
_BUCKET_KEYS = "(?i)(?:bucket|container|vault)"
_REMOTE_KEYS = "(?i)(?:replica|mirror|remote|peer|secondary|failover|dr-?site)"
_KEY_KEYS = "(?i)(?:kms|key[-_]?id|keyvault|encryptionset|cmk|encrypt[a-z_-]*key$)"
_ENCRYPTION_KEYS = "(?i)encrypt|luks|cipher|^sse|^secure$"
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


def parameters(value: str, regions: str = "$regions") -> str:
    """Return CEL: a storage driver's parameters name permitted places only.

    Drivers agree on no names, so a parameter is read by what its name contains, regardless of case.

    Args:
        value: expression of the parameters, a mapping of texts.
        regions: expression of the regions in which the data may be.
    """
    entry = "entry"
    word = f"{entry}.lowerAscii().trim()"
    in_regions = f'{entry}.split(",").all(r, r.trim() in {regions})'
    is_local_host = f'{entry} == "" || {entry}.contains("://") || {_hosts(entry)}'
    # A count of replicas is no remote site.
    is_no_remote = f'{word} in {_NO} || {word}.matches("^[0-9]+$")'
    tests = [
        _if_named(_AREA_KEYS, in_regions),
        _if_named(_BUCKET_KEYS, _bucket(entry)),
        _if_named(_HOST_KEYS, is_local_host),
        _if_named(_REMOTE_KEYS, is_no_remote),
        text(entry),
    ]
    are_permitted = bound(entry, _entry(value), " && ".join(tests))
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


def _parameters_and_encryption(value: str) -> str:
    """Return CEL: a storage driver's parameters name permitted places only and keep encryption on."""
    return f"({parameters(value)} && {encryption(value)})"


def _range(value: str) -> str:
    """Return CEL: an address, or a range by its length or by both ends, lies within a declared range."""
    are_ends_within = f'{value}.split("-").all(e, isIP(e.trim()) && cidr(g).containsIP(e.trim()))'
    is_within = f"(isCIDR({value}) ? cidr(g).containsCIDR({value}) : {are_ends_within})"
    return f"variables.outside.exists(g, isCIDR(g) && {is_within})"


PRIVATE_RANGES = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""Addresses that no public network routes (RFC 1918, 4193 and 6598)."""


def _private(value: str) -> str:
    """Return CEL: an address is in a range that no public network routes."""
    return f"(isIP({value}) && {literal(list(PRIVATE_RANGES))}.exists(g, cidr(g).containsIP({value})))"


def _own_cluster(value: str) -> str:
    """Return CEL: what Argo CD deploys goes to the cluster that it runs in, by address or by name."""
    to = f"{value}.destination"
    by_address = f'({to}.server == "https://kubernetes.default.svc" && !has({to}.name))'
    by_name = f'has({to}.name) && {to}.name == "in-cluster"'
    return f"(has({to}) && (has({to}.server) ? {by_address} : {by_name}))"


# The agent has some hundred settings, and each release adds some. These say what it logs, how large its
# tables are, how fast it is, and which files of the machine it writes (docs.cilium.io, `cilium-agent` in the
# command reference and "Per-node configuration", read 2026-11-28).
_OF_AGENT = (
    "^(?:debug|log-(?:opt|system-load)|mtu|bpf-map-dynamic-size-ratio|bpf-lb-(?:acceleration|algorithm)"
    "|bpf-(?:ct|lb|nat|neigh|policy|fragments|events)[a-z0-9-]*-(?:max|rate-limit|burst-limit|interval)"
    "|enable-(?:bandwidth-manager|bbr|bbr-hostns-only|ipv[46]-big-tcp|pmtu-discovery|xt-socket-fallback)"
    "|metrics|prometheus-serve-addr|cni-(?:exclusive|chaining-mode|log-file)|custom-cni-conf"
    "|write-cni-conf-when-ready|preallocate-bpf-maps)$"
)


def _agent(value: str) -> str:
    """Return CEL: settings of Cilium's agent are of the few that change neither who is reached nor how."""
    return f"{value}.all(k, k.matches({literal(_OF_AGENT)}))"


def parts_of_opaque(values: str) -> dict[str, str]:
    """Return the named parts that hold the texts in lists of values of whatever form, each behind its name.

    The last, `opaque_lines`, has lists of texts for each value of each list.
    """
    opened = opened_pairs(f"[[dyn({literal(_OPAQUE)}), dyn(v)]]")
    return {
        "opaque_opened": f"({values}).map(l, l.map(v, {opened}))",
        "opaque_lines": f"variables.opaque_opened.map(l, l.map(v, {lines_of('v')}))",
    }


def line_of_text(value: str) -> str:
    """Return CEL for a text as `opaque_lines` holds one."""
    return f'[{literal(_OPAQUE)} + "=" + {value}.replace("\\n", "\\n ")]'


def opaque(lines: str) -> str:
    """Return CEL: every URL and bucket in `opaque_lines` is a permitted place."""
    return _on_lines(lines, text("t"))


def opaque_by_word(lines: str) -> str:
    """Return CEL: what a word in those texts calls a host or a region is permitted."""
    return _on_lines(lines, _are_commands("t"))


def _on_lines(lines: str, condition: str) -> str:
    return f'{lines}.all(l, l.all(v, v.all(o, o.split("\\n").all(t, {condition}))))'


_CONDITIONS: dict[Must, Callable[[str], str]] = {
    "absent": _absent,
    "unset": _unset,
    "own-namespace": _own_namespace,
    "place": place,
    "text": text,
    "range": _range,
    "no-tenant": _no_tenant,
    "class": _own_class,
    "image": _image,
    "runtime": _runtime,
    "variable": variable,
    "settings": _settings,
    "parameters": _parameters_and_encryption,
    "cilium-own": _cilium_own,
    "cilium-egress": _cilium_egress,
    "cilium-peer": _cilium_peer,
    "no-target": _no_target,
    "own-hosts": _own_hosts,
    "own-mesh": _own_mesh,
    "own-cluster": _own_cluster,
    "private": _private,
    "agent": _agent,
    "sending-queue": sending_queue,
    "sending-check": sending_check,
    "sent-to": sent_to,
    "worker-of": worker_of,
    "worker": worker,
    "worker-named": worker_named,
    "worker-of-namespace": worker_of_namespace,
}


def lists_of(*paths: str, base: str = "object") -> str:
    """Return CEL for the values at some paths as one list; at most one step of each is `[]` or `{}`.

    >>> lists_of("kind")
    '(has(object.kind) && object.kind != null ? [object.kind] : [])'
    """
    return _joined(paths, base, _listed)


def _listed(base: str, steps: tuple[str, ...]) -> str:
    """Return CEL for a value as a list, or for the values below each item of a list or mapping."""
    return _items(base, steps[0], steps[1:], "t") if steps else f"[{base}]"


def joined_values(*paths: str) -> str:
    """Return CEL for the lists of words at some paths, each as one text.

    >>> joined_values("a")
    '(has(object.a) && object.a != null ? [[object.a]] : []).map(l, l.map(v, v.join(" ")))'
    """
    return f'{_in_parentheses(nested(*paths))}.map(l, l.map(v, v.join(" ")))'


def named_values(*paths: str) -> str:
    """Return CEL for the entries of the mappings at some paths as variables, with name and value.

    >>> named_values("a")
    '(has(object.a) && object.a != null ? [object.a] : []).map(m, m.map(k, {"name": k, "value": m[k]}))'
    """
    return f'{_in_parentheses(lists_of(*paths))}.map(m, m.map(k, {{"name": k, "value": m[k]}}))'


def template_of_specs(*paths: str) -> str:
    """Return CEL for the bare pod specifications at some paths as templates without metadata."""
    return f'{_in_parentheses(lists_of(*paths))}.map(s, {{"spec": s}})'


def template_of_containers(*paths: str) -> str:
    """Return CEL for the containers at some paths as templates of a pod each."""
    return f'{_in_parentheses(lists_of(*paths))}.map(c, {{"spec": {{"containers": [c]}}}})'


def nested(*paths: str, base: str = "object") -> str:
    """Return CEL for the values at some paths as lists of values; at most two steps of each are `[]` or `{}`.

    The condition on a place is long. Values of many fields are gathered, so that it is written once.

    >>> nested("a[].b")
    '(has(object.a) && object.a != null ? [object.a.filter(t, has(t.b) && t.b != null).map(t, t.b)] : [])'
    """
    return _joined(paths, base, _nested)


def _nested(base: str, steps: tuple[str, ...]) -> str:
    """Return CEL for a value, or for the values below a list or mapping, as lists of values."""
    if not steps:
        return f"[[{base}]]"
    mark, after = steps[0], steps[1:]
    if not {"[]", "{}"} & set(after):
        return f"[{_items(base, mark, after, 't')}]"
    item = "t" if mark == "[]" else f"{base}[t]"
    inner, inner_mark, last = _split_at_mark(after)
    inner_exists = " && ".join(_exist(item, inner)) or "true"
    inner_values = _items(".".join((item, *inner)), inner_mark, last, "u")
    return f"{base}.map(t, {inner_exists} ? {inner_values} : [])"


def _joined(paths: Iterable[str], base: str, at_end: Callable[[str, tuple[str, ...]], str]) -> str:
    """Return CEL for the joined lists of the values at some paths.

    Args:
        paths: the paths.
        base: expression of the object that they start at.
        at_end: returns the list at the end of a path, given the expression of the value before its first list
            or mapping, and the steps from there.
    """
    branches = []
    for path in paths:
        before, mark, after = _split_at_mark(steps_of(path))
        rest = (mark, *after) if mark else ()
        branches.append((before, rest))
    return _lists_below(branches, base, at_end)


def _lists_below(
    branches: Iterable[tuple[tuple[str, ...], tuple[str, ...]]],
    base: str,
    at_end: Callable[[str, tuple[str, ...]], str],
) -> str:
    """Return CEL for the joined lists below a value; a field that paths have in common is tested once."""
    lists: list[str] = []
    for step, below in _by_first_step(branches).items():
        if not step:
            lists += [at_end(base, rest) for _, rest in below]
            continue
        common, behind = _common_steps(step, below)
        exists = " && ".join(_exist(base, common))
        values = _lists_below(behind, ".".join((base, *common)), at_end)
        lists.append(f"({exists} ? {values} : [])")
    return " + ".join(lists)


def _common_steps(
    step: str, branches: Sequence[tuple[tuple[str, ...], T]]
) -> tuple[tuple[str, ...], Sequence[tuple[tuple[str, ...], T]]]:
    """Return a step with those that all paths behind it have in common, and what is behind these."""
    common, behind = [step], branches
    while True:
        by_step = _by_first_step(behind)
        if len(by_step) != 1 or "" in by_step:
            return tuple(common), behind
        ((following, behind),) = by_step.items()
        common.append(following)


def _in_parentheses(lists: str) -> str:
    """Return a sum of lists in parentheses, so that a call applies to all of it."""
    return f"({lists})" if " + " in lists else lists


def _items(outer: str, mark: str, after: tuple[str, ...], name: str) -> str:
    """Return CEL for the values below each item of a list or mapping."""
    item = name if mark == "[]" else f"{outer}[{name}]"
    value = ".".join((item, *after))
    if not after:
        return f"{outer}.map({name}, {value})"
    exists = " && ".join(_exist(item, after))
    return f"{outer}.filter({name}, {exists}).map({name}, {value})"


def _split_at_mark(steps: tuple[str, ...]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return the steps before the first list or mapping, its mark, and the steps after it."""
    for number, step in enumerate(steps):
        if step in {"[]", "{}"}:
            return steps[:number], step, steps[number + 1 :]
    return steps, "", ()


def _exist(base: str, steps: tuple[str, ...]) -> Iterator[str]:
    """Yield CEL for each step of a path: it exists and is not null."""
    path = base
    for step in steps:
        path = f"{path}.{step}"
        yield f"has({path}) && {path} != null"
