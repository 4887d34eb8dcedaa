"""Conditions on a setting by what its name means: `…_ENDPOINT` is a host, `…_REGION` a region, as CEL.

A setting is a variable of the environment, an option, an entry of a ConfigMap, or what a trigger of an add-on
is told. What stands in its value whatever its name is in `permitted_places.py`.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.named_hosts import CLOUD_ZONE, are_permitted_named, is_zone_of, with_spaced_key
from sovereign_ai.rules.places.permitted_places import (
    are_hosts,
    bucket,
    host,
    hosts_between_commas,
    resolvers,
    text,
)
from sovereign_ai.rules.places.spellings import addresses, are_permitted_settings, other_addresses_are_own

# AWS names the endpoint of one service as `AWS_ENDPOINT_URL_S3`.
PLACE_WORDS = (
    "endpoint|proxy|host(?:name)?|address(?:es)?|addr|url|uri|server|broker|resolver|dns|contact_?point"
    "|sentinel"
    "|upstream"
)
_PLACE_NAMES = rf"(?i)(?:{PLACE_WORDS})s?$|^AWS_ENDPOINT_URL_"
# To a host that needs no proxy, or in a mail's address, nothing is sent by the name of the setting.
_NO_PROXY = "(?i)^no_proxy$|(?:from|sender|reply_?to|mail)_?address$"
# `USE_DNS=1` and `NUM_SERVERS=4` switch or count something. `:8080` is a port of the pod itself.
# `--dns=False` switches something, and a server that listens on `::` has no other host.
# `/api` is a path on the server that asks, and `/run/x.sock` a socket; `//` begins a host.
_NO_HOST = r"^(?:[0-9]{0,4}|:[0-9]{1,5}|::1?|/(?:[^/\\,\s][^\\,\s]*)?|(?i:true|false|yes|no|on|off|none))$"
_VERSION_NAMES = "(?i)version$"
# KEDA's `valueLocation` says where in an answer a number stands.
REGION_NAMES = r"(?i)(?:region|(?:\b|[^e]|[^u]e)location)s?$"
# Without any of these a text holds neither a name with a dot, nor the number of an address, nor a region.
MAY_NAME = (
    r"[.]|[0-9]{8}|0[xX]|\\\\|arn:|projects/|@|\b(?:b2|gs|azure|swift|rclone):"
    r"|\"type\"|\btype:|(?i:region|zones?[\"'\]]{0,3}[ \t]*[=:\x01 ]|protocol=|key=)"
)
# `spring.config.location` and its like name files; `//` begins the name of a server.
_LOCATION_NAMES = "(?i)location$"
_IS_PATH = "^(?:file:|classpath:)?[.]{0,2}(?:/[^/]+)+/?$"
BUCKET_NAMES = r"(?i)bucket(?:_?name)?s?$"
ZONE_NAMES = r"(?i)zones?$"
MEANINGS = (_PLACE_NAMES, REGION_NAMES, BUCKET_NAMES)
HAS_MEANING = "|".join(f"(?:{name})" for name in (*MEANINGS, ZONE_NAMES))
# The last two letters of every such name. Go tries each alternative of `HAS_MEANING` at each letter: without
# this before it, all validations of a pod with 20 variables took 642 µs in place of 491 (the evaluator of
# Kubernetes 1.37 by itself, two cores, 2026-11-29).
ENDS_LIKE_MEANING = "(?i)[adeimnorsx][eilmnrsty]s?$|^AWS_ENDPOINT_URL_"


def setting(name: str, value: str) -> str:
    """Return CEL: a named setting, such as a variable of the environment, names permitted places only.

    The name decides what a value without a scheme means: `…_ENDPOINT` is a host, `…_REGION` a region.
    """
    is_exempt = f"({name}.matches({literal(_VERSION_NAMES)}) || {name}.matches({literal(_NO_PROXY)}))"
    are_own = f"({other_addresses_are_own(value)} || {is_exempt})"
    settings = are_permitted_settings(value, host("h"))
    lists = f"{addresses(value, f'!{is_exempt}')} + [{resolvers(value)}, {_hosts_as_named(name, value)}]"
    are_permitted = f"{text(value)} && {are_own} && {settings} && {_others_as_named(name, value)}"
    return f"({are_permitted} && {are_hosts(f'({lists})')})"


def text_or_setting(value: str, name: str, named_value: str, is_named: str) -> str:
    """Return CEL: a text, which may be of the form `--name=value`, names permitted places only.

    Args:
        value: expression of the text.
        name: expression of the name in it.
        named_value: expression of what is behind the name.
        is_named: condition on which it has a name.
    """
    settings = are_permitted_settings(value, host("h"))
    of_name = f"({is_named} ? {_hosts_as_named(name, named_value)} : [])"
    lists = f"{addresses(value)} + [{resolvers(value)}, {of_name}]"
    others = f"(!{is_named} || {_others_as_named(name, named_value)})"
    are_permitted = f"{text(value)} && {other_addresses_are_own(value)} && {settings} && {others}"
    return f"({are_permitted} && {are_hosts(f'({lists})')})"


def named(name: str, value: str) -> str:
    """Return CEL: what the name of a setting, or a word in its value, calls a host is a permitted place."""
    condition = are_permitted_named("y", host("h"))
    is_exempt = f"{name}.matches({literal(_NO_PROXY)}) || !{value}.matches({literal(MAY_NAME)})"
    return f"({is_exempt} || {with_spaced_key(name, value)}.all(y, {condition}))"


def as_named(name: str, value: str) -> str:
    """Return CEL: a value without a scheme is permitted, if its name means a host, region or bucket."""
    return f"({_others_as_named(name, value)} && {are_hosts(f'[{_hosts_as_named(name, value)}]')})"


def _hosts_as_named(name: str, value: str) -> str:
    """Return CEL for the hosts in a value without a scheme whose name means a host, as a list."""
    names_place = f"{name}.matches({literal(_PLACE_NAMES)})"
    is_no_proxy = f"{name}.matches({literal(_NO_PROXY)})"
    is_no_host = f"{value}.matches({literal(_NO_HOST)})"
    is_free = f'{is_no_proxy} || {is_no_host} || {value}.contains("://")'
    return f"({names_place} && !({is_free}) ? {hosts_between_commas(value)} : [])"


def _others_as_named(name: str, value: str) -> str:
    """Return CEL: a value is a permitted region or bucket, if its name means one."""
    means_region = f"{name}.matches({literal(REGION_NAMES)})"
    means_bucket = f"{name}.matches({literal(BUCKET_NAMES)})"
    is_path = f"({name}.matches({literal(_LOCATION_NAMES)}) && {value}.matches({literal(_IS_PATH)}))"
    # With `auto` the server of a store decides.
    regions = f'(!{means_region} || {value} in ["", "auto"] || {value} in $regions || {is_path})'
    is_zone = f"{name}.matches({literal(ZONE_NAMES)}) && {value}.matches({literal(f'(?i)^{CLOUD_ZONE}$')})"
    # The factory may call a zone of its own so.
    is_permitted_zone = f"{value} == variables.zone || {is_zone_of(value, '$regions')}"
    zones = f"(!({is_zone}) || {is_permitted_zone})"
    return f"{regions} && {zones} && (!{means_bucket} || {bucket(value)})"
