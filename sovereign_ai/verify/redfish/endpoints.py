"""The endpoints file: where the controllers are, how they are trusted, and what else a machine may be called.

    ca: bmc-ca.pem                  # who signed the controllers' certificates; left out, the system's own list
    username: inventory
    password_file: bmc.password     # mode 0600; its first line
    endpoints: plan                 # every machine's address of the plan, or a list:
    # - {address: "https://10.1.0.7", machine: train-001}
    # - {address: "https://aggregator.example"}    # several machines, told apart by host name
    models: {mi300x-oam8: [AS-8125GS-TNMR2]}
    firmware: {dgx-h100: {BMC: 24.09.17}}

Paths are relative to the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.source import SourceMap
from sovereign_ai.spec.yaml_text import parse

_MOST_BYTES = 1 << 22


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Endpoint(_Strict):
    """One Redfish service."""

    address: str
    """`https://` and its host, with a port where it is not 443."""
    machine: str = ""
    """The machine it belongs to; empty where it speaks for several, which are told apart by host name."""


class Endpoints(_Strict):
    """The whole file."""

    ca: str | None = None
    """Certificates that are trusted; left out, those of the system."""
    username: str
    """An account that may read."""
    password_file: str
    """A file of mode 0600 with the password in its first line."""
    endpoints: Literal["plan"] | tuple[Endpoint, ...]
    """The services; `plan` stands for each machine's BMC address of the plan."""
    models: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Catalogue's system to further names that its maker gives it."""
    firmware: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """Catalogue's system to firmware's name and the version that it must have."""

    def services(self, plan: Plan) -> tuple[Endpoint, ...]:
        """Give the services to ask."""
        if self.endpoints == "plan":
            return tuple(Endpoint(address=f"https://{node.bmc}", machine=node.name) for node in plan.nodes if node.bmc)
        return self.endpoints


class Access(_Strict):
    """How a service is spoken to.

    Attributes:
        username: the account.
        password: its password; shown nowhere.
        ca: file of trusted certificates, or None for the system's.
    """

    username: str
    password: str = Field(repr=False)
    ca: Path | None


def read_endpoints(path: Path) -> tuple[Endpoints, Access]:
    """Read an endpoints file and the files it names.

    Raises:
        SpecError: everything that is wrong with it, with its line.
    """
    data, source = _parsed(path)
    try:
        found = Endpoints.model_validate(data)
    except ValidationError as error:
        raise SpecError(list(_refused(error, data, source))) from None
    problems = [*_addresses(found, source)]
    password, more = _password(path.parent / found.password_file, source.where("password_file"))
    ca = path.parent / found.ca if found.ca else None
    if ca is not None and not ca.is_file():
        more.append(Problem("no-ca", f"{ca} is no file", source.where("ca"), "name the certificates that signed the controllers'"))
    if problems or more:
        raise SpecError([*problems, *more])
    return found, Access(username=found.username, password=password, ca=ca)


def _parsed(path: Path) -> tuple[Any, SourceMap]:
    """Read the file's text."""
    try:
        raw = path.read_bytes()
        text = raw[: _MOST_BYTES + 1].decode()
    except OSError as error:
        raise SpecError(
            Problem("no-file", error.strerror or "it cannot be read", Where(file=str(path)), "name an endpoints file")
        ) from None
    except UnicodeDecodeError:
        raise SpecError(Problem("not-utf8", "the file is no UTF-8 text", Where(file=str(path)), "save it as UTF-8")) from None
    data, source, problems = parse(text, str(path))
    if problems:
        raise SpecError(problems)
    return data, source


def _refused(error: ValidationError, data: Any, source: SourceMap) -> Iterator[Problem]:
    """Say in our words what the file lacks or has too much; of the two shapes of `endpoints` only the one that was meant counts."""
    meant = "tuple_type" if isinstance(data, dict) and isinstance(data.get("endpoints"), str) else "literal_error"
    for one in error.errors():
        field = str(one["loc"][-1])
        where = source.where(_dotted(one["loc"]))
        if one["type"] == "extra_forbidden":
            known = Endpoint.model_fields if str(one["loc"][0]) == "endpoints" else Endpoints.model_fields
            yield Problem("unknown-field", f"there is no field {field!r}", where, nearest(field, list(known)))
        elif one["type"] == "missing":
            yield Problem("missing-field", f"{field} is missing", where, "docs/inventory.md shows a whole file")
        elif one["type"] != meant:
            hint = (
                "write `endpoints: plan`, or a list of addresses"
                if one["type"] == "literal_error"
                else "docs/inventory.md shows a whole file"
            )
            yield Problem("bad-value", one["msg"], where, hint)


def _dotted(location: tuple[int | str, ...]) -> str:
    """Write a place as `endpoints[0].address`."""
    parts = [f"[{one}]" if isinstance(one, int) else f".{one}" for one in location if not str(one).startswith(("tuple", "literal"))]
    return "".join(parts).lstrip(".")


def _addresses(found: Endpoints, source: SourceMap) -> Iterator[Problem]:
    """Give what is wrong with the addresses: no TLS, no host, credentials in them, one twice."""
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(() if found.endpoints == "plan" else found.endpoints):
        parts = urlsplit(one.address)
        where = source.where(f"endpoints[{index}].address")
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
            yield Problem("bad-address", f"{one.address!r} is no https:// address of a service", where, "write https://10.1.0.7")
        elif parts.username or parts.password:
            yield Problem("bad-address", "an address holds no credentials", where, "put them under username and password_file")
        elif (one.address, one.machine) in seen:
            yield Problem("twice", f"{one.address} stands twice", where, "ask each service once")
        seen.add((one.address, one.machine))


def _password(file: Path, where: Where) -> tuple[str, list[Problem]]:
    """Read the password; a file that others may read is refused."""
    try:
        mode = file.stat().st_mode & 0o777
        text = file.read_text(encoding="utf-8").split("\n", 1)[0]
    except OSError as error:
        return "", [Problem("no-password", f"{file}: {error.strerror}", where, "write the password into it, mode 0600")]
    if mode & 0o077:
        return "", [Problem("open-password", f"others may read {file} (mode {mode:04o})", where, f"chmod 600 {file}")]
    return text, [] if text else [Problem("no-password", f"{file} is empty", where, "write the password into its first line")]
