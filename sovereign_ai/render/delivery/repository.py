"""Where the rendered files lie once they are committed: address, path and revision of a Git repository.

No problem repeats the address, since it may hold an account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass

SCHEMES = ("https", "ssh", "http")
"""What Argo CD and Flux both read; Flux takes no address of the form `git@HOST:PATH`."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,15}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Braces would be taken for a template by Argo CD's ApplicationSet.
_URL_PATH = re.compile(r"(/[A-Za-z0-9._~+%-]+)+/?")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")
_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST = 1_000
"""Characters of an address, a path or a revision."""
_ADDRESS_HINT = "write https://HOST/PATH or ssh://git@HOST/PATH"


@frozen_dataclass
class Repository:
    """A place in a Git repository.

    Attributes:
        url: the repository's address, without an account's password or a token.
        path: the folder in it that the files are written to; `.` for its root.
        revision: a branch, a commit, or a whole reference such as refs/tags/v1.
        secret: the Secret with credentials beside Flux' GitRepository; empty where none is needed.
    """

    url: str
    path: str = "."
    revision: str = "main"
    secret: str = ""

    def below(self, *names: str) -> str:
        """Return the path of a folder below this one, from the root of the repository."""
        parts = [part for part in (self.path, *names) if part != "."]
        return "/".join(parts) or "."

    @property
    def is_commit(self) -> bool:
        """Whether the revision is a commit."""
        return _COMMIT.fullmatch(self.revision) is not None


def parse_repository(
    url: str, path: str = ".", revision: str = "main", secret: str = "", *, plain_http: bool = False
) -> Repository:
    """Return a place in a repository.

    Args:
        url: the address.
        path: the folder in the repository.
        revision: branch, commit or whole reference.
        secret: the name of a Secret; empty for none.
        plain_http: whether an address without TLS is permitted.

    Raises:
        UsageError: every problem of these; the address is not repeated in any.
    """
    problems = list(_url_problems(url, plain_http))
    if not _is_path(path):
        message = f"--repo-path: {path!r} is no path inside a repository"
        problems.append(Problem("bad-option", message, hint="write it as clusters/eu, or . for the root"))
    if not _is_revision(revision):
        message = f"--revision: {revision!r} is no branch, commit or reference of Git"
        hint = "write a branch, a commit of 40 digits, or refs/tags/NAME"
        problems.append(Problem("bad-option", message, hint=hint))
    if secret and not _SECRET.fullmatch(secret):
        message = f"--repo-secret: {secret!r} is no name of a Secret"
        problems.append(Problem("bad-option", message, hint="write lower-case letters, digits, - and ."))
    if problems:
        raise UsageError(problems)
    trimmed = "/".join(part for part in path.split("/") if part not in ("", ".")) or "."
    return Repository(url, trimmed, revision, secret)


def _url_problems(url: str, plain_http: bool) -> Iterator[Problem]:
    """Yield every problem of an address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield _bad("this is no address of a repository", _ADDRESS_HINT)
        return
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > _LONGEST:
        yield _bad("this is no address of a repository", _ADDRESS_HINT)
        return
    if "://" not in url:
        hint = f"{_ADDRESS_HINT}; Flux does not read the form git@HOST:PATH"
        yield _bad("the address has no scheme", hint)
        return
    yield from _scheme_problems(parts.scheme, plain_http)
    yield from _secret_problems(parts)
    if not host or not _HOST.fullmatch(host) or not _URL_PATH.fullmatch(parts.path):
        yield _bad("the address names no host and path of a repository", _ADDRESS_HINT)


def _scheme_problems(scheme: str, plain_http: bool) -> Iterator[Problem]:
    """Yield what is wrong with the scheme of an address."""
    if scheme not in SCHEMES:
        # What stands before :// may be anything, also an account.
        shown = f"the scheme {scheme!r}" if _SCHEME.fullmatch(scheme) else "this scheme"
        yield _bad(f"{shown} is not one of {', '.join(SCHEMES)}", nearest(scheme, SCHEMES))
    elif scheme == "http" and not plain_http:
        message = "whoever is on the way to this address could replace the objects: it has no TLS"
        yield _bad(message, "write https://, or add --plain-http")


def _secret_problems(parts: SplitResult) -> Iterator[Problem]:
    """Yield what in an address may be a secret, without it."""
    account, separator, _ = parts.netloc.rpartition("@")
    is_account = parts.scheme == "ssh" and _ACCOUNT.fullmatch(account)
    if separator and not is_account:
        message = "the address holds an account, a password or a token, which would be committed"
        yield _bad(message, "leave it out, renew it since shells record commands, and put it into a Secret")
    if parts.query or parts.fragment:
        message = "the address holds a query or a fragment, in which a token may stand"
        yield _bad(message, "end it after the repository's path")


def _bad(message: str, hint: str) -> Problem:
    """Return the problem of an address."""
    return Problem("bad-url", f"--repo-url: {message}", hint=hint)


def _is_path(path: str) -> bool:
    """Return whether a path stays inside a repository and is one on every system."""
    if not path or len(path) > _LONGEST or path.startswith("/"):
        return False
    parts = [part for part in path.removesuffix("/").split("/") if part != "."]
    return all(_SEGMENT.fullmatch(part) for part in parts)


def _is_revision(revision: str) -> bool:
    """Return whether Git could have the revision (git-check-ref-format, Git 2.51), with fewer characters."""
    if len(revision) > _LONGEST or not _REVISION.fullmatch(revision):
        return False
    ends = [part.endswith((".", ".lock")) for part in revision.split("/")]
    return ".." not in revision and not any(ends)
