"""Conditions on hosts, addresses, URLs and buckets, and on texts in which they stand, as CEL.

A *place* is a host, an address, a URL or a bucket. It is permitted if it is inside the cluster (a name
without a dot, a name below `svc`, loopback), the host of a declared registry, or at the other end of a
gateway that the zone may use. What says that a word is a host is in `named_hosts.py` and `named_settings.py`.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.named_hosts import NO_COUNTRIES
from sovereign_ai.rules.places.spellings import (
    LETTER,
    has_ambiguous_url,
    remote_hosts,
    spellings,
)

_SCHEMES = (
    r"(?i:https?|grpcs?|wss?|tcp|udp|tls|ssh|git(?:[+](?:https|ssh))?|rediss?|valkeys?|memcached?"
    r"|(?:db[+])?(?:postgres(?:ql)?|mysql|mariadb|mssql|sqlserver|oracle|clickhouse|cockroachdb)"
    r"(?:[+][a-z0-9_]+)?"
    r"|mongodb(?:[+]srv)?|amqps?|mqtts?|stomp|nats|kafka|(?:sasl_)?(?:plaintext|ssl)"
    r"|spark|(?:web)?hdfs|thrift|trino|presto|dask|etcd|consul|zk|zookeeper|(?:elastic|open)search|statsd"
    r"|syslog"
    r"|gelf|fluentd?|socks[45]?[ah]?|rsync|svn"
    r"|pulsar(?:[+]ssl)?|sb|bolt|neo4j|ray|oci|docker|s?ftp|nfs|ldaps?|smtps?|zmq|pvc|hive2"
    r"|impala|lm|iscsi|nvmf"
    r"|grpc[+](?:tcp|tls))"
)
"""Schemes whose authority is a host that DNS resolves, in whatever case (RFC 3986, section 3.1).

Of any other scheme, such as `s3` or `hf`, the authority is a name at somebody's service.
"""
_HAS_HOST = rf"^(?:{_SCHEMES}://|(?:[A-Z][A-Z0-9]*|s3)://[^:]*:[0-9]+$)"
"""A URL whose authority is a host: by its scheme, or by its port behind the name of a listener of Kafka
(`CLIENTS://kafka-0.kafka:9094`), or behind `s3`, as Triton writes a store of its own. No bucket has a colon.
"""
_OWN_URL = (
    r"^(?i:file|dir|unix|ipc|inproc|env|local|mem|memory|locmem|duckdb"
    r"|(?:db[+])?sqlite(?:[+][a-z0-9_]+)?)://$"
    r"|^inproc://[a-z0-9_-]+$|^[A-Za-z0-9+-]+://:[0-9]{1,5}$|^static://[0-9]{3}$"
)
"""A URL without a host, of a scheme whose resources are the pod's own: files, sockets, memory, variables.

With a port alone, a server listens on it (`PLAINTEXT://:9092`).
"""
_NESTED_URLS = (("k8s://http", "http"), ("s3://http", "http"), ("dns:///", "grpc://"))
"""Schemes before another URL (Spark's master, Triton's store), or before a host in place of a path (gRPC)."""
_PERMITTED, _REFUSED = literal("localhost"), literal("/")
"""Hosts that stand for a URL that is permitted or refused, whatever its host is."""
_USER = r"(?:(?:[A-Za-z_][\w-]*)?:?(?:[$%]?[({]{1,2} ?[.\w]+ ?[)}]{1,2}s?[:@])+)?"
"""A user and a password of which a variable stands for one: `app:$(PASSWORD)@`, `${USER}:${PASSWORD}@`."""
URL = rf"""[A-Za-z0-9+.-]*://{_USER}(?:[^/?#\s"'<>,;|)}}{{]|[{{][0-9]+[.]+[0-9]+[}}]|[{{])*"""
"""A URL up to its path. MinIO writes several hosts as one, `http://minio-{0...3}.minio`.

The scheme may be missing, so that `$(SCHEME)://host` cannot hide one.
"""
_LIST = r"//[^/?\s]*,[^/?\s]*"
_ONE_MORE = r"^([\w-]+[.])+[\w:-]+$"
"""The hosts of a URL with several, and what each but the first of them looks like."""
BARE = rf"(?:{LETTER}+\.)+{LETTER}*:[0-9]{{2,5}}"
"""A host with a port outside of a URL."""
# Within its namespace a pod is called `trainer-0.trainer`, and a service `redis.research`; LeaderWorkerSet
# calls the leader of a group `chat-0.chat.research`. The last word must be none that somebody outside answers
# for; of two letters are the domains of countries, and words of other alphabets begin with `xn--`. No other
# domain of the root has a hyphen (RFC 1123, section 2.1, and ICANN's guidebook for applicants, 2.2.1.3.2).
_WITHIN_CLUSTER = literal(
    f"^([a-z0-9-]+[.]){{1,2}}({'|'.join(NO_COUNTRIES)}|[a-z](-?[a-z0-9]){{2,}})(:[0-9]+)?$"
)
# Nothing that every spelling of a place needs: a dot, a colon, a slash, `@`, `=`, `$`, `%`, `\\`, another
# alphabet. Most variables of most pods are so, and the API server has answered after one search in each.
PLAIN = "^[A-Za-z0-9_ ,+-]*$"


def host(value: str) -> str:
    """Return CEL: a host, with or without a port, is a permitted place."""
    is_declared = "isCIDR(g) ? isIP(n) && cidr(g).containsIP(n) : g == n"
    is_free = '!variables.public_domains.contains(" " + d + " ")'
    # The pods of a StatefulSet mostly share their name with its service, and services with their namespace.
    is_own = f'{is_free} && (d in variables.own_domains || d.contains("-") || n.startsWith(d))'
    is_within = f"{value}.matches({_WITHIN_CLUSTER}) && n.findAll({literal('[^.]+$')}).exists(d, {is_own})"
    is_named = f"variables.outside.exists(g, {is_declared}) || ({is_within})"
    return f'({value}.matches($local) || [{value}.split(":")[0]].exists(n, {is_named}))'


def are_hosts(lists: str) -> str:
    """Return CEL: every host in some lists is a permitted place.

    The condition on a host is long, so that hosts are gathered and it is written once.

    Args:
        lists: expression of a list of lists.
    """
    return f"{lists}.all(l, l.all(h, {host('h')}))"


def url_without_path(value: str) -> str:
    """Return CEL: a URL without its path is a permitted place."""
    return f"[{_judged_host(value)}].all(h, {host('h')})"


def _judged_host(value: str) -> str:
    """Return CEL for the host by which a URL without its path is judged.

    The condition on a host is long. So URLs that need none name one in its place that is always permitted,
    and those that no host makes permitted one that never is.
    """
    # A user and password before `@` are not part of the host.
    authority = f'{value}.split("://")[1].findAll("[^@]*$")[0]'
    is_own_bucket = f"$buckets.exists(b, b[0] == variables.zone && b[1] == {value})"
    is_own = f"{value}.matches({literal(_OWN_URL)}) || {is_own_bucket}"
    # Browsers read a backslash as a slash, so that `http://a.example\\@b.svc` has two hosts.
    has_two = f'{value}.contains("\\\\")'
    is_own_or_declared = f"{is_own} || x in variables.outside"
    by_host = f"{value}.matches({literal(_HAS_HOST)}) ? x : {_REFUSED}"
    judged = f"{has_two} ? {_REFUSED} : {is_own_or_declared} ? {_PERMITTED} : {by_host}"
    return f"[{authority}].map(x, {judged})[0]"


def text(value: str) -> str:
    """Return CEL: every URL, and every host with a port or a path, in a text is a permitted place."""
    return f"{spellings(value)}.all(n, {_names_permitted('n')})"


def _names_permitted(value: str) -> str:
    """Return CEL: what one spelling of a text names is permitted."""
    # A cheap test first, so that most texts need no search by a regular expression.
    inner = "".join(f".replace({literal(old)}, {literal(new)})" for old, new in _NESTED_URLS)
    of_urls = f"{value}{inner}.findAll({literal(URL)}).map(u, {_judged_host('u')})"
    # Databases, brokers and Galera write several hosts as one.
    lists = (
        f'{value}.findAll({literal(_LIST)}).map(l, l.split(",").filter(h, h.matches({literal(_ONE_MORE)})))'
    )
    urls = f'({value}.contains("://") ? [{of_urls}] + {lists} : [])'
    bare = f'({value}.contains(":") ? {value}.findAll({literal(BARE)}) : [])'
    hosts = are_hosts(f"({urls} + [{bare}, {remote_hosts(value)}])")
    return f"({hosts} && !{has_ambiguous_url(value)})"


def resolvers(value: str) -> str:
    """Return CEL for the public resolvers in a text, by name or address, as a list."""
    words = f'{value}.findAll("[0-9A-Za-z-]+[.][0-9A-Za-z.-]+").filter(w, w.matches($public_resolver))'
    return f'({value}.contains(".") ? {words} : [])'


def place(value: str) -> str:
    """Return CEL: a text is empty, or names permitted places and nothing else; commas separate hosts."""
    is_permitted_url = text(value)
    are_permitted_hosts = listed_hosts(value)
    return f'({value} == "" || ({value}.contains("://") ? {is_permitted_url} : {are_permitted_hosts}))'


def listed_hosts(value: str) -> str:
    """Return CEL: each of the hosts that commas separate is a permitted place."""
    return f"{hosts_between_commas(value)}.all(h, {host('h')})"


def hosts_between_commas(value: str) -> str:
    """Return CEL for the hosts that commas separate, as a list."""
    return f'{value}.split(",").map(h, h.trim().split("/")[0])'


def bucket(value: str) -> str:
    """Return CEL: a bucket is one of the zone's own object stores, or declared."""
    is_own = f'$buckets.exists(b, b[0] == variables.zone && b[1] == "s3://" + {value})'
    return f'({value} == "" || {is_own} || {value} in variables.outside)'


LONGEST_SETTINGS = 10_000
"""Characters of all settings in which places stand together.

Longer ones take the API server more time than it gives an expression.
"""
# What base64 has not, but for the equals signs at its end.
MAY_BE_PLACE = "[.:@%\\\\]|=[^=]"


def texts_are_short(texts: str) -> str:
    """Return CEL: a list of texts in which places are searched is short enough to be judged."""
    size = f'size({texts}.join("")) <= {LONGEST_SETTINGS}'
    read = f"{texts}.filter(w, w.matches({literal(MAY_BE_PLACE)}))"
    return f'({size} || size({read}.join("")) <= {LONGEST_SETTINGS})'


def address_range(value: str) -> str:
    """Return CEL: an address, or a range by its length or by both ends, lies within a declared range."""
    are_ends_within = f'{value}.split("-").all(e, isIP(e.trim()) && cidr(g).containsIP(e.trim()))'
    is_within = f"(isCIDR({value}) ? cidr(g).containsCIDR({value}) : {are_ends_within})"
    return f"variables.outside.exists(g, isCIDR(g) && {is_within})"


PRIVATE_RANGES = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""Addresses that no public network routes (RFC 1918, 4193 and 6598)."""


def private_address(value: str) -> str:
    """Return CEL: an address is in a range that no public network routes."""
    return f"(isIP({value}) && {literal(list(PRIVATE_RANGES))}.exists(g, cidr(g).containsIP({value})))"
