r"""Kinds that no rule knows: which of them send data out of the cluster, by their shape.

In the zones every such kind is refused, unless it is listed. In other namespaces, and outside namespaces,
operators of all sorts define custom resources, and most of them send nothing out. One that does is recognized
by the name of its group or kind, by a host in a field named after a server, or by a bucket without its
endpoint. To list a kind for a zone permits its objects there, and no host: their fields are read in the same
way there.

The fields of an object are read as one text, a line each: `Setting.value=s3://backups@us-east-1/`. Lists add
nothing to the name, so that a line reads as a setting does.
"""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.named_hosts import BETWEEN, GEOGRAPHY, IS_DELEGATED, is_zone_of
from sovereign_ai.rules.places.spellings import LETTER

_MAX_DEPTH = 12
"""Lists and mappings within each other that are read; what lies deeper is not."""
_HALF_DEPTH = _MAX_DEPTH // 2

_EGRESS_KINDS = (
    # Clouds and services that set up what lies there.
    r"(?:^|[.-])(?:aws|amazonaws|azure|gcp|google|googleapis|gke|aliyun|alibabacloud|tencentcloud|ovh"
    r"|scaleway|hetzner|digitalocean|linode|terraform|opentofu|pulumi|crowdstrike|ibmcloud"
    r"|oraclecloud"
    r"|vultr|exoscale|upcloud|civo|stackit|cloudflare|fastly|akamai|aiven|snowflake|databricks|doppler"
    r"|onepassword|akeyless|snyk|wiz|sysdig|honeycomb|pagerduty|opsgenie|launchdarkly|skypilot|multicluster"
    r"|grafana[.]com/(?:Loki|Tempo)Stack|[a-z0-9]+[.][a-z0-9]+[.]crossplane|atlas[.]mongodb"
    r"|actions[.](?:github|summerwind))(?:[.-]|/|$)"
    # Words for what is copied or sent elsewhere, whole as kinds are written.
    r"|/[A-Za-z0-9]*(?:Mirror|MirrorMaker[0-9]?|Push[A-Z][A-Za-z]*|Offloading|Export|Exporter|Forwarder"
    r"|LogPipeline|MetricPipeline|TracePipeline|RemoteWrite|Terraform|OpenTofu|Federation|Shovel|ClusterLink"
    r"|ShadowLink|Peering[A-Za-z]*|EgressNetwork|RemoteCluster|ActiveActiveDatabase|HCPAuth"
    r"|Egress(?:Gateway)?Policy|[A-Za-z]*Tunnel|[A-Za-z]*VPN[A-Za-z]*|Wire[gG]uard[A-Za-z]*"
    r"|Couchbase[A-Za-z]*Replication"
    r"|Replication(?:Group|Source|Destination|Plan|Policy))$"
)
"""API groups and kinds of what sends out, as `group/Kind`."""
_SERVER_WORDS = (
    r"(?:endpoints?|proxy|servers?|brokers?|bootstrap|addr|address(?:es)?|backend|webhook|sink"
    r"|destination|scaler"
    r"|collector|targets?|remote|peer|seed[a-z]*|dest|forward[._-]?to|upstream|host[._-]?(?:api|base)"
    r"|issuers?|bucket[._-]?host)s?"
)
_SERVER_SUFFIX = r"(?:[._-]?(?:ur[il]s?|host(?:name)?s?|name|fqdn|dns(?:orip)?|value|servers?|address|ips?))*"
_SERVER_FIELD = (
    rf".*{_SERVER_WORDS}{_SERVER_SUFFIX}(?:[ /][^=\n]*)?"
    # A host alone may be a name under which the object itself is served.
    r"|.*(?:backend|connection|database|exporter|external|output|redis|remote|sink|smtp|storage|upstream)"
    r"[^=\n]*[.]host(?:name)?(?:[.]value)?"
    # The field around it names the server: `ldap.hostname`.
    r"|.*[.][^.=\n]*(?:amqp|broker|cache|elastic|git|graphite|graylog|influx|kafka|ldap|logstash|loki|maria"
    r"|mongo|mqtt|mysql|nats|opensearch|postgres|primary|rabbit|replica|source|sql|standby|statsd|syslog"
    r"|vault)[^.=\n]*[.](?:host(?:name)?|ur[il])(?:[.]value)?"
    # Identifiers of resources link to no document.
    r"|.*(?:uri|ur[il][._-]name|output[^=\n]*[.]image|external[a-z]*nodes?[.]name)"
    # A URL is only one of a server if something around it says so: many kinds link to their own documents.
    rf"|.*(?:{_SERVER_WORDS}|push|write|auth|token|jwks|backup|mirror|export|forward|notif|alert|store"
    r"|trigger"
    r"|ingest|discover|oidc|openid|idp|saml|sso|http[._-]?(?:api)?)[^=\n]*(?:ur[il]|path)(?:[.]value)?"
    # Dapr calls the URL of a server by that alone.
    r"|component[.]spec[.]metadata[.]ur[il][.]value"
    r"|.*[.]clients?[.]ur[il]"
    r"|.*[.][^=.\n]*(?:service|client[._-]?config|connect|controller|graphql|subscriber|callback"
    r"|external[^=\n]*[.]|gitea|gitlab|github[a-z]*config)[^=\n]*ur[il]|[a-z]*(?:connection"
    r"|contactpoint|datasource|provider|registry)[.]spec[.][^=\n]*ur[il]"
)
PROGRAM_SCHEMES = (
    "(?:nfs|cifs|smb|rsync|sftp|ftps?|ssh|rediss?|amqps?|mqtts?|nats|kafka|mongodb(?:[+]srv)?|mysql|mariadb"
    "|postgres(?:ql)?|grpcs?|tcp|udp|tls|syslog|ldaps?|wss?|hdfs|webhdfs|thrift|pulsar(?:[+]ssl)?|bolt|neo4j"
    "|spark|zk|zookeeper|etcd|stomp|iscsi|nvmf|socks5h?|couchbases?|clickhouse|sqlserver|oracle|mssql)"
)
"""Schemes of URLs that no browser opens, so that they are no link to something to read."""
_PORT = r"(?:[a-z0-9_-]+[.])+[a-z0-9-]+:[0-9]{2,5}"
_SERVER_LINE = (
    f"(?im)^(?:{_SERVER_FIELD})=.*(?:\\n .*)*$|^.*=(?:[a-z0-9]+:)*{PROGRAM_SCHEMES}://.*$"
    # Variables of the operator's own pods are read by whatever runs in them.
    "|^.*env[a-z]*[.](?:.*[.])?value=[a-z0-9+.-]+://.*$"
    # An object that is a setting by itself.
    "|^[a-z]+[.]value=[a-z0-9+.-]+://.*$"
    # A step, or a service, that something is sent to may be a URL itself.
    "|^.*(?:[.]to|service|authority|discovery|well[._-]?known)=[a-z0-9+.-]+://.*$"
    # A name with a port is a server, whatever the field.
    f"|^.*=(?:{_PORT}[ ]*,?[ ]*)+$"
)
_HOST_LINE = r"(?im)^.*host(?:[._-]?name)?s?(?:[.]value)?=.*$"
_INGRESS_WORDS = (
    "ingress|route|gateway|listener|exposed?|exposure|public|domain|advertised?|horizon|access|web|ui|console"
    "|dashboard|portal|redirect|virtualHost|virtualServer|virtualService|hostAlias|httpGet|tcpSocket|rule"
)
_CAPITALIZED_INGRESS_WORDS = "|".join(f"{word[0].upper()}{word[1:]}" for word in _INGRESS_WORDS.split("|"))
# Whole words of the field's name: neither `pushgateway`, `webhook`, `router`, nor what a host is called.
_INGRESS_LINE = (
    rf"^[^=\n]*[^A-Za-z=\n](?i:{_INGRESS_WORDS})(?:s|es)?[^a-z]"
    rf"|^[A-Za-z0-9]+[.][^=\n]*[A-Za-z0-9](?:{_CAPITALIZED_INGRESS_WORDS}|UI)(?:s|es)?[^a-z]"
    r"|^[A-Za-z0-9]*(?:Ingress|Route|Gateway|Listener|Domain|Virtual(?:Host|Server|Service))(?:s|es)?"
    r"[A-Z0-9.]"
    r"|(?i:[._-](?:acl|user|grant)s?[.]hosts?(?:[.]value)?=|tls[a-z]*[._-]?hosts?(?:[.]value)?=)"
    r"|^[^=\n]*[.]host[nN]ame="
    r"|^[A-Za-z0-9]+[.]spec[.]hosts?="
)
"""Fields of a host under which the object itself is served, or from where clients come."""
_TELEMETRY_LINE = r"(?i)^[^=\n]*(?:push[._-]?gateway|access[._-]?log|[._-](?:audit|sys)?log(?:s|ging)?[.])"
"""Fields of a host that measurements and logs go to, although one of those words stands there."""
# Letters of every alphabet, and full stops that resolvers read as one.
_DOT = "[.\u3002\uff0e\uff61]"
_NAME = rf"(?:{LETTER}+{_DOT})+{LETTER}+"
_HOST = (
    r"(?:[=,;()>\"'@ \t\n|{}\[<]|//+|[*][.]|:-|\b(?:https?|ipv4|dns|srv):[/\\]*)"
    r"(?:[^ /@,=\"'(]*@)?(?:[a-z]+[(])?"
    rf"{_NAME}{_DOT}?(?:[^A-Za-z0-9_.-]|$)"
)
"""A host with a dot in it, at the beginning of a word, behind a scheme, or behind a name."""
_BRACKETED_IPV6 = r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]"
_INTEGER_ADDRESS = r"(?i)://(?:[^/@\s]*@)?(?:0x[0-9a-f]+|[0-9]{8,11})(?:[:/?#,\s]|$)"
"""An address as one number in a URL."""
_ADDRESS = r"[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*"
_RANGE = (
    rf"(?:=|,)[ ]*(?:{_ADDRESS}/[0-9]{{1,3}}|{_ADDRESS}[ ]*-[ ]*{_ADDRESS}"
    r"|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f.:]*)[ ]*(?:,|$)"
)
"""A range of addresses by its length or both ends, or an address of IPv6: a whole value, or between commas.

MetalLB reads both forms of a range, with blanks around the hyphen (its `ParseCIDR`, read 2026-11-28).
"""
_RANGE_ENDS = r"[0-9A-Fa-f.:]+(?:/[0-9]+)?"
_STORE_SCHEMES = (
    "(?:s3[an]?|gs|gcs|azure|azblob|az|wasbs?|abfss?|adls?|oss|cosn?|obs|bos|tos|ks3|swift|b2|r2|hf"
    "|huggingface|ngc|kaggle|modelscope|dbfs|gdrive|dropbox|onedrive|lakefs|ollama|ipfs|wandb|comet|neptune)"
)
_HUB = "(?:hf|hugging[._-]?face|modelscope|kaggle)"
_BUCKET_URL = (
    rf"(?im)^.*(?:=(?:{_STORE_SCHEMES}://[^\s/]|(?:[a-z0-9_-]+:)?(?:s3|gcs|azure|{_HUB}):[a-z0-9])"
    r"|[.](?:provider|type|driver|backend|cloud)=(?:s3|aws)$"
    # A hub of models needs no address: by its name, or by that of the field which says what lies there.
    r"|[.](?:provider|type|backend|downloader|repo(?:sitory)?|(?:model)?[._-]?(?:hub|source|registry))"
    rf"={_HUB}$"
    rf"|[.](?:model[._-]?hub|ngc|{_HUB})[.](?:model|repo|dataset|source|uri)[a-z_-]*=[a-z0-9]"
    r"|[.](?:model[._-]?id|base[._-]?model|pretrained)(?:[.]value)?=[a-z0-9_-]+/[a-z0-9._-]+"
    rf"|[.]{_HUB}(?:[._-]|hub|models?|repo(?:sitory)?|dataset|id|name|path|ref|source|uri)*=[a-z0-9]).*$"
)
_URL_OR_REGISTRY_LINE = (
    r"(?im)^.*=[a-z0-9+.-]*://.*$"
    r"|^.*(?:ur[il]|registr(?:y|ies)|[.]api)(?:[._-]?(?:name|host|server|value))*=.*$"
    # An image, or a package in the form of one, with the name of a registry before it.
    r"|^.*(?:image|bundle|package|repository|tag)(?:[._-]?(?:name|ref|value))*"
    r"=(?:[a-z0-9_-]+[.])+[a-z0-9-]+(?::[0-9]+)?/.*$"
    # An address by itself, as `public_ip`.
    r"|^.*ips?=[0-9].*$"
    # A user at a host with a port or a path: of Git, of Oracle's drivers, of Go's.
    r"|^.*@(?:[a-z0-9]+[(])?(?:[a-z0-9_-]+[.])+[a-z0-9-]+[:/)].*$"
)
"""Of a kind that is listed for a zone: every URL, and what is called after one, or after a registry."""
_PROSE = r"(?i)(?:description|summary|comment|notes?|title|message)="
_COMMAND_LINE = "(?im)^.*[.](?:args?|arguments|cmd|command|entry[._-]?point)=.*$"
"""The words of a command, each a line of its own."""
_NAME_LINE = r"(?im)^.*=(?:[a-z0-9_-]+[.])+[a-z]{2,}[.]?(?::[0-9]{1,5})?$"
"""A field that is a dotted name: a host, a class, a group of an API, a file."""
_NO_HOST_LINE = (
    r"(?i)(?:name|key|column|table|schema|field|query|expr[a-z]*|metric|index|driver"
    r"|provision[a-z]*|domain|san"
    r"|image|repository|tag|plugin|finalizer|controller|secret|scope|event|rule|verb"
    r"|permission|realm|audience"
    r"|function|extension|param[a-z]*|attribute|claim|package|logger|code|version|label|annotation|topic"
    r"|subject|prefix|id|group|class|module|kind|type|format|file|path|from|sender|user|mail|queue|lease"
    r"|taint|resource|serializer|selector)(?:e?s)?(?:[.]value)?=|=(?:com|dev|io|java|net|org)[.]"
    r"|[.](?:cc|g[oz]|jl|js|md|mk|pl|ps|pt|py|rb|rs|sh|so|tf|ts|zip)$"
)
"""A field whose name or form says that its dotted name is no host."""
_DOCUMENT_LINK = (
    r"(?i)[.](?:docs?|documentation|help|home|icon|logo|runbook|licen[cs]e|issues?|changelog|links?|support"
    r"|[$]?schema|dashboard|(?:public|external|redirect|root)[._-]?ur[il])[a-z._-]*="
)
"""Fields of what people read, and of an object's own address."""
_STORE_ENDPOINT = r"(?i)[.][^.=]*(?:endpoint|server|host|ur[il])[^.=]*=[^\s]"
_REGION_LINE = (
    r"(?im)^.*regions?(?:[._-]?(?:name|id|value))?=[^\s].*$"
    r"|^.*(?:zone|location|data[._-]?cent(?:er|re)|failure[._-]?domain)s?(?:[._-]?(?:name|id|value))?"
    rf"={GEOGRAPHY}-[a-z]+[a-z0-9-]*$"
)
"""A region, or what has the form of a cloud's region or zone in a field that is called after a place."""
_STORAGE_CLASS_LINE = (
    r"(?im)^.*storage[._-]?class(?:[._-]?name)?=[^\s].*$"
    r"|^.*[.](?:storage|persist[a-z]*|volume)[.]class=[^\s].*$"
)
"""A storage class, by the field's name; Strimzi's and others' is called `class` below a storage."""
_S3_STORAGE_CLASS = "^[A-Z0-9_]*$"
"""A class of S3's objects, such as `STANDARD_IA`: where they lie is said by their server."""
_BUCKET_GRANT = r"(?i)capabilit[^=]*=|^ObjectBucketClaim[.]"
_BUCKET = r"(?im)^.*bucket(?:[._-]?name)?(?:[.]value)?=[^\s].*$"
# Clients of these services have their addresses built in.
_HOSTED_SERVICES = (
    "slack|msteams|googlechat|pagerduty|opsgenie|telegram|discord|webex|victorops|newrelic|twilio|sendgrid"
    "|datadog|bigquery|snowflake|redshift|kinesis|firehose|sqs|sns|eventhubs?|eventgrid"
    "|servicebus|cloudwatch|stackdriver"
    "|googlecloud|google_?cloud_?(?:pubsub|monitoring|logging)|aws[-_]?(?:xray|emf)|azure_?monitor|honeycomb"
    "|lightstep|loggly|sumologic|logdna|axiom|papertrail|ccloud"
)
_HOSTED_SERVICE_LINE = (
    # A collector's pipeline names what it sends to, which may have no settings.
    r"(?im)[.](?:provider|type|driver|backend|cloud|destination[._-]?type|exporters?|outputs?"
    r"|sinks?|destinations?|receivers?)="
    r"(?:azure(?:[-_][a-z_-]+)?|azblob|azureblob|gcs|gcp|google|google_storage|gcpckms|akeyless"
    r"|aws[-_][a-z_-]+"
    rf"|(?:{_HOSTED_SERVICES})[a-z_]*(?:/[a-z0-9_-]+)?|bindings[.](?:aws|azure|gcp)[.].*"
    r"|(?:state|pubsub|secretstores)[.](?:aws|azure|gcp|snssqs)[.]?.*)$"
    rf"|(?:[.]|^ +)(?:{_HOSTED_SERVICES})(?:_?configs?|_?receivers?|stream)?"
    r"(?:[.][^=\n]*=[^\s]|(?:/[a-z0-9_-]+)?:[ ]*$)"
    r"|[.]aws[.](?:s3|sqs|sns|ddb[a-z]*|event[a-z]*)[.]|[.]azure_?storage[.]"
    r"|^Connector[.]type=(?:bitbucket-cloud|github|gitlab|google|linkedin|microsoft)$"
    # Catalogues and forges that Tekton's resolvers ask.
    r"|[.]resolver=hub$|[.]scm_?type(?:[.]value)?=(?:azure|bitbucket-cloud|github)$"
    # Other clusters by their names.
    r"|[.]cluster[._-]?(?:names|affinit(?:y|ies)[^=\n]*)=[^\s]|[.]placement[.]clusters[^=\n]*=[^\s]"
    # Another cluster by the name of its entry in a configuration of clients.
    r"|[.](?:k8s|kube)[._-]?(?:context|config(?:[._-]?secret)?(?:[._-]?ref)?(?:[._-]?name)?)=[^\s]"
    r"|[.]obj(?:ect)?[._-]?(?:storage|store)[._-]?config[.]name=[^\s]"
    # An account, or an identifier, that is a part of a cloud's host.
    r"|[._-](?:cloud[._-]?id|storage[._-]?account(?:[._-]?name)?)=[^\s]"
)
"""Services, clusters and stores outside by what they are called, where no address is needed."""
# Each by the names that K8sGPT, kagent, kgateway, agentgateway and Ark have for it (read on 2026-12-01).
_MODELS = (
    "(?:(?:azure|amazon|aws|google|ibm)?[._-]?(?:open[._-]?ai|bedrock[a-z]*|sagemaker|anthropic[a-z]*"
    "|gemini[a-z]*|vertex[._-]?ai|watsonx(?:ai)?)|claude|cohere|deepseek|fireworks(?:ai)?|groq|mistral(?:ai)?"
    "|openrouter|perplexity|together(?:ai)?|voyage(?:ai)?|xai)"
)
# A type may be that of a model, such as `mistral`.
_MODEL_LINE = (
    rf"(?im)^.*(?:[.](?:provider|backend|vendor|llm)(?:[._-]?(?:name|type))?={_MODELS}"
    r"|[.]type=(?:azure)?[._-]?(?:open[._-]?ai|anthropic|bedrock|gemini|vertex[._-]?ai))$"
)
_MODEL_BY_KEY = (
    rf"(?im)^.*[.](?:llm|ai|modules|providers?|backends?)[.](?:[a-z0-9]+-)?{_MODELS}[.][^=\n]*=[^\s].*$"
)
"""A service that answers with a model, by its name or by the field that says how to ask it."""
_MODEL_SERVER = (
    r"(?im)^.*[.][^.=\n]*(?:base[._-]?ur[il]|api[._-]?base|endpoint|host|server|address|ur[il])[^.=\n]*"
    r"(?:[.]value)?=[^\s].*$"
)
"""Where such a service is called: many programs speak the language of one, and are inside."""
_REPLICATION_PEER = (
    r"(?im)[.](?:mirroring|replication)[A-Za-z0-9._-]*[.]peers?[.][A-Za-z0-9._-]*=[^\s]"
    r"|[.](?:mirror|sources)[.]external[A-Za-z.]*=[^\s]"
    # VolSync's copies go where a Secret says.
    r"|[.](?:restic[.]repository|rclone[.]rclone[a-z]*)=[^\s]"
)
"""Another site that what is stored is copied to, by the name of what leads there, such as a Secret."""
_STORE_LINE = r"(?im)^[A-Za-z0-9]+[.].*(?:endpoint|server|host|s3[._-]?url).*=[^\s]"
_SHARED_STORE_ENDPOINT = r"(?i)(?:s3|fs|gs|blob|minio|object|storage|store|bucket)[^=\n]*endpoint[^=\n]*="
"""Where a store is, wherever the bucket stands: Hadoop's `fs.s3a.endpoint`, Flink's `s3.endpoint`."""


_SERVER_SETTING_WORDS = (
    rf"(?:{_SERVER_WORDS}|[a-z0-9]+[._-]?hosts?(?:[._-]?names?)?|[a-z0-9._-]*ur[il]s?){_SERVER_SUFFIX}"
)
_SETTING = (
    r"(?i)(?:[ \t<\"'{,;=(-][a-z0-9_.-]*{0}[\"']?[ \t]*[:>]|[ \t<\"'{,;=(-][a-z0-9_-]*{0}[\"']?[ \t]*=)"
    r"(?:[ \t]*\[(?:[^\]\n]|\n )*\]|[^,;}<\n]*)(?:\n[ \t]+-[ \t][^\n]*)*"
)
_SERVER_SETTING = _SETTING.replace("{0}", _SERVER_SETTING_WORDS)
_HOST_SETTING = _SETTING.replace("{0}", "hosts?")
"""A setting within a text, such as a file of values, XML or JSON, and what it says."""
_PROXY_DIRECTIVE = r"(?im)(?:\b[a-z]+_pass|^ +(?:endpoint|host|ur[il]))[ \t]+[^;\s]+"
"""Where nginx passes requests on to, and what a line of Fluentd's settings begins with."""
_ROUTING_DIRECTIVE = (
    r"(?i)(?:^|[=\s;{])(?:neighbor|peer|nexthop|next-hop|gateway|via|listen[ \t]+range"
    r"|ip(?:v6)?[ \t]+route[ \t]+[0-9a-f:./]+)[ \t]+[0-9a-f]*[.:][0-9a-f:.]*(?:/[0-9]+)?"
)
"""Whom a router's own configuration speaks or sends to: FRR's and BIRD's, as FRR-K8s takes it in `raw`."""
_LINK_SETTING = (
    r"(?i)^[^:=>]*(?:docs?|documentation|help|home|link|icon|logo|runbook|licen[cs]e|issue|dashboard|download"
    r"|schema|source|sites?|reference|repo[a-z]*|support|redirect|root|self|public|external[._-]?|base)"
    r"[._-]*ur[il]s?[^:=>]*[:=>]"
)
_INGRESS_NAME_LINE = (
    r"(?i)redirect[^=]*=|[.]root[._-]?url=|[.]listeners?[.]configuration[.][^/=]*="
    r"|^Gateway[.]spec[.]servers[.]hosts="
    r"|issuers?=[a-z]{1,2}=|=admission[.]k8s[.]gatekeeper[.]sh$"
)
"""Where clients are sent, hosts of gateways of Istio, where Kafka's listeners are reached,
a name of X.509, and what templates of Gatekeeper are for.
"""
_INGRESS_TEXT = "(?i)ingress|virtual[._-]?(?:host|server)|route|gateway"
_FIELD_LINES = r"(?m)^[^ \n][^\n]*(?:\n [^\n]*)*"
"""A field with all lines of its text."""
_COMMENT = r"^(?:[A-Za-z0-9._-]*=)?[ \t]*(?:#|//|;)"


_IN_ZONE = '(variables.known && variables.zone != "")'
# The system namespace is known, and has no zone.
_IS_LISTED_KIND = (
    '$allowed_kinds.exists(a, a[0] == (variables.known ? variables.zone : "") && a[1] == variables.key)'
)
IS_KNOWN_OR_LISTED = f"size($residency_zones) == 0 || variables.known_kind || {_IN_ZONE} || {_IS_LISTED_KIND}"
"""CEL: an object is of a kind that rules know, or is listed for all, or is in a zone."""
_IS_EXEMPT = f"size($residency_zones) == 0 || variables.known_kind || {_IN_ZONE} != {_IS_LISTED_KIND}"
"""CEL: the fields of an object are not read here.

In a zone those of a listed kind are, since one that is not listed is refused; elsewhere to list a kind lifts
all of this.
"""


def parts_of_unknown_kinds(private: Iterable[str]) -> dict[str, str]:
    """Return named parts for kinds that no rule knows: their fields, and the ranges that are inside.

    Args:
        private: the ranges that no public network routes.
    """
    return {
        "known_kind": "variables.key in $known_kinds",
        # An object of a kind that is known is judged by its rules, and has no text here.
        "opened": f"({_IS_EXEMPT}) ? [] : {_flattened_fields()}",
        "reachable": f"{_IN_ZONE} ? variables.outside : $outside.map(g, g[1])",
        "leaves": f'{flattened_lines("variables.opened")}.join("\\n")',
        **_model_parts(),
        "scripts_of_listed": _listed_kind_scripts(),
        "targets": f"{_server_lines()} + {_host_lines()} + {_embedded_settings()}"
        f" + {_listed_kind_lines()} + variables.model_servers",
        "ranges": f"{literal(list(private))} + variables.reachable.filter(g, isCIDR(g))",
    }


def _flattened_fields() -> str:
    """Return CEL for the fields of an object, each behind its name, opened to half the depth."""
    # A report is what a scanner found, and full of links.
    apart = literal(["apiVersion", "kind", "metadata", "report", "status"])
    fields = f'dyn(object).filter(f, !(f in {apart})).map(f, [dyn(object.kind + "." + f), dyn(object)[f]])'
    return flattened_pairs(fields)


def _field_name(value: str) -> str:
    """Return CEL for the name of a field `k` of a mapping: a pair's value is called after the pair too."""
    is_of_pair = f'k in ["default", "value"] && "name" in {value} && type({value}["name"]) == string'
    return f'({is_of_pair} ? string({value}["name"]) + ".value" : k)'


def flattened_pairs(pairs: str) -> str:
    """Return CEL for some values opened to half the depth: lists within each other, pairs in the innermost.

    Each list or mapping is opened once at each depth, so that the expression grows with the depth alone. The
    API server wants both members of a pair to be of one type, which `dyn` makes them.

    Args:
        pairs: expression of the values, each behind its name.
    """
    text = _flattened(_HALF_DEPTH - 1)
    for depth in reversed(range(_HALF_DEPTH - 1)):
        text = f"{_flattened(depth)}.map(p{depth + 1}, {text})"
    return f"{pairs}.map(p0, {text})"


def flattened_lines(opened: str) -> str:
    """Return CEL for the texts in some values: a list of lines `name.path=value`.

    It is an expression of its own, and what it starts from a named part: to check the types of an expression
    takes the square of its calls.

    Args:
        opened: name of what `flattened_pairs` returns.
    """
    last = f"p{_MAX_DEPTH}"
    # Other lines of a text begin with a blank, so that none looks like the line of a field.
    value = f'string({last}[1]).replace("\\n", "\\n ")'
    text = f'type({last}[1]) == string ? {last}[0] + "=" + {value} : ""'
    for depth in reversed(range(_HALF_DEPTH, _MAX_DEPTH)):
        text = f'{_flattened(depth)}.map(p{depth + 1}, {text}).join("\\n")'
    for depth in reversed(range(1, _HALF_DEPTH + 1)):
        # Of the pairs at half the depth; above them lie the lists.
        inner = f"p{depth}" if depth == _HALF_DEPTH else f"q{depth}"
        text = f'q{depth - 1}.map({inner}, {text}).join("\\n")'
    return f"{opened}.map(q0, {text})"


def _flattened(depth: int) -> str:
    """Return CEL for the members of a pair's value, each behind its name; a single value stays as it is."""
    name, value = f"p{depth}[0]", f"p{depth}[1]"
    return (
        f'(type({value}) == map ? {value}.map(k, [dyn({name} + "." + {_field_name(value)}), {value}[k]])'
        f" : type({value}) == list ? {value}.map(k, [{name}, k]) : [[{name}, {value}]])"
    )


def has_no_egress() -> tuple[str, ...]:
    """Return CEL: an object of a kind that no rule knows sends nothing out, as far as its shape shows.

    They are several conditions, since the API server grants each expression a number of steps.
    """
    is_copied = f"variables.leaves.matches({literal(_REPLICATION_PEER)})"
    # Who lists a kind for a zone knows what it is called.
    is_named = f"!{_IN_ZONE} && variables.key.matches({literal(_EGRESS_KINDS)})"
    is_of_cloud = f"({is_named}) || variables.leaves.matches({literal(_HOSTED_SERVICE_LINE)})"
    return (
        f"{_IS_EXEMPT} || !({is_copied} || {is_of_cloud})",
        _are_permitted_destinations("variables.targets"),
        _buckets_have_endpoints(),
        _models_have_endpoints(),
        _regions_are_permitted(),
        _classes_are_permitted(),
    )


def _server_lines() -> str:
    """Return CEL for the fields that are called after a server, or hold the URL of one."""
    is_own_name = f"l.matches({literal(_INGRESS_NAME_LINE)})"
    return f"variables.leaves.findAll({literal(_SERVER_LINE)}).filter(l, !{is_own_name})"


def _host_lines() -> str:
    """Return CEL for the fields that are called after a host, but for those of the object's own names."""
    is_target = f"!l.matches({literal(_INGRESS_LINE)}) || l.matches({literal(_TELEMETRY_LINE)})"
    return f"variables.leaves.findAll({literal(_HOST_LINE)}).filter(l, {is_target})"


def _listed_kind_lines() -> str:
    """Return CEL for the other fields of a kind that is listed for a zone which hold a URL or a registry.

    Outside the zones many kinds link to documents in such fields, and nobody has looked at the kind.
    """
    is_read = f"!l.matches({literal(_DOCUMENT_LINK)})"
    links = f"variables.leaves.findAll({literal(_URL_OR_REGISTRY_LINE)}).filter(l, {is_read})"
    # Whatever the field, a name for which somebody outside answers is a host there.
    last = 'l.lowerAscii().findAll("[.][a-z]+[.]?(?::[0-9]+)?$")[0].findAll("[a-z]+")'
    no_hosts = (_NO_HOST_LINE, _INGRESS_LINE, _DOCUMENT_LINK)
    is_free = " || ".join(f"l.matches({literal(pattern)})" for pattern in no_hosts)
    is_outside = f"!({is_free}) && {last}.exists(d, {IS_DELEGATED})"
    names = f"variables.leaves.findAll({literal(_NAME_LINE)}).filter(l, {is_outside})"
    return f"({_IN_ZONE} ? {links} + {names} : [])"


def _listed_kind_scripts() -> str:
    """Return CEL for the texts of a kind that is listed for a zone which may be scripts or commands.

    Beside them stand the settings of the hub of models. The words of a command may be items
    of a list, and are read as one text.
    """
    behind = r'l.substring(size(l.findAll("^[^=]*=")[0])).replace("\n ", "\n")'
    is_script = f'l.matches("=[^\\n]*[ \\n]") && !l.matches({literal(_PROSE)})'
    leaves = f"variables.leaves.findAll({literal(_FIELD_LINES)})"
    scripts = f'{leaves}.filter(l, {is_script} || l.contains("HF_")).map(l, l.contains("HF_") ? l : {behind})'
    words = f"variables.leaves.findAll({literal(_COMMAND_LINE)}).map(l, {behind}).join({literal(BETWEEN)})"
    # Velero runs the hooks of a backup in pods of every namespace.
    return f'({_IN_ZONE} || variables.api == "velero.io" ? {scripts} + [{words}] : [])'


def _model_parts() -> dict[str, str]:
    """Return named parts: each service that answers with a model, by the path below which its server stands.

    A service that its own field configures may have its server in a field beside it.
    """
    named = f'variables.leaves.findAll({literal(_MODEL_LINE)}).map(l, l.findAll("^[^=]*[.]")[0])'
    above = literal("(?i)^[^=]*?[.](?:llm|ai|providers?|backends?)[.]")
    # Lists add nothing to a path, so that each is counted by the field with its model.
    is_counted = 'l.matches("(?i)[.]model=")'
    counted = f"variables.model_keys.filter(l, {is_counted}).map(l, l.findAll({above})[0])"
    others = f"variables.model_keys.filter(l, !{is_counted}).map(l, l.findAll({above})[0])"
    return {
        "model_keys": f"variables.leaves.findAll({literal(_MODEL_BY_KEY)})",
        "models": f"{named} + {counted}",
        "more_models": others,
        # Elsewhere such a URL may be a link.
        "model_servers": "size(variables.models) + size(variables.more_models) == 0 ? []"
        f" : variables.leaves.findAll({literal(_MODEL_SERVER)})",
    }


def _models_have_endpoints() -> str:
    """Return CEL: below the path of each service that answers with a model stands its server."""
    beside = "size(variables.model_servers.filter(s, s.startsWith(p)))"
    have_servers = f"variables.models.all(p, {beside} >= size(variables.models.filter(m, m == p)))"
    return f"{have_servers} && variables.more_models.all(p, {beside} > 0)"


def _regions_are_permitted() -> str:
    """Return CEL: a kind that is listed for a zone names no region of a cloud but a permitted one.

    Beside the server of a store a region only stands in the signature of requests.
    """
    beside = 'l.findAll("^[^=]*[.]")[0]'
    is_server = f"s.startsWith({beside}) && s.matches({literal(_STORE_ENDPOINT)})"
    is_beside = f"variables.leaves.findAll({literal(_STORE_LINE)}).exists(s, {is_server})"
    is_permitted = f'[l.findAll("[^=]*$")[0]].all(v, {is_zone_of("v", "$regions")})'
    lines = f"variables.leaves.findAll({literal(_REGION_LINE)})"
    return f"!{_IN_ZONE} || {lines}.all(l, {is_permitted} || {is_beside})"


def _classes_are_permitted() -> str:
    """Return CEL: what a kind that is listed for a zone stores lies on a storage class of the zone."""
    is_permitted = (
        f"v.matches({literal(_S3_STORAGE_CLASS)}) || (v in $classes && $classes[v] == variables.zone)"
    )
    is_of_zone = f'[l.findAll("[^=]*$")[0]].all(v, {is_permitted})'
    return f"!{_IN_ZONE} || variables.leaves.findAll({literal(_STORAGE_CLASS_LINE)}).all(l, {is_of_zone})"


def _embedded_settings() -> str:
    """Return CEL for the settings within texts, such as files of values, that are called after a server."""
    without_comments = f'variables.leaves.split("\\n").filter(l, !l.matches({literal(_COMMENT)})).join("\\n")'
    # What is served says so in the same text; another field of the object says nothing about it.
    is_served = f"f.matches({literal(_INGRESS_TEXT)})"
    others = f't.findAll({literal(_FIELD_LINES)}).filter(f, !{is_served}).join("\\n")'
    of_host = f"{others}.findAll({literal(_HOST_SETTING)})"
    routed = f't.findAll({literal(_ROUTING_DIRECTIVE)}).map(r, "=" + r.findAll("[^ \\t]+$")[0])'
    proxied = f"t.findAll({literal(_PROXY_DIRECTIVE)})"
    found = f"t.findAll({literal(_SERVER_SETTING)}) + {proxied} + {of_host} + {routed}"
    return f"[{without_comments}].map(t, {found})[0].filter(l, !l.matches({literal(_LINK_SETTING)}))"


def _are_permitted_destinations(lines: str) -> str:
    """Return CEL: every host, range and address in some lines is inside, or declared.

    Args:
        lines: expression of the lines.
    """
    # A match takes the sign behind it, so that the next one needs another before it.
    twice = "".join(f".replace({literal(sign)}, {literal(sign * 2)})" for sign in ",; |")
    texts = f'{lines}.map(l, l{twice}.replace("%2e", ".").replace("%2E", "."))'
    name = f'h.findAll("[^@]*$")[0].findAll({literal(_NAME)})[0]'
    hosts = f"l.findAll({literal(_HOST)}).map(h, {name})"
    # Both ends of a range are in one declared range, and so is all between them.
    ends = f"r.findAll({literal(_RANGE_ENDS)})"
    is_within = 'e.contains("/") ? cidr(g).containsCIDR(e) : cidr(g).containsIP(e)'
    are_addresses = f"{ends}.all(e, isIP(e) || isCIDR(e))"
    ranges = f"l.findAll({literal(_RANGE)}).filter(r, {are_addresses})"
    are_within = f"{ranges}.all(r, variables.ranges.exists(g, {ends}.all(e, {is_within})))"
    are_ends_within = 'a.split("-").all(e, isIP(e) && cidr(g).containsIP(e))'
    is_declared = f"a in variables.reachable || variables.ranges.exists(g, {are_ends_within})"
    is_inside = f"a.matches($local) || {is_declared}"
    address = 'i.replace("[", "").replace("]", "")'
    is_own = f'{address} in ["::", "::1"]'
    is_six_within = f"isIP({address}) && variables.ranges.exists(g, cidr(g).containsIP({address}))"
    sixes = f"l.findAll({literal(_BRACKETED_IPV6)}).all(i, {is_own} || ({is_six_within}))"
    is_readable = f"!l.matches({literal(_INTEGER_ADDRESS)})"
    return f"{texts}.all(l, {hosts}.all(a, {is_inside}) && {are_within} && {sixes} && {is_readable})"


def _buckets_have_endpoints() -> str:
    """Return CEL: beside each bucket, or in a setting for all of them, stands the server that it is on.

    Lists add nothing to a path, so that there are as many servers below it as buckets.
    """
    parent = r'findAll("^[^=]*[.]")[0]'
    stores = f"variables.leaves.findAll({literal(_STORE_LINE)})"
    buckets = f"variables.leaves.findAll({literal(_BUCKET)})"
    urls = f"variables.leaves.findAll({literal(_BUCKET_URL)})"
    of_any = f"{stores}.exists(s, s.matches({literal(_SHARED_STORE_ENDPOINT)}))"
    beside = f"size({buckets}.filter(c, c.startsWith(p)))"
    servers = f"size({stores}.filter(s, s.startsWith(p)))"
    is_beside = f"[b.{parent}].all(p, {servers} >= {beside})"
    name = 'g[1].split("://")[1]'
    is_own = f'b.endsWith("=" + {name}) || (b + "/").contains("=" + g[1] + "/")'
    is_of_zone = f"$buckets.exists(g, g[0] == variables.zone && ({is_own}))"
    # A right to make buckets names none, and what is claimed is on the store of the storage class.
    is_free = f"b.matches({literal(_BUCKET_GRANT)}) || {is_of_zone}"
    are_buckets = f"{buckets}.all(b, {is_free} || {is_beside} || (size({buckets}) == 1 && {of_any}))"
    has_server = f"[b.{parent}].exists(p, {stores}.exists(s, s.startsWith(p)))"
    are_urls = f"{urls}.all(b, {is_of_zone} || {has_server} || {of_any})"
    return f"({are_buckets} && {are_urls})"
