r"""Hosts and regions that a text names by a word in front of them: `host: db.example`, `--server db.example`.

Files of settings, JSON, options of two words and scripts agree on little, but they call a host after what it
is for. A dotted name whose last label belongs to somebody (a top-level domain), an address, or a number of an
address's size behind such a word is a place, in whatever language it is written. A file's name, a module of
Python and a version are none. What follows is CEL; it is put together in `fields.py`.

Sources, read 2026-11-28: the references of go-sql-driver/mysql ("DSN"), PostgreSQL (34.1.1), Microsoft's of
storage and monitoring ("Connection strings"), Kafka, etcd, ZooKeeper and Redis (settings of clients), gRPC
("Name Resolution"), and Amazon's of resource names (ARN).
"""

from __future__ import annotations

from sovereign_ai.rules.cel_literals import literal

BETWEEN = "\u0001"
"""Stands between arguments that are read as one text."""
IS = "=\n"
"""Stands between a setting's name and its value, which may be lines of settings itself."""

MAY_BE_NAMED = "[.][A-Za-z0-9]|[0-9]{8}|0[xX]|egion|arn:|projects/|:[ \\t]*$"
"""A line of a file in which a host or region may be named, or below which it may be."""
_WORDS = (
    r"(?i)host|server|service[_-]?url|addr|endpoint|broker|bootstrap|proxy|contact[ _-]?point|data[ _]source"
    r"|failover|sentinel|upstream|resolver|dns|peer|seed|quorum|zookeeper|zk|connect|dsn|cluster|remote"
    r"|target"
    r"|sink|collector|gateway|relay|mirror|master|leader|registr|index|webhook|callback|site|backend|origin"
    r"|coordinator|namenode|defaultfs|metastore|scheduler|statsd|graphite|syslog|logstash|kafka|nats|amqp"
    r"|redis"
    r"|etcd|ldap|smtp|ntp|kdc|fqdn|rdzv|rendezvous|node|listener|\bhead|_head|join|replicaof|\bapi|_api|\bbus"
    r"|_bus|store|destination|proxy_pass|(?:\b|_|-|[a-z])ur[il]|(?:\b|_)ips?(?:\b|_)"
)
"""Words that stand before a host, in the name of an option or a setting."""
_OPEN = r"""["'\[({\\\s-]*"""
_ELEMENT = r"""[^\s,"'\x01=;:]+(?::[0-9]+)?["']?(?:\s*,\s*|\s*\n[ \t]*-[ \t]+)["']?"""
_NAME = r"(?:[a-z0-9_-]+\.)+[a-z0-9-]*[a-z0-9]"
_NUMBER = r"(?:[0-9]{8,10}|0[xX][0-9A-Fa-f]{6,8})"
_KEY = "[a-z0-9_.-]+"
_EQUALS = r"""["'\]]{0,3}[ \t]*(?:=>?|:=?|>)"""
_VALUE = (
    rf"{_OPEN}(?:{_ELEMENT})*(?:[a-z0-9+.:-]*//)?(?:[^\s\"'@,;/\x01]*@)?"
    rf"(?:{_NAME}|[0-9]{{8,}}|0x[0-9a-f]{{6,}})"
)
# What ends in a colon or an equals sign is the name of another setting.
_END = r"(?:$|[^a-z0-9_.=:-]|:[0-9/])"
_NAMED = rf"(?im)(?:{_KEY}(?: [a-z]+)?{_EQUALS}|(?:-{_KEY}|^[ \t]*{_KEY})[ \t\x01]+){_VALUE}{_END}"
"""A setting, an option of two words, or the two words of a line, with a dotted name or a number."""
_HEAD = rf"(?i)^[ \t]*(?:{_KEY}(?: [a-z]+)?{_EQUALS}|{_KEY})"
_INSIDE = r"[.]svc(?:[.]cluster[.]local)?$"
# Options of one letter that stand for a host, a proxy or a host between: psql, mysql, redis-cli, curl, ssh.
_SHORT = rf"(?i)(?:^|[\s\x01])-[hHxJ][ =\x01]?{_NAME}"
_DOTTED = r"(?:[A-Za-z0-9_-]+[.])+[A-Za-z0-9-]+"
FILE_NAME = (
    r"(?i)\.(?:accdb|bin|cfg|conf|crt|css|csv|db3?|gguf|html?|ini|js|json[5l]?|jsonl|log|mdf|parquet|pem|sdf"
    r"|safetensors|sock|sqlite3?|toml|txt|ya?ml|xml|properties|tmpl|gz|tgz|pt|pth|onnx)$"
)
_LAST = 'h.lowerAscii().findAll("[a-z0-9-]+$")[0]'
_IS_DELEGATED = f'size({_LAST}) == 2 || variables.public_domains.contains(" " + {_LAST} + " ")'
_IS_PUBLIC = f'h != "cluster.local" && (isIP(h) || {_IS_DELEGATED})'
"""CEL: a dotted name is an address, or somebody outside may answer for it."""
_ENDS_IN_NUMBER = rf"[^0-9A-Za-z_.-]{_NUMBER}[^0-9A-Za-z]?$"
# Other words stand before counts, times and identifiers of that size.
_NUMBER_OF_HOST = (
    r"(?i)(?:host|server|addr|endpoint|ur[il]|proxy|broker)[a-z]{0,6}[\"'\]]{0,3}[ \t]*[=:> \x01]*$"
)
_NUMBER_WITHIN = rf"(?:^|[=:>@,(/\s\x01\"'\[]){_NUMBER}(?:$|[:,/)\"'\]}} \n;])"

# What names a host by its form alone.
_DSN = r"(?:^|[@=\x01])[A-Za-z0-9+]+\([^()\s]*\)/"
"""`user:password@tcp(host:port)/database` of Go's driver of MySQL."""
_PASSWORD_AT = rf"[^\s@:/,;\"'\x01]+:[^\s@/\"'\x01]*@(?:{_NAME}|{_NUMBER}\b)"
_SEPARATED_PORT = rf"(?:^|[=\x01]){_NAME}[,#|;/][0-9]{{2,5}}(?:$|\x01)"
_SHARE = rf"\\\\{_NAME}"
_NUMBERS = r"(?:^|[,=\x01])(?:[0-9]{9,10}|0[xX][0-9A-Fa-f]{8})(?::[0-9]{3,5}|/[A-Za-z])"
_FORMS = f"{_DSN}|{_PASSWORD_AT}|{_SEPARATED_PORT}|{_SHARE}|{_NUMBERS}"
_HAS_FORM = r"@|[,#|;/][0-9]{2}|\\\\|[0-9]{9}|0[xX][0-9A-Fa-f]{8}"
_CLIENT = (
    r"(?:^|[\x01\s;&|(/])(?:ssh|scp|sftp|nc|ncat|netcat|telnet|curl|wget|ping6?|dig|nslookup|host|drill|rsync"
    r"|socat|l?ftp|s_client|traceroute|mysql|psql|redis-cli|mosquitto_pub|nats|kcat|mc|rclone|aria2c)"
    r"(?:[ \x01]+[^\s\x01;|&]*){1,8}"
)
"""A program that is told a host without a word for it, with the words behind it."""
_PROGRAM = r"[^.@:/=> \x01]+[.](?:py|sh|pl|rs|md|zip|so|cc|ps|tf|mk|jl)"
"""A program's name of two labels, whose end is also a top-level domain."""
_LOCAL_WORD = rf"^(?:{_PROGRAM}$|[.~]{{0,2}}/)"
_ENDS_IN_PROGRAM = rf"[=:> \x01\"']{_PROGRAM}[^A-Za-z0-9.]?$"
_WORD_OF_HOST = "(?i)host|server|addr|endpoint|ur[il]|proxy|broker"
# Rules of alerts, charts and schemas link to what people read.
_OF_LINK = "(?i)runbook|docs?[_-]|documentation|licen[cs]e|homepage|help|icon|schema|link|issue|changelog"
_OF_VERSION = r"(?i)version[\"'\]]{0,3}[ \t]*[=:>]?$"
_CLOUD = r"(?i)(?:defaultendpointsprotocol|instrumentationkey)="
_CLOUD_PLACE = r"(?i)(?:endpointsuffix|endpoint)="
_DIALLED = r"@[A-Za-z0-9+_-]+\([^()\s]*\)/"
_DIALLERS = "^@(?:tcp|udp|unix)[46]?[(]"
"""Ways of connecting of Go's driver of MySQL; what other ways make of an address nobody can say."""
_ARN = r"\barn:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9-]*:"
_PROJECT = r"\bprojects/[^/\s]+/(?:locations|regions|zones)/[a-z0-9-]+"
_REGION = r"""(?i)\bregions?["'\]]{0,3}[ \t]*[=:\x01 ][ \t"'\[]*[a-z]{2,}[a-z0-9]*-[a-z0-9-]+"""

_OWN = r"^(?:2130706433|0[xX]7[fF]000001)$"
_IS_DECIMAL = 'w.matches("^[1-9][0-9]{7,9}$")'
_OF_DECIMAL = (
    'string(int(w) / 16777216) + "." + string(int(w) / 65536 % 256)'
    ' + "." + string(int(w) / 256 % 256) + "." + string(int(w) % 256)'
)
# A number below 2^24 is in 0.0.0.0/8, where nobody is.
_NUMBERS_OF = (
    f"t.findAll({literal(_NUMBER_WITHIN)}).map(w, w.findAll({literal(_NUMBER)})[0])"
    f".filter(w, !w.matches({literal(_OWN)}) && (!{_IS_DECIMAL} || int(w) >= 16777216))"
    f".map(w, {_IS_DECIMAL} ? {_OF_DECIMAL} : w)"
)
# What is inside needs no search in the long list of domains.
_MAY_BE_PUBLIC = f"!h.matches({literal(FILE_NAME)}) && !h.matches($local)"
_NAMES_OF = f"t.findAll({literal(_DOTTED)}).filter(h, {_MAY_BE_PUBLIC} && {_IS_PUBLIC})"


def are_permitted_named(
    value: str, permitted: str, regions: str = "$regions", *, are_commands: bool = False
) -> str:
    """Return CEL: every host and region that a text names, by a word or by its form, is permitted.

    Args:
        value: expression of the text.
        permitted: condition on a host, `h`.
        regions: expression of the regions in which data may be.
        are_commands: whether the text is a command, in which clients are told a host by its place alone.
    """
    head = f"m.findAll({literal(_HEAD)})[0]"
    is_outside = f"!m.findAll({literal(_DOTTED)}).all(h, h.matches({literal(_INSIDE)}))"
    may_lead_out = f"({is_outside} || m.matches({literal(_ENDS_IN_NUMBER)}))"
    is_host = f"(!m.matches({literal(_ENDS_IN_NUMBER)}) || {head}.matches({literal(_NUMBER_OF_HOST)}))"
    is_program = f"(m.matches({literal(_ENDS_IN_PROGRAM)}) && !{head}.matches({literal(_WORD_OF_HOST)}))"
    is_other = f"({is_program} || {head}.matches({literal(_OF_VERSION)})"
    is_other = f"{is_other} || {head}.matches({literal(_OF_LINK)}))"
    is_named = f"{may_lead_out} && {head}.matches({literal(_WORDS)}) && {is_host} && !{is_other}"
    of_word = f"m.substring(size({head}))"
    of_words = f"{value}.findAll({literal(_NAMED)}).filter(m, {is_named}).map(m, {of_word})"
    of_options = f'({value}.contains("-") ? {value}.findAll({literal(_SHORT)}) : [])'
    forms = f'{value}.findAll({literal("(?im)" + _FORMS)}).map(m, m.findAll("[^@]*$")[0])'
    of_forms = f"({value}.matches({literal(_HAS_FORM)}) ? {forms} : [])"
    of_clients = f"{value}.findAll({literal(_CLIENT)}).map(m, m.replace({literal(BETWEEN)}, ' '))"
    of_clients = f"{of_clients}.map(m, m.split(' ').filter(w, !w.matches({literal(_LOCAL_WORD)})).join(' '))"
    commands = f" + {of_clients}" if are_commands else ""
    texts = f"({of_words} + {of_options} + {of_forms}{commands})"
    hosts = f"{texts}.all(t, ({_NAMES_OF} + {_NUMBERS_OF}).all(h, {permitted}))"
    in_region = f'm.findAll("[A-Za-z0-9-]+$")[0] in {regions}'
    are_regions = f"{value}.findAll({literal(_REGION)}).all(m, {in_region})"
    return f"({hosts} && {are_regions} && {_are_permitted_clouds(value, regions)})"


def _are_permitted_clouds(value: str, regions: str) -> str:
    """Return CEL: a text names no resource of a cloud but in a permitted region."""
    # Without a place of its own a cloud's default applies.
    is_default = f"({value}.matches({literal(_CLOUD)}) && !{value}.matches({literal(_CLOUD_PLACE)}))"
    in_region = f'm.split(":")[2] != "s3" && (m.split(":")[3] == "" || m.split(":")[3] in {regions})'
    resources = f'(!{value}.contains("arn:") || {value}.findAll({literal(_ARN)}).all(m, {in_region}))'
    in_location = f'm.findAll("[a-z0-9-]+$")[0] in {regions}'
    of_project = f"{value}.findAll({literal(_PROJECT)}).all(m, {in_location})"
    is_dialled = f"{value}.findAll({literal(_DIALLED)}).all(m, m.matches({literal(_DIALLERS)}))"
    is_known = f'(!{value}.contains("@") || {is_dialled})'
    return f'(!{is_default} && {is_known} && {resources} && (!{value}.contains("projects/") || {of_project}))'
