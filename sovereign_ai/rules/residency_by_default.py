"""Residency by default: where a residency policy holds, everything that no rule knows is refused.

A kind of Kubernetes object is known if rules look at it (`kinds.py`), if it has a table of its fields
(`addons/`), or if no place can be written in it (`placeless_kinds.py`). Any other may send data anywhere.
In zones with a residency policy it is refused, unless each policy on the zone lists it under `allowed_kinds`,
with a reason. Its objects are judged by their shape then (`unknown_kinds.py`).

Where a known kind can name a place, that place is resolved: to the cluster itself, to a declared registry,
gateway, storage class or object store. A place that cannot be resolved is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from sovereign_ai.plan import Plan
from sovereign_ai.rules.addons.addon import Addon, Family
from sovereign_ai.rules.addons.field_values import direct
from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.cel.literals import is_one_of
from sovereign_ai.rules.controls import (
    C3A_GATEWAYS,
    C3A_LOCATION,
    CADA_DATA,
    CADA_LOCATION,
    ECSF_DATA,
    GDPR_TRANSFER,
)
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.kinds import OTHER, PODS
from sovereign_ai.rules.places.command_arguments import arguments, arguments_by_word
from sovereign_ai.rules.places.config_map_entries import (
    binaries_are_judgeable,
    entries_are_short,
    entries_name_places,
    entries_set_endpoints,
)
from sovereign_ai.rules.places.container_texts import COMMAND, EXEC_COMMANDS, is_judged
from sovereign_ai.rules.places.environment_variables import (
    sources_of_container,
    variable_by_word,
    variable_texts,
    variable_texts_by_word,
)
from sovereign_ai.rules.places.fields import GATHERED, all_permitted, on_gathered
from sovereign_ai.rules.places.model_hubs import commands_set_endpoints, texts_set_endpoints
from sovereign_ai.rules.places.opaque_settings import line_of_text, opaque, opaque_by_word
from sovereign_ai.rules.places.permitted_places import place
from sovereign_ai.rules.places.unknown_kinds import IS_KNOWN_OR_LISTED, has_no_egress
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck
from sovereign_ai.spec import AIFactory

_LONGEST = 5_000
"""Characters of a check.

The API server's parser takes 100,000, and names and ranges of the factory are put in. The limit is far
below, since the time to check the types of an expression grows with the square of its length: with each call
in it, all that was inferred so far is copied (cel-go's `checker.resolveOverload`, profiled 2026-11-27).
"""
_CONTROLS = (ECSF_DATA, CADA_DATA, C3A_LOCATION, C3A_GATEWAYS, GDPR_TRANSFER)


def _rows(family: Family) -> tuple[tuple[str, str], ...]:
    """Return each kind of a family with the condition on its fields that are checked one by one."""
    # A kind whose fields are all gathered has no condition of its own.
    addons = [addon for addon in ADDONS.values() if direct(addon)]
    return tuple((addon.key, _condition(addon)) for addon in addons if addon.family == family)


def _condition(addon: Addon) -> str:
    """Return CEL that is true where the fields of a kind name permitted places."""
    return all_permitted(direct(addon))


def _checks(field: str, rows: tuple[tuple[str, str], ...], message: str) -> Iterator[RuleCheck]:
    """Yield checks on kinds with an expression each; only a check on a single condition exceeds the limit."""
    batch: list[tuple[str, str]] = []
    length = 0
    for condition, keys in _kinds_by_condition(rows).items():
        if batch and length + len(condition) > _LONGEST:
            yield _check_of_rows(field, tuple(batch), message)
            batch = []
            length = 0
        batch += [(key, condition) for key in keys]
        length += len(condition)
    yield _check_of_rows(field, tuple(batch), message)


def _kinds_by_condition(rows: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the kinds by the condition that they share."""
    kinds: dict[str, list[str]] = {}
    for key, condition in rows:
        kinds.setdefault(condition, []).append(key)
    return kinds


def _check_of_rows(field: str, rows: tuple[tuple[str, str], ...], message: str) -> RuleCheck:
    """Return a check on kinds, with the condition that several share written once."""
    conditions = []
    for condition, keys in _kinds_by_condition(rows).items():
        conditions.append(f"(!(variables.key {is_one_of(keys)}) || ({condition}))")
    return RuleCheck((OTHER.name,), field, " && ".join(conditions), message, rows=rows)


_MESSAGES: dict[Family, tuple[str, str]] = {
    "network": ("spec", "it opens the network, or leads traffic, to more than what is declared"),
    "queues": ("spec", "what it takes in may run in another cluster, or outside this machine"),
    "data": ("spec", "it names its data by a handle, or by parameters, that lead to no permitted place"),
    "workloads": (
        "spec",
        "it takes data, images or settings from a place that is not permitted, or is run from elsewhere",
    ),
    "settings": (
        "data",
        "an entry names a host, a bucket or a region that is no permitted place, or is too long to be judged",
    ),
}

_TOO_LONG = (
    "its entries are too long to be judged: all together have at most 200,000 characters, and those that may "
    "become variables 10,000 (with a blank or a line end in it an entry is a file)"
)

_NOT_JUDGEABLE = (
    "its binary entries are too long to be judged (110,000 bytes, of them 6,000 of readable text), or hold "
    "text in UTF-16 or UTF-32: write text under `data`, and put large files into an image or a volume"
)
_ENDPOINT_HINT = (
    "set HF_HUB_OFFLINE to 1, or HF_ENDPOINT, AWS_ENDPOINT_URL, OPENAI_BASE_URL or WANDB_BASE_URL; a folder "
    "begins with / or ./"
)
_NO_ENDPOINT = (
    "it calls a tunnel, or a client of a hub or another service without saying there which one it asks: "
    f"{_ENDPOINT_HINT}"
)
_NO_PLACE = "it names a host, a URL or a bucket that is no permitted place"


def _checks_on_addons() -> tuple[RuleCheck, ...]:
    """Return the checks on the fields of all add-ons, by family, then those on gathered fields."""
    # First what is too long: the API server gives up on it in the others, and names the first that fails.
    checks = [
        _check_of_entries(_OF_DATA.format(entries_are_short("object.data")), message=_TOO_LONG),
        _check_of_entries(binaries_are_judgeable(), "binaryData", _NOT_JUDGEABLE),
    ]
    for family, (field, message) in _MESSAGES.items():
        checks += _checks(field, _rows(family), message)
    # The condition on a place is so long that it is written once for the values of all fields together.
    conditions = [on_gathered(must, f"variables.{must}_values") for must in GATHERED if must != "opaque"]
    conditions += [
        opaque("variables.opaque_lines"),
        f"variables.variable_values.all(l, l.all(v, {variable_by_word('v')}))",
    ]
    # A client's name stands at the beginning of a word.
    line = line_of_text('(" " + v)')
    texts = f"variables.text_values.map(l, l.map(v, {line}))"
    conditions.append(opaque_by_word(f"(variables.opaque_lines + {texts})"))
    for condition in conditions:
        checks.append(RuleCheck((OTHER.name,), "spec", condition, _NO_PLACE))
    calls = texts_set_endpoints("variables.text_values", "variables.env", "variables.hub_is_set")
    checks.append(RuleCheck((OTHER.name,), "spec", calls, _NO_ENDPOINT))
    checks += [_check_of_entries(condition) for condition in entries_name_places()]
    checks += [_check_of_entries(condition, message=_NO_ENDPOINT) for condition in entries_set_endpoints()]
    return tuple(checks)


_OF_DATA = "(!has(object.data) || object.data == null || {0})"


def _check_of_entries(condition: str, field: str = "", message: str = "") -> RuleCheck:
    """Return a check on the entries of ConfigMaps, which is long, and so by itself."""
    key = "/ConfigMap"
    expression = f'(variables.key != "{key}" || {condition})'
    usual_field, usual_message = _MESSAGES["settings"]
    rows = ((key, condition),)
    return RuleCheck((OTHER.name,), field or usual_field, expression, message or usual_message, rows=rows)


_IS_KNOWN_IN_ZONE = (
    "!variables.known || !(variables.zone in $residency_zones) || variables.known_kind"
    " || $allowed_kinds.exists(a, a[0] == variables.zone && a[1] == variables.key)"
)
# Outside the zones' namespaces an object serves no zone, and whose data it sends is not said. Only groups
# that reach out of the cluster are refused there, and in namespaces those that send data out. The system
# namespace is one of the factory's, and has no zone.
_REACHES_NOTHING_OUTSIDE = (
    f"{IS_KNOWN_OR_LISTED}"
    ' || !($exporting + (has(object.metadata.namespace) && object.metadata.namespace != "" ? [] : $beyond))'
    '.exists(e, ("." + variables.key).contains(e))'
)


def _checks_on_shape() -> Iterator[RuleCheck]:
    """Yield checks on kinds that no rule knows, outside the zones and where they are listed for a zone."""
    message = "no rule knows this kind, and it names a server or a bucket outside, or a cloud's own things"
    for condition in has_no_egress():
        yield RuleCheck((OTHER.name,), "spec", condition, message)


UNKNOWN = Rule(
    id="RES-011",
    title="In zones with a residency policy, only kinds that rules know are stored",
    severity="critical",
    rationale=(
        "Every add-on brings kinds by which data can leave: routes, backups, replicas, pushed secrets, "
        "other clusters. A rule that forbids those it knows is behind the next one."
    ),
    remediation=(
        "list the kind under `allowed_kinds` of each residency policy of the zone, and name in it what is "
        "inside or at a gateway"
    ),
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            (OTHER.name,),
            "kind",
            _IS_KNOWN_IN_ZONE,
            "no rule knows this kind, so where it leads cannot be decided",
        ),
        RuleCheck(
            (OTHER.name,),
            "kind",
            _REACHES_NOTHING_OUTSIDE,
            "no rule knows this kind, whose API reaches other clusters, clouds or networks",
        ),
        *_checks_on_shape(),
    ),
)
_OF_DRIVERS = "it tells a driver of devices a host, a bucket or a region that is no permitted place"


def _checks_on_claims() -> Iterator[RuleCheck]:
    """Yield checks on what claims of devices tell the devices' drivers, by form and by word."""
    for condition in (opaque("variables.opaque_lines"), opaque_by_word("variables.opaque_lines")):
        yield RuleCheck(("ResourceClaim", "ResourceClaimTemplate"), "spec", condition, _OF_DRIVERS)


ADDED = Rule(
    id="RES-012",
    title="Objects of add-ons name permitted places only",
    severity="critical",
    rationale=(
        "A queue, a route, a snapshot or a job of an add-on is as good a way out as Kubernetes' own "
        "objects, and no rule on those sees it."
    ),
    remediation="name what is in the cluster, a declared registry, or a gateway's `hosts` or `addresses`",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        *_checks_on_addons(),
        *_checks_on_claims(),
    ),
)
_SOURCES_ARE_JUDGED = f"variables.containers.all(c, {sources_of_container()})"
_ENVIRONMENT_IS_PERMITTED = f"variables.environment_texts.all(c, {variable_texts('c')})"
_ENVIRONMENT_NAMES_PLACES = (
    f"variables.environment_texts.all(c, c.all(t, {is_judged('t[1]')}) && {variable_texts_by_word('c')})"
)
_ARGUMENTS_ARE_PERMITTED = f"variables.command_texts.all(c, c.all(w, {arguments('w')}))"
_ARGUMENTS_NAME_PLACES = (
    f"variables.command_texts.all(c, c.all(w, w.all(a, {is_judged('a')}) && {arguments_by_word('w')}))"
)
_ENDPOINTS_ARE_SET = f"variables.containers.all(c, {commands_set_endpoints(f'[{COMMAND}, {EXEC_COMMANDS}]')})"
_AUDIENCE = "s.serviceAccountToken.audience"
_TOKENS_STAY = (
    "variables.volumes.all(v, !has(v.projected) || !has(v.projected.sources) || v.projected.sources == null"
    f" || v.projected.sources.all(s, !has(s.serviceAccountToken) || !has({_AUDIENCE}) || {place(_AUDIENCE)}))"
)
_OF_ENVIRONMENT = (
    "a variable of its environment names a place that is not permitted, or its variables have more than "
    "10,000 characters in which places may stand"
)
_OF_COMMANDS = (
    "a command or an argument, also of a probe or a hook, names a place that is not permitted, or has more "
    "than 10,000 characters in which places may stand"
)
FLOWS = Rule(
    id="RES-013",
    title="Endpoints in a container's environment and arguments are permitted places",
    severity="high",
    rationale=(
        "Telemetry, proxies, model hubs and buckets are named in variables and arguments. Where the network "
        "policy fails, or a gateway is wider than it should be, data goes where these say."
    ),
    remediation="name a service of the cluster below `svc`, a declared registry, or a gateway's `hosts`",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "containers",
            _ENVIRONMENT_NAMES_PLACES,
            _OF_ENVIRONMENT,
            late=True,
        ),
        RuleCheck(
            PODS,
            "containers",
            _ARGUMENTS_NAME_PLACES,
            _OF_COMMANDS,
            late=True,
        ),
        RuleCheck(
            PODS,
            "containers",
            _ENVIRONMENT_IS_PERMITTED,
            _OF_ENVIRONMENT,
            late=True,
        ),
        RuleCheck(
            PODS,
            "containers",
            _SOURCES_ARE_JUDGED,
            "a variable called after a place is read from an entry, label or annotation that is not, or a "
            "prefix of variables ends within a word",
            late=True,
        ),
        RuleCheck(
            PODS,
            "containers",
            _ARGUMENTS_ARE_PERMITTED,
            _OF_COMMANDS,
            late=True,
        ),
        RuleCheck(
            PODS,
            "containers",
            _ENDPOINTS_ARE_SET,
            "it calls a client of a hub or another service and no variable says which one it asks: "
            f"{_ENDPOINT_HINT}",
            late=True,
        ),
        RuleCheck(
            PODS,
            "volumes",
            _TOKENS_STAY,
            "a token in a volume is for an audience outside",
            late=True,
        ),
    ),
)


def _find_expired_permissions(
    rule: Rule, factory: AIFactory, _plan: Plan, today: date
) -> Iterable[RuleFinding]:
    """Yield permissions of a kind that have expired."""
    for number, policy in enumerate(factory.residency):
        for kind_number, kind in enumerate(policy.allowed_kinds):
            # As with waivers, the day of the end no longer counts.
            if kind.expires is not None and kind.expires <= today:
                field = f"residency[{number}].allowed_kinds[{kind_number}].expires"
                message = f"{kind.group}/{kind.kind} was permitted until {kind.expires}"
                resource = f"Residency/{policy.data}"
                yield make_finding(rule, resource, field, message)


EXPIRED = Rule(
    id="RES-014",
    title="No permission of a kind has expired",
    severity="high",
    rationale="An exception that nobody renews is forgotten, and stays open.",
    remediation="take the entry out of `allowed_kinds` and deploy, or renew it with its reason",
    controls=(ECSF_DATA, CADA_LOCATION),
    places=PLAN,
    decide_on=_find_expired_permissions,
)

RULES = (UNKNOWN, ADDED, FLOWS, EXPIRED)
