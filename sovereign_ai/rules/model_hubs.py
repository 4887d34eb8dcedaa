r"""Clients that know by themselves whom to ask unless a setting says otherwise, as CEL: `hf upload x/y`.

A model's name at a hub has no host in it, nor has a call of a cloud's store. The client of a hub asks Hugging
Face, or where `HF_ENDPOINT` says; with `HF_HUB_OFFLINE` it asks nobody. So whoever calls such a client states
one of these: in a container's variables, or in the text itself, such as a script or the settings of a job.
The address in the variable is judged like any other.

Sources, read 2026-11-30 and 2026-12-01: huggingface_hub's references ("Environment variables", "Command Line
Interface", "HfApi"), Transformers' and Datasets' (`from_pretrained`, `load_dataset`), and those of vLLM, TGI,
SGLang, LMDeploy, Ray Serve LLM (`model_loading_config`), boto3 ("Configuration"), s3fs, google-cloud-storage,
openai, anthropic and W&B ("Environment variables").
"""

from __future__ import annotations

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.cel_literals import literal
from sovereign_ai.rules.environment_variables import OWN_ENVIRONMENT
from sovereign_ai.rules.named_hosts import BETWEEN, CODE, TUNNEL

HUBS = "(?:hf|huggingface|kaggle|modelscope|ollama)[.](?:ai|cn|co|com)"
"""Domains of hubs, which clients also take without a scheme: `ollama pull hf.co/org/model`."""
# A folder's name begins with a dot, a slash or a variable.
_IS = f" ?{CODE}?= ?"
_PART = "[A-Za-z0-9][A-Za-z0-9_.-]*"
_PAIR = rf"{_PART}/[A-Za-z0-9_.-]+"
"""A name at a hub, of who published it and what. A path of more or fewer parts is none."""
_SAID = rf"[=\s]+[\"']?(?:{_PAIR}(?:$|[^\w./:-])|[$](?:.|\n)*\n\w*MODEL\w*={_PAIR}\n)"
"""Such a name, or a variable that stands for one below the command."""
_LOADS = (
    rf"\b(?:vllm|lmdeploy|litgpt) [a-z]+(?: api_server)?{_SAID}"
    rf"|--(?i:(?:(?:base|draft|hf|pretrained|teacher)[-_])?model(?:[-_](?:id|name|path|tag"
    rf"|name[-_]or[-_]path))?"
    rf"|dataset[-_]name|tokenizer){_SAID}"
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
    """A service whose address its clients know without a setting.

    Attributes:
        call: regular expression of a call of such a client, with its arguments.
        argument: what within a call names another address, or says that no request is sent.
        setting: a variable or an entry that says so, as `name=value`.
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
"""A client of the hub, a trainer that hands its model in, or a program's call of either."""
_MAY_CALL = "hf |huggingface-cli|to[_-]hub|from_pretrained|load_dataset|_download|HfApi|HfFile|ceT|sE"
_SENDS_NOTHING = f"local_files_only{_IS}True"
_STATES_HUB = rf"(?i)HF_(?:HUB_OFFLINE{_SET}[\"']?{_YES}\b|ENDPOINT{_ANY})"
_HUB = HostedService(f"{_CALLS}|{_LOADS}", _SENDS_NOTHING, _STATES_HUB)
# Stores of Amazon and Google.
_STORES = HostedService(
    r"(?:\bboto3[.](?:client|resource)|[.](?:client|resource)[(]\W?s3\b|\bS3FileSystem|\bstorage[.]Client"
    r"|\brclone [^;&|\n]*[\s\"']:(?:azureblob|b2|box|drive|dropbox|gcs|mega|onedrive|pcloud|s3)[,:][^;&|\n]*"
    r"|RCLONE_CONFIG_\w+_TYPE\W{1,5}(?:azureblob|b2|box|drive|dropbox|google|gcs|mega|onedrive|pcloud|s3)\b"
    rf"|\baws (?:s3|s3api|sts) [^;&|\n]*)[(]?{_IN_CALL}",
    "endpoint",
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
    r"\bwandb (?:agent|artifact|launch|login|pull|sweep|sync)[^;&|\n]*"
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
    # Traces of LangSmith, models of ModelScope, and who says who somebody is (OAuth2 Proxy).
    # And what has a key of theirs.
    r"|\n(?:K6_CLOUD_TOKEN|TS_AUTHKEY|TUNNEL_TOKEN|NGROK_AUTHTOKEN|NEW_RELIC_LICENSE_KEY|DD_API_KEY"
    r"|HONEYCOMB_API_KEY)=[^\n]"
    r"|LANG(?:CHAIN|SMITH)_TRACING(?:_V2)?\W{1,5}[1tT]|USE_MODELSCOPE\W{1,5}[1tT]"
    r"|(?:Comet|Neptune)Logger\b"
    # Clouds by the provider of external-dns and the cluster's autoscaler too.
    r"|-provider[=\s]\W?(?:alibabacloud|aws|azure|bitbucket|cloudflare|digitalocean|entra-id"
    r"|facebook|gce|github"
    r"|google|hetzner|linkedin|linode|ovh|scaleway|vultr)\b[^;\n]*",
    "(?i)offline|debug|login-url",
    rf"(?:COMET_URL_OVERRIDE|CLEARML_API_HOST|DATABRICKS_HOST|LANG(?:CHAIN|SMITH)_ENDPOINT|MODELSCOPE_DOMAIN"
    rf"|K6_CLOUD_HOST|NEW_RELIC_HOST|DD_(?:DD_URL|SITE|URL)|HONEYCOMB_API_ENDPOINT){_TO}"
    r"|(?:COMET|CLEARML|NEPTUNE)_\w*(?:MODE|OFFLINE)\W{1,5}(?:[1t]|deb|dis|off)",
)
_OTHERS = (_STORES, _MODELS, _RECORDS, _OTHER_RECORDS)
SERVICES = (_HUB, *_OTHERS)
"""All of them."""
_MAY_ASK_OTHERS = (
    "boto3|S3F|ge.Cl|aws |.s3|AI|(?:pic|ere|roq|ral)(?:Emb|[(])|andb|rt[_-]to|ne.in|omet_|k.init|tabr"
    "|(?:omet|tune)L|_TRACI|MODELS|CLONE|clone |-prov|K6_C|TS_A|TUNNEL_|NGROK_|NEW_R|DD_A|HONEYC"
)
MAY_ASK = (
    "hf |gging|[_.-]hub|pretr|(?i:odel|okeni|dataset|llm)|_downl|Hf[AF]|ceT|sE|lmdep|itgpt|Eng|peline|"
    + _MAY_ASK_OTHERS
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
    "|k6_cloud|ts_authkey|tunnel_token|ngrok_auth|new_relic|dd_api|honeycomb"
)
WORDS = tuple(_WORDS.split("|"))
"""Each such call has one of these in it, in small letters. To look for these is faster than an expression."""
MAY_CALL_IN_VARIABLE = (
    "[ /(]|[_-]to|boto3|S3F|ge.Cl|omet_|tabr|_TRACI|MODELS|CLONE_|K6_|TS_AU|TUNN|NGR|NEW_R|DD_A|HONEY"
    "|andb|-prov|(?:omet|tune)L"
)
"""A call in a variable has a blank, a parenthesis, a name at a hub or such an option in it."""
_COMMENT = "^[ \t]*(?:#|//)"


def _whole_lines(text: str) -> str:
    """Return CEL for a text in which commands and calls that go on in the next lines stand in one."""
    return f'{text}.replace("\\\\\\n", " ").replace("(\\n", "(").replace(",\\n", ",")'


def commands_ask_stated_hub(commands: str) -> str:
    """Return CEL: commands of a container `c` ask nobody outside, or each or the variables say whom.

    Most containers have no command and no call in a variable, or no word of a call: what shows that goes
    first.

    Args:
        commands: expression of a list of commands, each as a list of words.
    """
    words = f'w.join(" ").replace({literal(BETWEEN)}, " ")'
    own = lines_of_variables(OWN_ENVIRONMENT)
    are_stated = _are_stated("j", variables_state_hub())
    together = _whole_lines(f"(l.join({literal(chr(10))}) + v)")
    has_word = f"{literal(list(WORDS))}.exists(k, x.contains(k))"
    asks_nobody = f"[{together}.lowerAscii()].all(x, !{has_word})"
    each = f"l.all(j, [j + v].all(t, {are_stated}))"
    in_variables = f'{OWN_ENVIRONMENT}.map(d, d.name + (has(d.value) ? d.value : "")).join("")'
    is_plain = f"size(l) == 0 && !{in_variables}.matches({literal(MAY_CALL_IN_VARIABLE)})"
    texts = f'[size(l) == 0 ? [""] : l.map(w, {words})]'
    stated = f"{texts}.all(l, [{own}].all(v, {asks_nobody} || {each}))"
    return f"[{commands}.filter(w, size(w) > 0)].all(l, ({is_plain}) || {stated})"


def lines_of_variables(variables: str) -> str:
    """Return CEL for variables as lines of a text; what is read from elsewhere is judged there.

    An empty value and none are one to an API server.
    """
    pair = 'd.name + "=" + (has(d.value) ? d.value : has(d.valueFrom) ? "x" : "")'
    return f'"\\n" + {variables}.map(d, {pair} + "\\n").join("\\n")'


def _are_stated(command: str, hub_is_stated: str) -> str:
    """Return CEL: whom each call in a text `t` asks is stated in it, for each service.

    Of the hub the last variable of a name counts, which the text does not show.

    Args:
        command: expression of the text without variables.
        hub_is_stated: expression that is true if variables state the hub.
    """
    of_hub = f"{command}.matches({literal(_HUB.setting)}) || {hub_is_stated}"
    conditions = [f"({_asks_none('y', _HUB)} || {of_hub})"]
    conditions += [
        f"({_asks_none('y', service)} || t.matches({literal(service.setting)}))" for service in _OTHERS
    ]
    return f"[{_whole_lines('t')}].all(y, {' && '.join(conditions)})"


def _asks_none(value: str, service: HostedService) -> str:
    """Return CEL: no call in a text asks a service, but one that is told whom to ask."""
    return f"{value}.findAll({literal(service.call)}).all(m, m.matches({literal(service.argument)}))"


def texts_ask_stated_hub(lists: str, said: str, hub_is_stated: str) -> str:
    """Return CEL: texts in some lists call no tunnel, and nobody outside but whom something states.

    Args:
        lists: expression of lists of texts.
        said: expression of the variables of what runs the texts, as lines.
        hub_is_stated: expression that is true where these state the hub.
    """
    end = literal("\n")
    without_comments = f"v.split({end}).filter(o, !o.matches({literal(_COMMENT)})).join({end})"
    together = f"{lists}.map(l, l.map(v, {without_comments}).join({end})).join({end})"
    leads_out = f"j.matches({literal(TUNNEL)})"
    asked = _are_stated("j", hub_is_stated)
    return f"[{together}].all(j, !{leads_out} && [j + {said}].all(t, {asked}))"


def files_ask_stated_hub(files: str) -> tuple[str, ...]:
    """Return CEL: entries of a ConfigMap call nobody outside but whom one of them states.

    They are several conditions, since the API server grants each expression a number of steps.

    Args:
        files: expression of the entries, as texts behind their names.
    """
    calling = HostedService(_CALLS, _SENDS_NOTHING, _STATES_HUB)
    loading = HostedService(_LOADS, _SENDS_NOTHING, _STATES_HUB)
    return (
        _files_ask(files, _MAY_CALL, (calling,)),
        _files_ask(files, f"{_MAY_LOAD}|{_MAY_ASK_OTHERS}", (loading, *_OTHERS)),
    )


def _files_ask(files: str, may_ask: str, services: tuple[HostedService, ...]) -> str:
    """Return CEL: in lines that may hold a call, no service is asked that no line of a file states."""
    end = literal("\n")
    said = f"{files}.join({end}).split({end}).filter(o, !o.matches({literal(_COMMENT)})).join({end})"
    asking = f"{_whole_lines('t')}.split({end}).filter(o, o.matches({literal(may_ask)})).join({end})"
    conditions = [f"({_asks_none('y', one)} || t.matches({literal(one.setting)}))" for one in services]
    return f"[{said}].all(t, [{asking}].all(y, {' && '.join(conditions)}))"


def variables_state_hub(variables: str = OWN_ENVIRONMENT) -> str:
    """Return CEL: variables, such as those of a container `c`, say which hub is asked, or that none is."""
    # The last variable of a name counts, so that each says so.
    says_yes = f"has(d.value) && d.value.matches({literal(f'(?i)^{_YES}$')})"
    is_offline = (
        f'({variables}.exists(d, d.name == "HF_HUB_OFFLINE")'
        f' && {variables}.all(d, d.name != "HF_HUB_OFFLINE" || ({says_yes})))'
    )
    has_hub = 'd.name == "HF_ENDPOINT" && (!has(d.value) || d.value != "")'
    return f"({variables}.exists(d, {has_hub}) || {is_offline})"
