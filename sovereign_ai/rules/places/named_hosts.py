r"""Hosts and regions that a text names by a word in front of them: `host: db.example`, `--server db.example`.

Files of settings, JSON, options of two words and scripts agree on little, but they call a host after what it
is for. A dotted name whose last label belongs to somebody (a top-level domain), an address, or a number of an
address's size behind such a word is a place, in whatever language it is written. A file's name, a module of
Python and a version are none. What follows is CEL; `command_arguments.py`, `named_settings.py` and
`config_map_entries.py` put it together.

Sources, read 2026-11-28: the references of go-sql-driver/mysql ("DSN"), PostgreSQL (34.1.1), Microsoft's of
storage and monitoring ("Connection strings"), Kafka, etcd, ZooKeeper and Redis (settings of clients), gRPC
("Name Resolution"), and Amazon's of resource names (ARN).
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.spellings import is_six

BETWEEN = "\u0001"
"""Stands between arguments that are read as one text."""
IS = "=\n"
"""Stands between a setting's name and its value, which may be lines of settings itself."""

CODE = "\u0002"
"""Stands before the equals signs of a program's text, in which a name without quotes is no host."""
_MARKS = (
    # A type stands between a variable and its value.
    (": str =", " ="),
    (": string =", " ="),
    ("=", CODE + "="),
    (":" + CODE + "=", CODE + ":="),
    (": ", CODE + ": "),
)

MAY_BE_SIX = ":[0-9A-Fa-f]{0,4}:"
"""What an address of IPv6 has in it."""
MAY_BE_NAMED = (
    rf"{MAY_BE_SIX}|[.][A-Za-z0-9]|[0-9]{{8}}|0[xX]|egion|[zZ](?:one|ONE)|arn:|projects/|://|:[ \t]*$"
)
"""A line of a file in which a host or region may be named, or below which it may be."""
WORDS = (
    r"(?i)host|server|addr|endpoint|broker|bootstrap|proxy|contact[ _-]?point|data[ _]source"
    r"|failover|sentinel|upstream|resolver|dns|peer|seed|quorum|zookeeper|zk|connect|dsn|cluster|remote"
    r"|target"
    r"|sink|collector|gateway|relay|mirror|master|leader|registr|index|webhook|callback|site|backend|origin"
    r"|issuer|authority|discovery|well.?known"
    r"|coordinator|forward|machine|neighbor|channel|sumdb|defaultfs|scheduler|statsd"
    r"|graphite|syslog|logstash|kafka|nats|amqp|redis"
    r"|etcd|ldap|smtp|ntp|kdc|fqdn|rdzv|rendezvous|node|listener|\bhead|_head|join|replicaof|\bapi|_api|\bbus"
    # `curl` is none, and `publicurl` is.
    r"|_bus|store|destination|find.links|(?:cgi|wsgi|grpc|cached)_pass|(?:\b|_|-|[a-bd-z]|[a-z]c)ur[il]"
    r"|(?:\b|_)ips?(?:\b|_)|substituter|cran\b|--[a-z-]*repositor|^(?:[ \t]*pool|value>)$"
)
"""Words that stand before a host, in the name of an option or a setting."""
# YAML has signs of blocks (`>-`), anchors (`&a`), types (`!!str`) and comments before a value.
_DEFAULT = "(?:[$][{](?:env:)?[A-Za-z0-9_.]+:[-=]?)?"
"""What stands before a value that holds where a variable is not set: `${env:X:-db.example}`."""
_OPEN = rf"""["'`\[({{\\\s-]*{_DEFAULT}(?:(?:[>|][0-9+-]*|[&!][^\s"']*|#[^\n]*)\s+["'`\s-]*)*(?:[fru]["'])?"""
_ELEMENT = r"""[^\s,"'\x01=;:]+(?::[0-9]+)?["']?(?:\s*,\s*|\s*\n[ \t]*-[ \t]+)["']?"""
NAME = r"(?:[a-z0-9_-]+\.)+[a-z0-9-]*[a-z0-9]"
_NUMBER = r"(?:[0-9]{8,10}|0[xX][0-9A-Fa-f]{6,8})"
_KEY = "[a-z0-9_.-]+"
# Slurm states the address of a host behind its name: `SlurmctldHost=name(address)`.
# Jsonnet hides a field by two colons or three, and adds to one by `+:`.
_EQUALS = r"""["'\]]{0,3}[ \t\f\v]*\x02?(?:=>?|[+]?:{1,3}=?|>)(?:[a-z0-9-]+[(])?"""
_VALUE = (
    rf"{_OPEN}(?:[a-z0-9+]+://)?(?:{_ELEMENT})*(?:[a-z0-9+.:-]*//)?(?:[^\s\"'@,;/\x01]*@)?"
    rf"(?:[a-z0-9-]*[{{][0-9.]+[}}][.])?(?:{NAME}|[0-9]{{8,}}|0x[0-9a-f]{{6,}})"
)
# What ends in a colon or an equals sign is the name of another setting.
_END = r"(?:$|/[0-9]{1,2}\b|[^a-z0-9_.=:\"'-]|[\"'][ \t]*(?:$|=>|[^:= \t])|:[0-9/])"
# HAProxy's `server` has a name before its address, Caddy's `reverse_proxy` another address.
# Sentinel's `sentinel monitor` has two words before one.
# Clojure writes `:host "x"`, Erlang `{host, "x"}`.
_LINE = (
    rf"(?:-{_KEY}|^[ \t]*{_KEY}(?:[ \t]+[a-z0-9_.][a-z0-9_.:-]*){{0,2}}|[;{{\[][ \t]*{_KEY}"
    rf"|[ \t{{(\[]:{_KEY}|[{{(]{_KEY},)[ \t\x01]+"
)
_NAMED = rf"(?im)(?:[\"'`]?{_KEY}(?: [a-z]+)?{_EQUALS}|{_LINE}){_VALUE}{_END}"
"""A setting, an option of two words, or the words of a line, with a dotted name or a number."""
_SPACED_KEY = r"[.][A-Za-z0-9_-]+[\"'\]]{0,3}[ \t\f\v]+(?:=[^>]|:=?)"
"""The end of a dotted name of a setting, with blanks before the sign behind it; `=>` renames, too."""
_SPACED_NAME = rf"^[ \t]*-|{_SPACED_KEY}"
_SPACED = rf"(?im)(?:[a-z0-9_-]+[.])*[a-z0-9_-]+{_SPACED_KEY}[ \t\f\v]*{_VALUE}{_END}"
"""A setting with such a name. To `_NAMED` the name is the value of a setting that ends the line before."""
_HEAD = rf"(?i)^[\"'`;{{\[( \t]?[ \t]*:?(?:{_KEY}(?: [a-z]+)?{_EQUALS}|{_KEY})"
_INSIDE = r"[.]svc(?:[.]cluster[.]local)?$"
# Options of one letter that stand for a host, a proxy or a host between: psql, mysql, redis-cli, curl, ssh.
_SHORT = rf"(?i)(?:^|[\s\x01])-[hHxJ][ =\x01]?{NAME}"
_NETWORK = r"([0-9]{1,3}[.]){3}0/[0-9]{1,2}($|[^0-9A-Za-z_./-])"
"""A range of addresses, to which nothing is sent."""
_DOTTED = rf"{_NETWORK}|([A-Za-z0-9_-]+[.])+[A-Za-z0-9-]+"
FILE_NAME = (
    r"(?i)\.(?:accdb|adoc|aof|bin|c|cer|cfg|ckpt|conf|cpp|crt|csr|css|csv|db3?|env|g[oz]|gguf|gif|h5?|html?"
    r"|idx|ini|ipynb|j2|jar|jinja2?|jpe?g|js|json[5l]?|jsonl|key|lock|log|lua|mdf|np[yz]|onnx|parquet|pdf|pem"
    r"|pkl|png|proto|pth?|rb|rdb|rst|safetensors|sdf|service|sock|sql|sqlite3?|svg|tar|te?xt|tgz"
    r"|tmpl|toml|tpl|ts|tsv|war|whl|xml|ya?ml)$"
)
NO_COUNTRIES = ("db", "kv")
"""Words of two letters that services are called by, and that are no country's code.

ISO 3166-1 assigns and reserves neither (its list of codes, read 2026-11-28).
"""
_IS_COUNTRY = f'(d.matches("^[a-z][a-z]$") && !(d in {literal(list(NO_COUNTRIES))}))'
IS_DELEGATED = f'{_IS_COUNTRY} || variables.public_domains.contains(" " + d + " ")'
_LAST = 'h.lowerAscii().findAll("[a-z0-9-]+$")'
_IS_PUBLIC = f'h != "cluster.local" && (isIP(h) || {_LAST}.exists(d, {IS_DELEGATED}))'
"""CEL: a dotted name is an address, or somebody outside may answer for it."""
_ENDS_IN_NUMBER = rf"[^0-9A-Za-z_.-]{_NUMBER}[^0-9A-Za-z]*$"
# Other words stand before counts, times and identifiers of that size.
_NUMBER_OF_HOST = (
    r"(?i)(?:host|server|addr|endpoint|ur[il]|proxy|broker)[a-z]{0,6}[\"'\]]{0,3}[ \t]*[=:> \x01]*$"
)
_NUMBER_WITHIN = rf"(?:^|[=:>@,(/\s\x01\"'\[]){_NUMBER}(?:$|[:,/)\"'\]}} \n;])"

# What names a host by its form alone.
_DSN = r"(?:^|[@=\x01])[A-Za-z0-9+]+\([^()\s]*\)/"
"""`user:password@tcp(host:port)/database` of Go's driver of MySQL."""
# rsyslog sends to `*.* @host`, by TCP to `@@host`.
_PASSWORD_AT = rf"(?:[^\s@:/,;\"'\x01]+:[^\s@/\"'\x01]*|[.]\S+[ \t]+@?)@(?:{NAME}|{_NUMBER}\b)"
# Oracle's drivers read a host behind `@//`, and one with a service behind a slash.
_PATH_AT = rf"@(?://)?{NAME}(?::[~a-z0-9_.-]*)?/"
_SEPARATED_PORT = rf"(?:^|[=\x01]){NAME}[,#|;/][0-9]{{2,5}}(?:$|\x01)"
_SHARE = rf"\\\\{NAME}"
_NUMBERS = r"(?:^|[,=\x01])(?:[0-9]{9,10}|0[xX][0-9A-Fa-f]{8})(?::[0-9]{3,5}|/[A-Za-z])"
# In files a path on another host stands at the beginning of a word. In variables and arguments it is read by
# itself (`spellings.py`). `test_x.py::test_y` names a test.
_FORMS_IN_FILES = (
    rf"(?:^|[ \t\"'(,<>])(?:{NAME}:/[a-z0-9]|(?:[a-z0-9_-]+\.){{2,}}[a-z0-9-]+::[a-z0-9]|//{NAME}/[a-z0-9]"
    rf"|/dev/(?:tcp|udp)/{NAME})"
    # A name of three labels, or an address, with a port is no file.
    r"|(?:^|[ \t\"'(,<>=/])(?:[a-z0-9_-]+\.){2,}[a-z0-9-]+:[0-9]{2,5}(?:$|[^0-9a-z:.])"
    # Packages of Python by their address, options of pip, and where the image of a Dockerfile comes from.
    rf"|(?:[a-z0-9\]][ \t]+@[ \t]*|^[ \t]*(?:-[cefir][ \t]*|(?:add|from)[ \t]+(?:--[^ \t]+[ \t]+)*))"
    rf"(?:[a-z+]+://(?:[^\s/@]*@)?{NAME}|{NAME}(?::[0-9]+)?/[a-z0-9])"
)
_STORE_AT = rf"(?:^|[=\x01\s])s3:{NAME}/"
_FORMS = f"{_DSN}|{_PASSWORD_AT}|{_PATH_AT}|{_SEPARATED_PORT}|{_SHARE}|{_NUMBERS}|{_STORE_AT}"
_HAS_FORM_IN_FILES = "[A-Za-z0-9]::?[/A-Za-z0-9]|//|/dev/(?:tcp|udp)/"
_HAS_FORM = r"s3:|@|[,#|;/][0-9]{2}|\\\\|[0-9]{9}|0[xX][0-9A-Fa-f]{8}"
_SIX = r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*"
_SIXES = (
    rf"(?im)\[{_SIX}\]|^{_SIX}[ \t]+[a-z]|[\"' ]{_SIX}(?:[\"'],)? ?[0-9]"
    r"|[a-z0-9_.-]*(?:host|serv|addr|endpoint|proxy|broker|peer|upstream|resolver|dns|remote|target"
    rf"|gateway|ur[il])[a-z0-9_.-]*(?:{_EQUALS})?[ \t\"'\[]*(?:\n[ \t]*-[ \t\"']*)?{_SIX}(?:$|[^0-9a-z/:.])"
)
"""An address of IPv6 in brackets, in a file of hosts, before a port in a call, or behind a word for one."""
_NO_ONE_ELSE = "(?i)^(?:ff|fe)"
"""A group of machines, or what is on the link alone: files of hosts name such for the pod's own system."""
_QUOTED_CLIENT = r"[\"'](?:curl|wget|ncat?|ssh|scp|rsync)[\"', ]"
# `get("https://host")`, `Redis("host")` and `tcp("host")`, SQL's `(host 'name')`, and what holds where a
# variable is not set: `getenv("SERVER", "host")`.
_CALL = (
    rf"(?i)(?:[(]f?[\"'][a-z0-9+.-]+://|(?:client|connection|redis|socket|sockopen|session|host|server"
    r"|connect|tcp|udp|network|syslog|gethostbyname|getaddrinfo|lookup|resolve|dial|ssh|ftp|smtp|https?"
    r"|https?(?:[.]|::)[a-z]+|::http[.](?:get|post|start|new))"
    r"[ (]+(?:[0-9]+, ?)?[\"']|[\"'](?:tcp|udp)[46]?[\"'], ?[\"']"
    r"|(?:host|server|addr|endpoint|ur[il]|proxy|broker)[a-z_]*[\"']"
    rf"(?:, ?(?:default\x02?=)?|[)\]] or )[\"'](?:[a-z0-9+.-]+://)?"
    rf"|{_QUOTED_CLIENT}[^\n]*?)\b{NAME}[\"':/ ]"
)
"""A host within the brackets of a call, or behind a client of the shell that a program calls."""
_CLIENT = (
    r"(?:^|[\x01\s;&|(/])(?:ssh|scp|sftp|nc|ncat|netcat|telnet|curl|wget|ping6?|dig|nslookup|host|drill|rsync"
    r"|socat|l?ftp|s_client|traceroute|mysql|psql|redis-cli|mc|rclone|aria2c"
    r"|autossh|mosh|sshuttle|sshfs|chisel|getent|fping|hping3|iperf3?|crane|oras|regctl|skopeo|restic|kopia"
    r"|borg|duplicity|aws|s5cmd|azcopy|swaks|sendmail|mailx?|mutt|msmtp"
    r"|websocat|wscat|grpcurl|nmap|whois|ldapsearch|mongosh?"
    r"|tftp|ncftp(?:get|put)?|ftp(?:get|put)|lynx|elinks|w3m|axel|xhs?|curlie|mtr|ntpdate|rsh|rlogin|rexec"
    r"|snmp(?:trap|inform|walk|get|set)|nbd-client|gnutls-cli|corkscrew|iodine|(?:consul|serf)[ \x01]+join"
    r"|https?[ \x01]+(?:-[^ \x01]+[ \x01]+)*(?:GET|HEAD|PATCH|POST|PUT|DELETE)"
    r"|cqlsh|sqlcmd|clickhouse-client|bore|frpc|go[ \x01]+(?:run|get|install)"
    # Clouds' own clients of object stores call a host `-e`.
    r"|tosutil|ossutil(?:64)?|obsutil|coscli|bcecmd|s3cmd|cosign|notation|modctl|kit[ \x01]+(?:push|login)"
    r"|(?:docker|podman|buildah|nerdctl|ctr)[ \x01]+(?:images?[ \x01]+)?(?:push|login)|buildctl[ \x01]+build"
    r"|git[ \x01]+(?:clone|fetch|ls-remote|pull|push|remote|submodule))"
    # `host = x` is a setting.
    r"[ \x01]+[^\s\x01\x02=;|&][^\s\x01;|&]*(?:[ \x01]+[^\s\x01;|&]*){0,7}"
)
"""A program that is told a host without a word for it, with the words behind it."""
TUNNEL = (
    r"(?:^|[\x01\s;&|(/])(?:(?:cloudflared[ \x01]+(?:tunnel|access)"
    r"|ngrok[ \x01]+(?:http|tcp|tls|start|tunnel)|az[ \x01]+(?:login|storage|acr)"
    r"|(?:croc|wormhole)[ \x01]+send|tailscale[ \x01]+(?:up|funnel|serve)|code[ \x01]+tunnel|tmate|sshx"
    r"|localtunnel|gdown|gh[ \x01]+(?:api|auth|gist|release|repo|secret|workflow)"
    r"|modelscope[ \x01]+(?:download|login|upload)"
    r"|(?:kaggle|ngc|coscmd|comet|globus|modal|runpodctl|k6[ \x01]+cloud)[ \x01]+[a-z]+"
    r"|ollama[ \x01]+(?:pull|push)[ \x01]+(?:[^\s\x01/.:]+/)?[^\s\x01/;&|]+)"
    r"(?:$|[\x01\s;&|])|(?:gcloud|gsutil|netbird|warp-cli|zrok|upterm|devtunnel)[ \x01]+[a-z-]"
    r"|zerotier-cli[ \x01]+join|k6[ \x01](?:[^;&|\n]*[ \x01])?(?:cloud|(?:-o|--out)[ \x01=]*cloud)\b"
    # The image of a Dockerfile that has no registry's name before it comes from Docker's own.
    r"|(?m:^[ \t]*(?i:from)[ \t]+(?:--[^ \t]+[ \t]+)*[a-z0-9_-]+(?:/[a-z0-9_-]+)?(?::[a-zA-Z0-9]|/[a-z0-9]))"
    r"|[\x01/]tailscaled\b|^tailscaled\b|\bkagglehub[.]"
    # What Cloudflare's image is told, whose entry point is its own client.
    r"|^\x01tunnel\x01(?:[^\x01]*\x01)*run(?:$|\x01))"
)
"""Clients and tunnels that know the address of their service by themselves."""
_CLIENT_OR_CALL = f"(?:{_CLIENT})|(?i:{_CALL.removeprefix('(?i)')})"
# Their topics have dots in them too.
_BROKER = (
    r"(?:^|[\x01\s;&|(/])(?:kcat|kafkacat|nats|mosquitto_[a-z]+|logger|zabbix_sender)"
    r"(?:[ \x01]+[^\s\x01;|&]*){0,8}?[ \x01]+-[bnsz][ \x01]*[^\s\x01;|&]*"
)
"""A client of a message broker, or of a server of logs or measurements, up to the option that names it."""
_QUOTE = "[\"'`]"
_WITHIN_QUOTES = "^[\"'`][^\"'`]*$"
_PROGRAM = r"[^.@:/=> \x01]+[.](?:py|sh|pl|rs|md|zip|so|cc|ps|tf|mk|jl|properties)"
"""A program's name of two labels, whose end is also a top-level domain."""
_LOCAL_WORD = rf"^(?:{_PROGRAM}$|[.~]{{0,2}}/)"
_ENDS_IN_PROGRAM = rf"[=:> \x01\"']{_PROGRAM}[^A-Za-z0-9.]*$"
_WORD_OF_SERVER = "(?i)host|server|addr|endpoint|proxy|broker"
_WORD_OF_HOST = f"{_WORD_OF_SERVER}|ur[il]"
# Rules of alerts, charts and schemas link to what people read.
OF_LINK = (
    "(?i)runbook|docs?[_-]|documentation|licen[cs]e|homepage|help|icon|schema|(?:^|[^-])link"
    "|issues?(?:[^r]|$)|changelog"
)
# Words at the end of a name that say what else than a place it is: `--leader-election-id`, `kafka.topic`.
OF_OTHER = (
    r"(?i:(?:version|label|selector|annotation|taint|resource|serializer|topic|subject|prefix|expression"
    r"|algorithm|(?:^|[._-])(?:id|group|class|module|kind|type|format|file|path|dir|level|exchange|lease|from"
    r"|sender|user|e?mail|queue|build-backend)|resource-?name)s?(?:[._-]key)?)"
    r"|[a-z](?:I[dD]|Group|Class|Module|Kind|Type|File|Path|Lease)s?"
)
# nginx's `server_name` are the names that it answers to itself.
_IS_OTHER = rf"(?:{OF_OTHER})[\"'\]]{{0,3}}[ \t]*\x02?[=:>]?[ \t]*$|^[ \t]*server_name$|(?i:server_domain)\b"
_STORES = "(?:abs|azure[a-z_]*|b2|drive|dropbox|gcs|mega|onedrive|pcloud|s3)"
CLOUD_TYPE = rf"type[\"']?[ \t]*[=: ][ \t]*[\"']?{_STORES}\b"
"""A store of a cloud by its type, in files of rclone, Thanos, Litestream, pgBackRest, Fluentd and others."""
MAY_BE_HOSTED = (
    "type[\"' \t]*[=: ]|_conf|adog|\\bgcs\\b|\\bs3 *[:{]|azure|b(?:ack)?end |engine|connector|seal |authtoken"
    "|tunnel:|channels|xporters|authenticator_class|cloud *[{]"
)
"""What such a type, or a hosted service below, has in it."""
_PROVIDERS = (
    "(?:openai|azure_?openai|anthropic|bedrock|cohere|gemini|groq|mistralai|vertex[a-z_]*"
    "|github|google|microsoft|linkedin|bitbucket-cloud|okta|auth0"
    "|bigquery|snowflake|redshift|dynamodb|kinesis|glue|cloudwatch|stackdriver|pubsub|kendra)"
)
"""Services of clouds and other firms, as files call them by a type, an engine or a connector."""
_MESSENGERS = (
    "slack|pagerduty|opsgenie|victorops|telegram|discord|msteams|msteamsv2|webex|sns|pushover|wechat"
)
_HOSTED = (
    # Keys of Vault that clouds hold, tunnels of Cloudflare and ngrok.
    r"(?im)^[ \t]*seal[ \t]+\"?(?:alicloudkms|awskms|azurekeyvault|gcpckms|ocikms)"
    r"|^tunnel:[ \t]*[\"']?[0-9a-f]{8}-|^[ \t{]*(?:agent:[ \t]*[{])?[ \t]*authtoken:"
    r"|^[ \t-]*[\"'@]?(?:(?:datadog|googlecloud|awsxray|awsemf|awscloudwatchlogs|azuremonitor|coralogix"
    r"|logzio)(?:/[a-z0-9_-]+)?[\"']?:|name[ \t]+(?:datadog|stackdriver|bigquery|nrlogs|cloudwatch|kinesis"
    r"|azure|logdna)|type[\"']?[ \t]*[=: ][ \t]*[\"']?(?:datadog|aws_(?:c|k|sn|sq)|gcp_|new_relic|honeycomb"
    r"|papertrail))"
)
"""Where logs and measurements go, as OpenTelemetry's collector, Fluent Bit and Vector call the service."""
_KNOWN_BY_NAME = (
    (
        rf"(?im)^[ \t-]*(?:{_MESSENGERS})_configs:|^[ \t]*cloud[ \t]*[{{]"
        r"|authenticator_class[ \t]*\x02?=[^\n]*(?:github|google|globus|auth0|okta|azuread|bitbucket|cilogon)"
        r"|^channels:[ \t]*(?:\[|\n[ \t]*-)[^:/]*\b(?:conda-forge|defaults|bioconda|nvidia|pytorch)\b"
    ),
    (
        r"(?im)(?:(?:\b|[_.-])(?:type|engine|connector[._]name|(?:llm|embedding|model)_?provider)"
        r"[\"']?[ \t]*[=:][ \t]*[\"']?(?:[a-z]+[.])*|connector[._]class[\"']?[ \t]*[=:][^\n,}]*)"
        rf"{_PROVIDERS}[a-z]*[\"']?[ \t]*(?:$|[,}}#;])"
    ),
)
_NAMES_ITS_SERVER = (
    r"(?i)(?:api|webhook|duty|base|server|service|token|login)_?url[\"']?[ \t]*\x02?[:=]"
    "|api_base|endpoint|host_?name|channel_alias"
)
"""Services that programs know by a name, such as receivers of Alertmanager, and what names another server."""
# Elastic's cloud is an identifier.
_CLOUD_OF_FILE = (
    rf"(?im)^[ \t-]*[\"'@]?(?:[a-z0-9]+[_-])?{CLOUD_TYPE}[\"']?[ \t]*,?$|\bcloud[._]id[\"']?[ \t]*[=: ]",
    (
        rf"(?im)^[ \t]*(?:backend|object_store|storage_?(?:type|class|backend)?)[\"']?[ \t]*[=: ][ \t]*[\"']?"
        rf"{_STORES}[\"']?[ \t]*(?:$|[{{#,])"
        rf"|(?:^|[{{])[ \t-]*[\"']?(?:gcs|azure(?:blob)?|s3)[\"']?[ \t]*(?::[ \t]*(?:[{{]|#|$)|[{{])"
    ),
)
# restic writes a bucket as `b2:bucket:path`.
_CLOUD = (
    r"(?i)(?:defaultendpointsprotocol|instrumentationkey)="
    r"|(?:^|[=\x01\s])(?:b2|gs|azure|swift|rclone):[a-z0-9][^\s:]*:"
    rf"|\"type\": ?\"{_STORES}\"|(?:^|[\n\x01={{,])[ \t]*type: *{_STORES}(?:$|[\s,}}])"
)
# GitLab's runner calls the server of its cache `ServerAddress`.
_CLOUD_PLACE = r"(?i)(?:endpointsuffix|endpoint|server_?address)(?:[_-]?url)?[\"']?[ \t]*[=: ]"
STORE_STATED = (
    r"(?i)(?:s3|aws|minio|stor)[^\n]*(?:\n[^\n]*){0,4}endpoint(?:[_-]?url)?[\"']?[ \t]*[=: ][ \t]*[\"']?"
    "(?:https?://)?[a-z0-9]"
)
"""A file that states the server of its buckets."""
_DIALLED = r"@[A-Za-z0-9+_-]+\([^()\s]*\)/"
_DIALLERS = "^@(?:tcp|udp|unix)[46]?[(]"
"""Ways of connecting of Go's driver of MySQL; what other ways make of an address nobody can say."""
_ARN = r"\barn:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9-]*:"
_PROJECT = r"\bprojects/[^/\s]+/(?:locations|regions|zones)/[a-z0-9-]+"
GEOGRAPHY = (
    "(?:us|eu|ap|sa|ca|me|af|il|cn|mx|uk|in|jp|kr|au|br|sg|hk|tw|za|fr|nl|pl|de|asia|europe|northamerica"
    "|southamerica|australia|africa)"
)
CLOUD_ZONE = f"{GEOGRAPHY}-[a-z]+(?:[a-z-]*[0-9][a-z0-9-]*|-[a-z])"
"""The form of a cloud's zone: `us-central1-a`, `eu-west-1b`, `fr-par-1`, `cn-hangzhou-h`.

Sources, read 2026-12-01: the lists of zones of AWS, Google Cloud, Alibaba Cloud, Scaleway and IBM Cloud.
"""
_ZONE = rf"""(?im)zones?["'\]]{{0,3}}[ \t]*[=:\x01 ][ \t"'\[]*{CLOUD_ZONE}(?:$|[^a-z0-9.-])"""
_REGION = r"""(?i)regions?["'\]]{0,3}[ \t]*[=:>\x01 ]{1,3}[ \t"'\[]*[a-z]{2,}[a-z0-9]*-[a-z0-9-]+"""

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
PUBLIC_FILE_NAME = r"(?i)\.(?:g[oz]|js|pt|rb|ts)$"
"""A name of `FILE_NAME` for whose end somebody outside may answer; the others are public in no case."""
_MAY_BE_PUBLIC = f"!h.contains('/') && !h.matches({literal(PUBLIC_FILE_NAME)})"
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
    texts = f"{_behind_words(value)} + {_of_forms(value)}"
    if are_commands:
        # A program stands in quotes behind `python -c`, and calls what it connects to.
        texts = f"{texts} + {_of_clients(value)}"
    return f"({_are_permitted_hosts(texts, permitted)} && {are_permitted_regions(value, regions)})"


def are_permitted_by_word(value: str, permitted: str) -> str:
    """Return CEL: every host that a text names by a word is permitted; the first part of `..._named`."""
    return _are_permitted_hosts(_behind_words(value), permitted)


def are_permitted_behind_blanks(value: str, permitted: str) -> str:
    """Return CEL: every host behind a dotted name and blanks, as in `db.host = x`, is permitted."""
    has_key = f"{value}.matches({literal(_SPACED_KEY)})"
    return f"(!{has_key} || {_are_permitted_hosts(_behind_words(value, _SPACED), permitted)})"


def with_spaced_key(name: str, value: str) -> str:
    """Return CEL for a text behind its name; and for it alone, where its first words may be a name too."""
    # So may that of an option: `--sink.host x`.
    is_spaced = f"{value}.matches({literal(_SPACED_NAME)})"
    return f"([{name} + {literal(IS)} + {value}] + ({is_spaced} ? [string({value})] : []))"


def with_code_marks(value: str, is_code: str) -> str:
    """Return CEL for a text whose signs of assignment are marked where it is a program.

    In a program `server = app.run` names a variable or a function; hosts are in quotes.
    """
    marks = "".join(f".replace({literal(old)}, {literal(new)})" for old, new in _MARKS)
    return f"({is_code} ? {value}{marks} : {value})"


def are_permitted_by_form(value: str, permitted: str) -> str:
    """Return CEL: every host that a file names by its form is permitted; the second part of `..._named`."""
    has_path = f"{value}.matches({literal(_HAS_FORM_IN_FILES)})"
    paths = f"({has_path} ? {value}.findAll({literal('(?im)' + _FORMS_IN_FILES)}) : [])"
    return _are_permitted_hosts(f"{_of_forms(value)} + {paths}", permitted)


def are_sixes_own(value: str) -> str:
    """Return CEL: every address of IPv6 that a file names as a host is one of the pod itself.

    Of IPv6 no other way out can be declared.
    """
    found = f"{value}.findAll({literal(_SIXES)}).map(m, m.findAll({literal(_SIX)})[0])"
    own = f'p in ["::", "::1"] || p.matches({literal(_NO_ONE_ELSE)}) || !{is_six("p")}'
    return f"(!{value}.matches({literal(MAY_BE_SIX)}) || {found}.all(p, {own}))"


def are_permitted_in_calls(value: str, permitted: str) -> str:
    """Return CEL: every host within the brackets of a call in a program is permitted."""
    may_call = f"({value}.contains('(') || {value}.matches({literal(_QUOTED_CLIENT)}))"
    calls = f"({may_call} ? {value}.findAll({literal(_CALL)}) : [])"
    return _are_permitted_hosts(calls, permitted)


def are_permitted_to_clients(value: str, permitted: str) -> str:
    """Return CEL: every host that a client in a script is told is permitted."""
    return _are_permitted_hosts(_of_clients(value, _CLIENT), permitted)


def _are_permitted_hosts(texts: str, permitted: str) -> str:
    """Return CEL: every host in some texts is permitted."""
    return f"({texts}).all(t, ({_NAMES_OF} + {_NUMBERS_OF}).all(h, {permitted}))"


def _behind_words(value: str, settings: str = _NAMED) -> str:
    """Return CEL for what stands behind each word for a host in a text.

    Args:
        value: expression of the text.
        settings: the settings that are looked for, as a regular expression.
    """
    head = f"m.findAll({literal(_HEAD)})[0]"
    of_word = "m.substring(size(n))"
    is_outside = f"!m.findAll({literal(_DOTTED)}).all(h, h.matches({literal(_INSIDE)}))"
    may_lead_out = f"({is_outside} || m.matches({literal(_ENDS_IN_NUMBER)}))"
    is_host = f"(!m.matches({literal(_ENDS_IN_NUMBER)}) || n.matches({literal(_NUMBER_OF_HOST)}))"
    is_program = f"(m.matches({literal(_ENDS_IN_PROGRAM)}) && !n.matches({literal(_WORD_OF_HOST)}))"
    is_quoted = f"({of_word}.matches({literal(_QUOTE)}) || n.matches({literal(_WITHIN_QUOTES)}))"
    is_code = f"(n.contains({literal(CODE)}) && !{is_quoted})"
    # Nobody reads a server: `licence.server` is asked by a program, `licence.url` is a link.
    is_link = f"(n.matches({literal(OF_LINK)}) && !n.matches({literal(_WORD_OF_SERVER)}))"
    is_other = f"{is_program} || n.matches({literal(_IS_OTHER)}) || {is_link}"
    is_named = f"n.matches({literal(WORDS)}) && {is_host} && !({is_other} || {is_code})"
    # The name before the value is long to find, and so found once.
    heads = f"{value}.findAll({literal(settings)}).filter(m, {may_lead_out})"
    return f"{heads}.map(m, [{head}].filter(n, {is_named}).map(n, {of_word}).join(''))"


def _of_forms(value: str) -> str:
    """Return CEL for what names a host by its form, or by an option of one letter."""
    of_options = f'({value}.contains("-") ? {value}.findAll({literal(_SHORT)}) : [])'
    forms = f'{value}.findAll({literal("(?im)" + _FORMS)}).map(m, m.findAll("[^@]*$")[0])'
    return f"{of_options} + ({value}.matches({literal(_HAS_FORM)}) ? {forms} : [])"


def takes_reference(value: str, mark: str) -> str:
    """Return CEL: a client in a command takes a reference to a variable as an argument.

    Args:
        value: expression of the command.
        mark: regular expression of what stands behind the references that count.
    """
    begins = rf"[ \x01][$][(][^$ \x01]*{mark}"
    return f"{value}.findAll({literal(_CLIENT)}).exists(m, m.matches({literal(begins)}))"


def _of_clients(value: str, pattern: str = _CLIENT_OR_CALL) -> str:
    """Return CEL for the arguments of clients in a command.

    Args:
        value: expression of the command.
        pattern: a client with its arguments, as a regular expression.
    """
    clients = f"{value}.findAll({literal(pattern)}).map(m, m.replace({literal(BETWEEN)}, ' '))"
    words = f"{clients}.map(m, m.split(' ').filter(w, !w.matches({literal(_LOCAL_WORD)})).join(' '))"
    brokers = f'{value}.findAll({literal(_BROKER)}).map(m, m.findAll("[^ \\x01]*$")[0])'
    return f"{words} + {brokers}"


def are_permitted_regions(value: str, regions: str = "$regions") -> str:
    """Return CEL: every region, and every resource of a cloud, that a text names is permitted."""
    in_region = f'm.findAll("[A-Za-z0-9-]+$")[0] in {regions}'
    are_regions = f"{value}.findAll({literal(_REGION)}).all(m, {in_region})"
    zone = 'm.findAll("[A-Za-z0-9-]+[^A-Za-z0-9-]?$")[0].findAll("[A-Za-z0-9-]+")[0].lowerAscii()'
    are_zones = f"{value}.findAll({literal(_ZONE)}).all(m, {is_zone_of(zone, regions)})"
    return f"({are_regions} && {are_zones} && {_are_permitted_clouds(value, regions)})"


def is_zone_of(value: str, regions: str) -> str:
    """Return CEL: a text is one of some regions, or a zone of one: `eu-west-1b`, `europe-west4-b`."""
    is_end = f'{value}.substring(size(r)).matches("^(?:-?[a-z])?$")'
    return f"{regions}.exists(r, {value}.startsWith(r) && {is_end})"


def files_store_has_place(value: str) -> tuple[str, ...]:
    """Return CEL: a file names no store of a cloud, or of another service, without a place of its own.

    In parts, of which each is looked for in the time that the API server gives an expression.
    """
    has_place = f"{value}.matches({literal(_CLOUD_PLACE)})"
    return tuple(f"(!{value}.matches({literal(store)}) || {has_place})" for store in _CLOUD_OF_FILE)


def names_no_hosted_service(value: str) -> tuple[str, ...]:
    """Return CEL: a file sends no logs, measurements or alerts to a service that is known by its name.

    In parts, of which each is looked for in the time that the API server gives an expression.
    """
    is_stated = f"{value}.matches({literal(_NAMES_ITS_SERVER)})"
    named = (f"(!{value}.matches({literal(known)}) || {is_stated})" for known in _KNOWN_BY_NAME)
    return f"!{value}.matches({literal(_HOSTED)})", *named


def _are_permitted_clouds(value: str, regions: str) -> str:
    """Return CEL: a text names no resource of a cloud but in a permitted region."""
    # Without a place of its own a cloud's default applies.
    is_default = f"({value}.matches({literal(_CLOUD)}) && !{value}.matches({literal(_CLOUD_PLACE)}))"
    in_location = f'm.findAll("[a-z0-9-]+$")[0] in {regions}'
    of_project = f"{value}.findAll({literal(_PROJECT)}).all(m, {in_location})"
    is_dialled = f"{value}.findAll({literal(_DIALLED)}).all(m, m.matches({literal(_DIALLERS)}))"
    is_known = f'(!{value}.contains("@") || {is_dialled})'
    projects = f'(!{value}.contains("projects/") || {of_project})'
    resources = are_permitted_resources(value, regions)
    return f"(!{is_default} && {is_known} && {resources} && {projects})"


def are_permitted_resources(value: str, regions: str) -> str:
    """Return CEL: every resource that a text names by Amazon's name for it is in a permitted region."""
    in_region = f'm.split(":")[2] != "s3" && (m.split(":")[3] == "" || m.split(":")[3] in {regions})'
    return f'(!{value}.contains("arn:") || {value}.findAll({literal(_ARN)}).all(m, {in_region}))'
