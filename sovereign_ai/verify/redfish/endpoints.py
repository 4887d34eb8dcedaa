"""The endpoints file: where the controllers are, which certificates are trusted, and further names of models.

    ca: bmc-ca.pem                  # authority of the controllers' certificates; left out, the system's own
        list
    username: inventory
    password_file: bmc.password     # mode 0600; its first line
    endpoints: plan                 # every server's BMC address of the plan, or a list:
    # - {address: "https://10.1.0.7", machine: train-001}
    # - {address: "https://aggregator.example"}    # several servers, known by their host names
    models: {mi300x-oam8: [AS-8125GS-TNMR2]}
    firmware: {dgx-h100: {BMC: 24.09.17}}

Paths are relative to the file.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from sovereign_ai.errors import Problem, SovereignError, SpecError, Where
from sovereign_ai.files import AUTHORITIES, ENDPOINTS, PASSWORD, SourceMap, decode, hidden, parse, read, shown
from sovereign_ai.plan import Plan
from sovereign_ai.spec import Model, Text, TextForm, validated

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
_ADDRESS = re.compile(rf"https://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?/?")
_MOST_PORT = 65_535
_MOST_SERVICES = 200_000


def _address(text: str) -> str:
    """Check that a text is the https:// address of a service, and nothing more.

    Raises:
        ValueError: it is not.
    """
    # First, so that the message below never repeats a password.
    if "@" in text:
        raise ValueError("an address holds no credentials; put them under username and password_file")
    match = _ADDRESS.fullmatch(text)
    if match is None or not 1 <= int(match["port"] or 443) <= _MOST_PORT:
        raise ValueError(f"{shown(text)} is no https:// address of a service")
    return text


Account = Annotated[
    str,
    StringConstraints(pattern=r"^[\x21-\x39\x3b-\x7e]{1,64}$"),
    TextForm("bad-account", "an account's name: 1 to 64 visible characters without a colon"),
]
Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    AfterValidator(_address),
    TextForm("bad-address", "an https:// address of a service, such as https://10.1.0.7"),
]


class RedfishEndpoint(Model):
    """One Redfish service."""

    address: Address
    """`https://` and its host, with a port where it is not 443."""
    machine: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9-]{0,63}$"),
        TextForm("bad-name", "a machine's name in the plan"),
    ] = ""
    """The server it belongs to; empty where it speaks for several, known by their host names."""


class Endpoints(Model):
    """The content of an endpoints file."""

    ca: Text | None = None
    """Certificates that are trusted; left out, those of the system."""
    username: Account
    """An account that may read."""
    password_file: Text
    """A file of mode 0600 with the password in its first line."""
    endpoints: (
        Literal["plan"]
        | Annotated[tuple[RedfishEndpoint, ...], Field(min_length=1, max_length=_MOST_SERVICES)]
    )
    """The services; `plan` means each server's BMC address of the plan."""
    models: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    """System of the catalogue to further names that its maker gives it."""
    firmware: dict[Text, dict[Text, Text]] = Field(default_factory=dict)
    """System of the catalogue to the name of a firmware and the version that it must have."""

    def services(self, plan: Plan) -> tuple[RedfishEndpoint, ...]:
        """Return the services to read."""
        if self.endpoints != "plan":
            return self.endpoints
        services = []
        for node in plan.nodes:
            if node.bmc:
                endpoint = RedfishEndpoint(address=f"https://{node.bmc}", machine=node.name)
                services.append(endpoint)
        return tuple(services)


class Access(Model):
    """How services are accessed.

    Attributes:
        username: the account.
        password: its password, which `repr` leaves out.
        ca: file of trusted certificates; None for the system's.
    """

    username: str
    password: str = Field(repr=False)
    ca: Path | None


def read_endpoints(path: Path) -> tuple[Endpoints, Access]:
    """Read an endpoints file and the files it names.

    Raises:
        SpecError: everything that is wrong with it, with its line.
    """
    file = str(path)
    parsed = parse(decode(read(path, ENDPOINTS), file, ENDPOINTS), file, ENDPOINTS)
    if not parsed.problems and not isinstance(parsed.data, dict):
        message = "the file is empty" if parsed.data is None else "the file holds no mapping of fields"
        hint = "docs/inventory.md shows a whole file"
        raise SpecError(Problem("wrong-type", message, Where(file, 1, 1), hint))
    endpoints = validated(Endpoints, parsed)
    source = parsed.source
    folder = path.parent
    password, password_problems = _password(folder / endpoints.password_file, source.where("password_file"))
    problems = [*_duplicates(endpoints, source), *password_problems]
    ca = folder / endpoints.ca if endpoints.ca else None
    if ca is not None:
        problems += _certificate_problems(ca, source.where("ca"))
    if problems:
        raise SpecError(problems)
    return endpoints, Access(username=endpoints.username, password=password, ca=ca)


def _duplicates(endpoints: Endpoints, source: SourceMap) -> Iterator[Problem]:
    """Yield a problem for each service that is listed twice."""
    if endpoints.endpoints == "plan":
        return
    seen: set[tuple[str, str]] = set()
    for index, endpoint in enumerate(endpoints.endpoints):
        key = (endpoint.address, endpoint.machine)
        if key in seen:
            message = f"{endpoint.address} is listed twice"
            location = source.where(f"endpoints[{index}].address")
            yield Problem("twice", message, location, "list each service once")
        seen.add(key)


def _password(file: Path, where: Where) -> tuple[str, list[Problem]]:
    """Read the password; a file that others may read is refused."""
    try:
        text = decode(read(file, PASSWORD, where), str(file), PASSWORD)
    except SovereignError as error:
        return "", list(error.problems)
    # Not `splitlines`: it ends a line at further characters, which the check below must see.
    password = text.split("\n", 1)[0].removesuffix("\r")
    if not password:
        hint = "write the password into its first line"
        return "", [Problem("no-password", f"{file} is empty", where, hint)]
    if hidden(password, "") is not None or not password.isascii():
        message = f"the first line of {file} holds more than plain letters"
        return "", [Problem("no-password", message, where, "write the password into it")]
    return password, []


def _certificate_problems(file: Path, where: Where) -> list[Problem]:
    """Check that a file holds certificates, before any controller is contacted."""
    try:
        text = decode(read(file, AUTHORITIES, where), str(file), AUTHORITIES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=text)
    except SovereignError as error:
        return list(error.problems)
    except (ssl.SSLError, ValueError):
        return [Problem("no-ca", f"{file} holds no certificates in PEM", where, AUTHORITIES.hint)]
    return []
