r"""Clients with a default endpoint on the Internet that a setting overrides, as CEL: `hf upload x/y`.

A model's name at a hub has no host in it, nor has a call of a cloud's store. The client of a hub connects to
Hugging Face, or to `HF_ENDPOINT`; with `HF_HUB_OFFLINE` it connects to no host. So whoever calls such a
client sets one of these: in a container's variables, or in the text itself, such as a script or the settings
of a job. The address in the variable is judged like any other.

Sources, read 2026-11-30 and 2026-12-01: huggingface_hub's references ("Environment variables", "Command Line
Interface", "HfApi"), Transformers' and Datasets' (`from_pretrained`, `load_dataset`), and those of vLLM, TGI,
SGLang, LMDeploy, Ray Serve LLM (`model_loading_config`), boto3 ("Configuration"), s3fs, google-cloud-storage,
openai, anthropic and W&B ("Environment variables").
"""

from __future__ import annotations

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.environment_variables import OWN_ENVIRONMENT
from sovereign_ai.rules.places.named_hosts import BETWEEN, CODE, TUNNEL

HUBS = "(?:hf|huggingface|kaggle|modelscope|ollama)[.](?:ai|cn|co|com)"
"""Domains of hubs, which clients also take without a scheme: `ollama pull hf.co/org/model`."""
# A folder's name begins with a dot, a slash or a variable.
_IS = f" ?{CODE}?= ?"
_PART = "[A-Za-z0-9][A-Za-z0-9_.-]*"
_PAIR = rf"{_PART}/[A-Za-z0-9_.-]+"
"""A name at a hub, of who published it and what. A path of more or fewer parts is none."""
_MODEL_VALUE = rf"[=\s]+[\"']?(?:{_PAIR}(?:$|[^\w./:-])|[$](?:.|\n)*\n\w*MODEL\w*={_PAIR}\n)"
"""Such a name, or a variable that stands for one below the command."""
_LOADS = (
    rf"\b(?:vllm|lmdeploy|litgpt) [a-z]+(?: api_server)?{_MODEL_VALUE}"
    rf"|--(?i:(?:(?:base|draft|hf|pretrained|teacher)[-_])?model(?:[-_](?:id|name|path|tag"
    rf"|name[-_]or[-_]path))?"
    rf"|dataset[-_]name|tokenizer){_MODEL_VALUE}"
    rf"|\btorch[.]hub[.]\w+[(]\s*[\"']{_PAIR}|\bpretrained={_PAIR}|\n(?:[A-Z]+_)*MODEL_ID={_PAIR}\n"
    rf"|\b(?:model_source|base_model|(?:pretrained_)?model_name_or_path)[^\w./]{{1,6}}{_PAIR}(?:$|[^\w./:-])"
    rf"|\b(?:LLM|Engine(?:Args)?|HuggingFace\w*|pipeline)[(](?:[^)]*[ ,=])?[\"']{_PAIR}[\"'][^)]*"
)
"""Programs that load a model by the name that it has at a hub: their options, settings and calls."""
_MAY_LOAD = r"(?i:odel|okeni|pipel|dataset.n|h.hub)[^\n]*\w/\w|pretr|vllm|lmdep|litgpt|LLM|Eng|Hugg"
# In the arguments of a call another one may stand.
_IN_CALL = r"(?:[^()]|[(](?:[^()]|[(](?:[^()]|[(][^()]*[)])*[)])*[)])*"
_ARGUMENTS = rf"[(]{_IN_CALL}"


@frozen_dataclass
class HostedService:
    """A service with an endpoint that is its clients' default.

    Attributes:
        call: regular expression of a call of such a client, with its arguments.
        argument: what within a call names another endpoint, or keeps it offline.
        setting: a variable or an entry that does so, as `name=value`.
    """

    call: str
    argument: str
    setting: str


_SET = rf"(?:[.]value|[\"'\]]{{0,3}})(?:\s*{CODE}?[:=,]\s*|,?\s*[\"']?value[\"']?\s*[:=]\s*)"
_YES = "(?:1|on|yes|true)"
_ANY = rf"{_SET}(?:[\"'][^\"'\s]|[^\"'\s#])"
# All of this is rendered several times, so that other services have a shorter form for the same.
_TO = r"\W{1,5}\w"
_CALLS = (
    r"(?:^|[\s;&|(/\"'])(?:huggingface-cli|hf) +(?:auth|buckets?|cp|datasets?|download|endpoints?"
    r"|jobs?|login|models?|repos?|spaces?|sync|upload)"
    r"|(?:^|\s)--push[_-]to[_-]hub(?:$|\n|[=\s](?:[Tt]rue|1|-))"
    rf"|\bpush_to_hub{_IS}True"
    r"|\b(?:push_to_hub|snapshot_download|hf_hub_download|HfApi|HfFileSystem)[(][^)]*"
    rf"|\bfrom_pretrained[(]\s*(?:[a-z_]+{_IS})?[\"']{_PART}(?:/[A-Za-z0-9_.-]+)?[\"'][^)]*"
    rf"|\b(?:load_dataset|SentenceTransformer|CrossEncoder)[(]\s*[\"']{_PAIR}[\"'][^)]*"
)
"""A client of the hub, a trainer that uploads its model, or a program's call of either."""
_MAY_CALL_HUB = "hf |huggingface-cli|to[_-]hub|from_pretrained|load_dataset|_download|HfApi|HfFile|ceT|sE"
_LOCAL_FILES_ONLY = f"local_files_only{_IS}True"
_SETS_HUB = rf"(?i)HF_(?:HUB_OFFLINE{_SET}[\"']?{_YES}\b|ENDPOINT{_ANY})"
_HUB = HostedService(f"{_CALLS}|{_LOADS}", _LOCAL_FILES_ONLY, _SETS_HUB)
# Stores of Amazon and Google.
_STORES = HostedService(
    r"(?:\bboto3[.](?:client|resource)|[.](?:client|resource)[(]\W?s3\b|\bS3FileSystem|\bstorage[.]Client"
    r"|\brclone [^;&|\n]*[\s\"']:(?:azureblob|b2|box|drive|dropbox|gcs|mega|onedrive|pcloud|s3)[,:][^;&|\n]*"
    r"|RCLONE_CONFIG_\w+_TYPE\W{1,5}(?:azureblob|b2|box|drive|dropbox|google|gcs|mega|onedrive|pcloud|s3)\b"
    rf"|\baws (?:s3|s3api|sts) [^;&|\n]*"
    # Buckets as folders.
    rf"|(?:^|[\s;&|(/])(?:blobfuse2?|gcsfuse|geesefs|goofys|mount-s3|s3fs) [^;&|\n]*)[(]?{_IN_CALL}",
    "endpoint|[ ,]url=",
    rf"(?:AWS_ENDPOINT_URL|STORAGE_EMULATOR_HOST|RCLONE_\w*ENDPOINT)\w*{_TO}",
)
# Services that answer with a model. Many programs speak the language of one, and are inside.
_MODELS = HostedService(
    rf"(?:OpenAI|Anthropic|Cohere|Groq|Mistral(?:AI)?)(?:Embeddings)?{_ARGUMENTS}"
    # A proxy calls a model of such a service so (LiteLLM).
    r"|\bmodel[\"' :=]+(?:anthropic|bedrock|cohere|gemini|groq|openrouter|vertex_ai)/",
    "base|endpoint|client",
    rf"(?:OPENAI|ANTHROPIC|COHERE|GROQ|MISTRAL)_(?:API_BASE|BASE_URL|ENDPOINT){_TO}|\bapi_base{_TO}",
)
# What keeps the records of experiments.
_RECORDS = HostedService(
    r"\bwandb (?:agent|artifact|launch|login|pull|sweep|sync)[^;&|\n]*|\nWANDB_API_KEY=[^\n]"
    rf"|(?:\bwandb[.](?:Api|agent|init|login|sweep)|WandbLogger){_ARGUMENTS}"
    r"|report[_-]to\W{1,5}(?:wandb|all)\b|\bwandb_(?:project|entity)\W{1,4}\w"
    r"|[.]WandbLogger\b|\blogger(?:_name)?\W{1,4}wandb\b",
    "offline|disabled|host|base_url",
    rf"WANDB_(?:BASE_URL{_TO}|MODE\W{{1,5}}(?:dis|dry|off)|DISABLED\W{{1,5}}[t1])"
    r"|wandb_mode\W{1,5}(?:dis|off)",
)
_OTHER_RECORDS = HostedService(
    rf"\b(?:neptune[.]init\w*|Task[.]init){_ARGUMENTS}|\bcomet_ml[^;\n]*"
    r"|TRACKING_UR[IL]\W{1,5}databricks\b|tracking_uri[(]\W*databricks\b"
    # Traces of LangSmith, models of ModelScope, identity providers (OAuth2 Proxy), and API keys of services.
    r"|\n(?:K6_CLOUD_TOKEN|TS_AUTHKEY|TUNNEL_TOKEN|NGROK_AUTHTOKEN|NEW_RELIC_LICENSE_KEY|DD_API_KEY"
    r"|HONEYCOMB_API_KEY|DATADOG_API_KEY|PINECONE_API_KEY|COMET_API_KEY|NEPTUNE_API_TOKEN|REPLICATE_API_TOKEN"
    r"|MODAL_TOKEN_ID|SPLUNK_ACCESS_TOKEN|LIGHTSTEP_ACCESS_TOKEN|LANGFUSE_SECRET_KEY"
    # An account is a part of its service's host.
    r"|AZURE_STORAGE_(?:ACCOUNT|ACCOUNT_NAME|CONNECTION_STRING)"
    r"|SNOWFLAKE_ACCOUNT|(?:ELASTIC_)?CLOUD_ID)=[^\n]"
    r"|LANG(?:CHAIN|SMITH)_TRACING(?:_V2)?\W{1,5}[1tT]|USE_MODELSCOPE\W{1,5}[1tT]"
    r"|(?:Comet|Neptune)Logger\b"
    # Clouds by the provider of external-dns and the cluster's autoscaler too.
    r"|-provider[=\s]\W?(?:alibabacloud|aws|azure|bitbucket|cloudflare|digitalocean|entra-id"
    r"|facebook|gce|github"
    r"|google|hetzner|linkedin|linode|ovh|scaleway|vultr)\b[^;\n]*",
    "(?i)offline|debug|login-url",
    rf"(?:COMET_URL_OVERRIDE|CLEARML_API_HOST|DATABRICKS_HOST|LANG(?:CHAIN|SMITH)_ENDPOINT|MODELSCOPE_DOMAIN"
    rf"|K6_CLOUD_HOST|NEW_RELIC_HOST|DD_(?:DD_URL|SITE|URL)|HONEYCOMB_API_ENDPOINT|LANGFUSE_(?:BASE_URL|HOST)"
    rf"|AZURE_STORAGE_\w*(?:ENDPOINT|HOST)|SNOWFLAKE_HOST|PINECONE_CONTROLLER_HOST|SPLUNK_\w*URL){_TO}"
    r"|(?:COMET|CLEARML|NEPTUNE)_\w*(?:MODE|OFFLINE)\W{1,5}(?:[1t]|deb|dis|off)",
)
_OTHERS = (_STORES, _MODELS, _RECORDS, _OTHER_RECORDS)
SERVICES = (_HUB, *_OTHERS)
"""All of them."""
_MAY_CALL_OTHERS = (
    "boto3|S3F|ge.Cl|aws |.s3|AI|(?:pic|ere|roq|ral)(?:Emb|[(])|andb|rt[_-]to|ne.in|omet_|k.init|tabr"
    "|(?:omet|tune)L|_TRACI|MODELS|CLONE|clone |-prov|K6_C|TS_A|TUNNEL_|NGROK_|NEW_R|DD_A|HONEYC"
    "|[BEGT]_API_|MODAL_T|SS_TOKEN|LANGF|E_ACC|CLOUD_ID|E_CONN|fuse|t-s3|s3fs|esefs|oofys"
)
MAY_CALL = (
    "hf |gging|[_.-]hub|pretr|(?i:odel|okeni|dataset|llm)|_downl|Hf[AF]|ceT|sE|lmdep|itgpt|Eng|peline|"
    + _MAY_CALL_OTHERS
)
"""A short expression for files in which such a call may stand, in parts of words.

An API server counts its length for each character of a file.
"""
_WORDS = (
    "hf |_hub|to-hub|torch.hub|pretrained|sentencetransformer|crossencoder"
    "|snapshot_download|hfapi|hffile|odel|okeni|pipeline|dataset|lmdeploy|litgpt"
    "|llm|engine|huggingface|boto3|client(|resource(|s3filesystem|storage.client|aws |openai"
    "|anthropic|cohere|groq|mistral|wandb|report_to|report-to"
    "|neptune|task.init|comet_ml|databricks|_tracing|modelscope|rclone|-provider|cometl"
    "|k6_cloud|ts_authkey|tunnel_token|ngrok_auth|new_relic|dd_api|honeycomb|g_api_key|e_api_|t_api_key"
    "|modal_token|access_token|langfuse|e_account|e_connection|cloud_id|fuse|mount-s3|s3fs|geesefs|goofys"
)
WORDS = tuple(_WORDS.split("|"))
"""Each such call has one of these in it, in small letters. To look for these is faster than an expression."""
MAY_CALL_IN_VARIABLE = (
    "[ /(]|[_-]to|boto3|S3F|ge.Cl|omet_|tabr|_TRACI|MODELS|CLONE_|K6_|TS_AU|TUNN|NGR|NEW_R|DD_A|HONEY"
    "|andb|-prov|(?:omet|tune)L|_API_|MODAL_|ACCESS_T|LANGF|E_ACCOUNT|E_CONN|CLOUD_ID|WANDB_A"
)
"""A call in a variable has a blank, a parenthesis, a name at a hub or such an option in it."""
_COMMENT = "^[ \t]*(?:#|//)"


def _whole_lines(text: str) -> str:
    """Return CEL for a text in which commands and calls that go on in the next lines stand in one."""
    return f'{text}.replace("\\\\\\n", " ").replace("(\\n", "(").replace(",\\n", ",")'


def commands_set_endpoints(commands: str) -> str:
    """Return CEL: commands of a container `c`, or its variables, set the endpoint of each service called.

    Most containers have no command and no call in a variable, or no word of a call: what shows that goes
    first.

    Args:
        commands: expression of a list of commands, each as a list of words.
    """
    words = f'w.join(" ").replace({literal(BETWEEN)}, " ")'
    own = lines_of_variables(OWN_ENVIRONMENT)
    are_stated = _endpoints_are_set("j", variables_set_hub())
    together = _whole_lines(f"(l.join({literal(chr(10))}) + v)")
    has_word = f"{literal(list(WORDS))}.exists(k, x.contains(k))"
    calls_no_service = f"[{together}.lowerAscii()].all(x, !{has_word})"
    each = f"l.all(j, [j + v].all(t, {are_stated}))"
    in_variables = f'{OWN_ENVIRONMENT}.map(d, d.name + (has(d.value) ? d.value : "")).join("")'
    is_plain = f"size(l) == 0 && !{in_variables}.matches({literal(MAY_CALL_IN_VARIABLE)})"
    texts = f'[size(l) == 0 ? [""] : l.map(w, {words})]'
    stated = f"{texts}.all(l, [{own}].all(v, {calls_no_service} || {each}))"
    return f"[{commands}.filter(w, size(w) > 0)].all(l, ({is_plain}) || {stated})"


def lines_of_variables(variables: str) -> str:
    """Return CEL for variables as lines of a text; what is read from elsewhere is judged there.

    An empty value and none are one to an API server.
    """
    pair = 'd.name + "=" + (has(d.value) ? d.value : has(d.valueFrom) ? "x" : "")'
    return f'"\\n" + {variables}.map(d, {pair} + "\\n").join("\\n")'


def _endpoints_are_set(command: str, hub_is_set: str) -> str:
    """Return CEL: for each service that a text `t` calls, the text sets its endpoint.

    Of the hub the last variable of a name counts, which the text does not show.

    Args:
        command: expression of the text without variables.
        hub_is_set: expression that is true if variables set the hub.
    """
    of_hub = f"{command}.matches({literal(_HUB.setting)}) || {hub_is_set}"
    conditions = [f"({_names_endpoint('y', _HUB)} || {of_hub})"]
    conditions += [
        f"({_names_endpoint('y', service)} || t.matches({literal(service.setting)}))" for service in _OTHERS
    ]
    return f"[{_whole_lines('t')}].all(y, {' && '.join(conditions)})"


def _names_endpoint(value: str, service: HostedService) -> str:
    """Return CEL: each call of a service in a text names another endpoint itself."""
    return f"{value}.findAll({literal(service.call)}).all(m, m.matches({literal(service.argument)}))"


def texts_set_endpoints(lists: str, environment: str, hub_is_set: str) -> str:
    """Return CEL: texts in some lists call no tunnel, and no hosted service whose endpoint is not set.

    Args:
        lists: expression of lists of texts.
        environment: expression of the variables of what runs the texts, as lines.
        hub_is_set: expression that is true where these set the hub.
    """
    end = literal("\n")
    without_comments = f"v.split({end}).filter(o, !o.matches({literal(_COMMENT)})).join({end})"
    together = f"{lists}.map(l, l.map(v, {without_comments}).join({end})).join({end})"
    leads_out = f"j.matches({literal(TUNNEL)})"
    are_set = _endpoints_are_set("j", hub_is_set)
    return f"[{together}].all(j, !{leads_out} && [j + {environment}].all(t, {are_set}))"


def files_set_endpoints(files: str) -> tuple[str, ...]:
    """Return CEL: entries of a ConfigMap call no hosted service but one whose endpoint an entry sets.

    They are several conditions, since the API server grants each expression a number of steps.

    Args:
        files: expression of the entries, as texts behind their names.
    """
    calling = HostedService(_CALLS, _LOCAL_FILES_ONLY, _SETS_HUB)
    loading = HostedService(_LOADS, _LOCAL_FILES_ONLY, _SETS_HUB)
    return (
        _files_set_endpoints(files, _MAY_CALL_HUB, (calling,)),
        _files_set_endpoints(files, f"{_MAY_LOAD}|{_MAY_CALL_OTHERS}", (loading, *_OTHERS)),
    )


def _files_set_endpoints(files: str, may_call: str, services: tuple[HostedService, ...]) -> str:
    """Return CEL: lines that may hold a call call no service whose endpoint no line of a file sets."""
    end = literal("\n")
    lines = f"{files}.join({end}).split({end})"
    without_comments = f"{lines}.filter(o, !o.matches({literal(_COMMENT)})).join({end})"
    calling = f"{_whole_lines('t')}.split({end}).filter(o, o.matches({literal(may_call)})).join({end})"
    conditions = [f"({_names_endpoint('y', one)} || t.matches({literal(one.setting)}))" for one in services]
    return f"[{without_comments}].all(t, [{calling}].all(y, {' && '.join(conditions)}))"


def variables_set_hub(variables: str = OWN_ENVIRONMENT) -> str:
    """Return CEL: variables, such as those of a container `c`, set the hub, or take the client offline."""
    # The last variable of a name counts, so that each must be true.
    is_true = f"has(d.value) && d.value.matches({literal(f'(?i)^{_YES}$')})"
    is_offline = (
        f'({variables}.exists(d, d.name == "HF_HUB_OFFLINE")'
        f' && {variables}.all(d, d.name != "HF_HUB_OFFLINE" || ({is_true})))'
    )
    has_hub = 'd.name == "HF_ENDPOINT" && (!has(d.value) || d.value != "")'
    return f"({variables}.exists(d, {has_hub}) || {is_offline})"
