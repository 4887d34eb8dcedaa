from __future__ import annotations

import re
from functools import cache

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules import fields
from sovereign_ai.rules.expressions import with_constants, without_variables
from sovereign_ai.rules.fields import OUTSIDE, Field, argument, lists_of, nested, permitted, setting, steps_of
from sovereign_ai.rules.functions import facts
from tests.rules.deciding import small_context

_DOMAINS = {"own_domains": '["research", "workers", "media"]', "public_domains": '" com media "'}


def _is_permitted(field: Field, value: object, zone: str = "open") -> bool:
    constants = small_context().constants()
    parts = {"zone": f'"{zone}"', "outside": with_constants(OUTSIDE, constants), "known": "true"}
    parts |= _DOMAINS
    text = without_variables(with_constants(permitted(field), constants), parts)
    answer = cel.compile(text).execute(facts({"object": {"a": value, "metadata": {"namespace": "n"}}}))
    assert isinstance(answer, bool)
    return answer


@pytest.mark.parametrize(
    ("must", "good", "bad"),
    [
        ("absent", "", "x"),
        ("unset", False, True),
        ("own-namespace", "n", "other"),
        ("place", "https://vault.security.svc:8200/v1", "https://example.com"),
        ("place", "203.0.113.7:443", "198.51.100.7:443"),
        ("text", "see http://localhost/x", "see http://example.com/x"),
        ("range", "203.0.113.0/28", "198.51.100.0/28"),
        ("image", "registry.example.com/ai/x", "registry.example.com/ai/../x"),
        ("runtime", "kata-qemu", "kata-remote"),
        ("settings", {"OTEL_ENDPOINT": "otel.monitoring.svc:4317"}, {"OTEL_ENDPOINT": "otel.example.com"}),
        ("parameters", {"replicas": "3"}, {"replicaRegion": "us-east-1"}),
        ("cilium-own", {"app": "x"}, {"reserved:world": ""}),
    ],
)
def test_a_condition_permits_the_one_value_and_refuses_the_other(
    must: str, good: object, bad: object
) -> None:
    field = Field("a", must)  # type: ignore[arg-type]
    assert _is_permitted(field, good)
    assert not _is_permitted(field, bad)


def test_a_storage_class_serves_the_zone_of_the_object_alone() -> None:
    assert _is_permitted(Field("a", "class"), "scratch", zone="restricted")
    assert not _is_permitted(Field("a", "class"), "scratch", zone="open")


def test_a_field_that_is_left_out_or_null_passes() -> None:
    assert _is_permitted(Field("b.c", "place"), "anything")
    assert _is_permitted(Field("a", "place"), None)


def test_words_of_a_field_are_compared_whole() -> None:
    field = Field("a", "one-of", ("", "Service"))
    assert _is_permitted(field, "Service")
    assert not _is_permitted(field, "ServiceImport")


def test_fields_in_more_than_two_lists_are_not_gathered() -> None:
    assert Field("a[].b[].c", "place").is_gathered
    assert not Field("a[].b[].c[]", "place").is_gathered
    assert not Field("a", "absent").is_gathered


def test_values_at_a_path_are_listed_and_missing_ones_left_out() -> None:
    facts_of_object = cel.Context({"object": {"a": [{"b": [{"c": 1}, {}]}, {}], "m": {"k": {"v": 2}}}})
    assert cel.compile(nested("a[].b[].c")).execute(facts_of_object) == [[1], []]
    assert cel.compile(lists_of("m{}.v")).execute(facts_of_object) == [2]
    assert cel.compile(lists_of("x.y")).execute(facts_of_object) == []
    assert steps_of("a[].b{}.c") == ("a", "[]", "b", "{}", "c")


@pytest.mark.parametrize(
    ("word", "is_permitted"),
    [
        ("127.0.0.1", True),
        ("::", True),
        ("203.0.113.7", True),
        ("1.2.3", True),
        ("a@b", True),
        ("198.51.100.7", False),
        ("@198.51.100.7", False),
        ("root@198.51.100.7", False),
        ("127.0.0.1, 198.51.100.7", False),
        ("2001:db8::53", False),
    ],
)
def test_an_address_alone_among_arguments_is_a_place(word: str, is_permitted: bool) -> None:
    constants = small_context().constants()
    parts = {"zone": '"open"', "outside": with_constants(OUTSIDE, constants), **_DOMAINS}
    text = without_variables(with_constants(argument("object.a"), constants), parts)
    assert cel.compile(text).execute(facts({"object": {"a": word}})) is is_permitted


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("worker-0.workers:29400", True),
        ("leader.workers", True),
        ("redis.research:6379", True),
        ("trainer-0.trainer", True),
        ("worker-0.media", False),
        ("media-0.media", False),
        ("worker-0.trainers", False),
        ("chat-0.chat.research", True),
        ("chat-0.chat.research:8080", True),
        ("a.chat-0.chat.research", False),
        ("chat-0.chat.weather", False),
        ("chat-0..research", False),
        ("media-0.chat.media", False),
        ("chat-0.chat.xn--p1ai", False),
        ("xn--p1ai-0.xn--p1ai", False),
        ("chat-0.chat.de", False),
        ("worker-0.workers.com", False),
        ("worker-0.workers.", False),
    ],
)
def test_a_host_of_two_or_three_words_is_ours_if_the_last_is_our_own_and_nobody_else_answers_for_it(
    host: str, *, is_ours: bool
) -> None:
    assert _is_permitted(Field("a", "place"), host) == is_ours


_PLAIN_WORDS = some.from_regex(re.compile(r"[A-Za-z0-9_ ,+-]*"), fullmatch=True)
_TRICKY_WORDS = some.sampled_from(
    ["0x7f000001", "3405803781", "dev tcp redis", "localhost", "--dns", "a-version"]
)


@given(some.one_of(_PLAIN_WORDS, _TRICKY_WORDS, some.lists(_TRICKY_WORDS).map(" ".join)))
def test_a_text_that_is_answered_by_one_search_is_one_that_every_condition_permits(text: str) -> None:
    constants = small_context().constants()
    parts = {"zone": '"open"', "outside": with_constants(OUTSIDE, constants), **_DOMAINS}
    conditions = f"[{setting('object.n', 'object.a')}, {argument('object.a')}]"
    expression = without_variables(with_constants(conditions, constants), parts)
    assert _program(expression).execute(facts({"object": {"a": text, "n": "VALUE"}})) == [True, True]


_program = cache(cel.compile)


@given(some.text(alphabet="reginoREGIOxX0123456789_+-. =@\\", max_size=12))
def test_a_value_that_says_nothing_is_plain_and_names_no_place(value: str) -> None:
    if re.search(fields._SAYS_NOTHING, value):
        assert re.search(fields._PLAIN, value)
        assert not re.search(fields._MAY_NAME, value)


@pytest.mark.parametrize("value", ["region", "REGION", "xregions", "12345678", "0x7f", "a.b", "a@b", ""])
def test_a_value_that_says_nothing_is_told_from_one_that_may_name_a_place(value: str) -> None:
    assert bool(re.search(fields._SAYS_NOTHING, value)) is (value == "")


@pytest.mark.parametrize("meaning", fields._MEANINGS)
@given(some.data())
def test_a_name_with_a_meaning_ends_like_one(meaning: str, data: some.DataObject) -> None:
    # CEL's `$` is the end of the text, and Python's also stands before a last line feed.
    name = data.draw(some.from_regex(meaning.replace("$", r"\Z")))
    assert re.search(fields._ENDS_LIKE_MEANING.replace("$", r"\Z"), name)


@pytest.mark.parametrize(
    "name", ["VARIABLE_3", "RANK", "WORLD_SIZE", "NCCL_DEBUG", "PATH", "BATCH", "LOG_LEVEL_"]
)
def test_most_names_do_not_end_like_one_with_a_meaning(name: str) -> None:
    assert not re.search(fields._ENDS_LIKE_MEANING, name)
