"""Addresses, paths and revisions of a repository; no problem repeats what may be a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.errors import UsageError
from sovereign_ai.render.delivery.repository import Repository, parse_repository

URL = "https://git.example.org/team/factory.git"


def _problems(url: str = URL, **options: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        parse_repository(url, **options)
    return [f"{problem.message} | {problem.hint}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://git.example.org:8443/team/factory",
        "https://[2001:db8::1]/factory",
        "ssh://git@git.example.org/team/factory.git",
        "ssh://git@git.example.org:2222/~team/factory.git",
        "ssh://git.example.org/factory",
    ],
)
def test_an_address_without_a_secret_is_taken_as_it_is(url: str):
    assert parse_repository(url) == Repository(url, ".", "main", "")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("git.example.org/team/factory", "has no scheme"),
        ("git@git.example.org:team/factory.git", "has no scheme"),
        ("", "has no scheme"),
        ("htps://git.example.org/x", "the scheme 'htps' is not one of https, ssh, http | did you mean"),
        ("ftp://git.example.org/x", "the scheme 'ftp' is not one of"),
        ("http://git.example.org/x", "it has no TLS | write https://, or add --plain-http"),
        ("https://git.example.org", "names no host and path"),
        ("https:///x", "names no host and path"),
        ("https://git.example.org/{{ .cluster }}", "no address of a repository"),
        ("https://git.example.org/{{.cluster}}", "names no host and path"),
        ("https://git.example.org:port/x", "no address of a repository"),
        ("https://git.example.org/x\n", "no address of a repository"),
        ("https://gït.example.org/x", "no address of a repository"),
    ],
)
def test_an_address_that_is_none_is_refused_with_what_to_write(url: str, message: str):
    [problem] = _problems(url)
    assert message in problem


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@git.example.org/x",
        "https://hunter2@git.example.org/x",
        "ssh://git:hunter2@git.example.org/x",
        "https://git.example.org/x?access_token=hunter2",
        "https://git.example.org/x#hunter2",
        "http://hunter2:@git.example.org/x",
        "hunter2:hunter2@git.example.org/x",
        "Hunter2@x://git.example.org/x",
        "https://a:hunter2@git.example.org:hunter2/x",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(url: str):
    problems = _problems(url)
    assert not any("hunter2" in problem.lower() for problem in problems)


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_account_of_an_https_address_is_ever_accepted(name: str, password: str):
    with pytest.raises(UsageError):
        parse_repository(f"https://{name}:{password}@git.example.org/x")


def test_plain_http_is_permitted_where_it_is_asked_for():
    url = "http://git.example.org/x"
    assert parse_repository(url, plain_http=True).url == url
    with pytest.raises(UsageError, match="account"):
        parse_repository("http://me@git.example.org/x", plain_http=True)


def test_every_problem_is_reported_at_once():
    problems = _problems("git.example.org/x", path="../x", revision="a b", secret="No_Name")  # noqa: S106 - the name of a Secret
    assert len(problems) == 4


@pytest.mark.parametrize("path", ["", "/srv", "..", "a/../b", "a//b", "a\\b", "{{x}}", "a b", ".git/x", "-x"])
def test_a_path_that_leaves_the_repository_or_is_none_is_refused(path: str):
    [problem] = _problems(path=path)
    assert "--repo-path" in problem


@pytest.mark.parametrize(
    ("path", "below"), [(".", "north"), ("clusters/eu/", "clusters/eu/north"), ("./a/./b", "a/b/north")]
)
def test_a_clusters_path_is_below_the_one_that_was_named(path: str, below: str):
    assert parse_repository(URL, path).below("north") == below


@pytest.mark.parametrize("revision", ["", "-x", "a..b", "a.lock", "a/", "/a", "a//b", "a~1", "{{x}}", "x."])
def test_a_revision_that_git_refuses_is_refused(revision: str):
    [problem] = _problems(revision=revision)
    assert "--revision" in problem
