"""What no plan can know of a site, and its operator says: keys, servers, where a control plane answers, another way to a host.

It is read from `hosts.yaml` in the stack's folder, where there is one. What is not given is left out, and `lacking` says what
that means. Nothing secret is ever given here: secrets lie in files that are named on the command line.

    >>> Given().lacking()[0][:40]
    'admin_keys: sshd is left as it is, and n'
"""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.spec.base import Model, Name
from sovereign_ai.spec.problems import from_validation
from sovereign_ai.spec.spots import Form
from sovereign_ai.spec.yaml_text import decode, parse


def _range(text: str) -> str:
    """See that it is an IPv4 range."""
    return str(IPv4Network(text))


Range = Annotated[str, AfterValidator(_range), Form("bad-range", "an IPv4 range such as 10.128.0.0/24")]
PublicKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^(ssh-ed25519|sk-ssh-ed25519@openssh\.com|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/=]+( [^\n]*)?$"
    ),
    Form("bad-key", "one public key as OpenSSH writes it, in one line"),
]
Server = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]{1,253}$"), Form("bad-server", "a name or address, with a port where it has one")
]
Account = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$"), Form("bad-account", "the name of a Linux account")]


class Reach(Model):
    """How a host is reached where SSH to its in-band address is not the way."""

    connection: Literal["ssh", "nsenter", "netns"] = "ssh"
    """`nsenter` for a container of this machine, `netns` for a network namespace of it."""
    address: Server | None = None
    """Another address, for SSH."""
    port: Annotated[int, Field(ge=1, le=65_535, strict=True)] | None = None
    """Another port, for SSH."""
    leader: Annotated[int, Field(ge=2, strict=True)] | None = None
    """The container's first process as this machine numbers it, for nsenter."""
    namespace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,255}$")] | None = None
    """The namespace's name, for netns."""


class Given(Model):
    """What a site's operator says."""

    account: Account = "sovereign"
    """The account that configures hosts, by key alone and with sudo; the `baseline` role keeps it."""
    admin_keys: tuple[PublicKey, ...] = ()
    """Public keys that may log in to it."""
    admin_from: tuple[Range, ...] = ()
    """From where SSH and the kubelet may be reached, besides the management range."""
    time_servers: tuple[Server, ...] = ()
    """NTP servers, inside the jurisdiction."""
    log_server: Server | None = None
    """Where journals are sent over TLS, `host:port`; inside the jurisdiction."""
    control_planes: dict[Name, Server] = Field(default_factory=dict)
    """Cluster to its control plane's address, `host:6443`."""
    sandbox_image: Annotated[str, StringConstraints(pattern=r"^[a-z0-9./:@_-]{1,200}$")] = "pause:3.10.1"
    """The pods' sandbox image, below the first of the factory's registries."""
    reach: dict[str, Reach] = Field(default_factory=dict)
    """Host to how it is reached."""

    def lacking(self) -> tuple[str, ...]:
        """Say what is not given, and what that leaves out."""
        said = {
            "admin_keys": "sshd is left as it is, and no account is made",
            "time_servers": "no time source is set",
            "log_server": "journals stay on the hosts",
            "control_planes": "no data for kubeadm join is written",
        }
        return tuple(f"{name}: {meaning}" for name, meaning in said.items() if not getattr(self, name))


def read_given(file: Path) -> Given:
    """Read what a site's operator says; an empty file says nothing.

    Raises:
        SpecError: the file cannot be read, or holds problems; all of them at once, each at its line.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise SpecError(Problem("no-file", f"{file}: {error.strerror}", hint="name a file that can be read")) from None
    data, source, problems = parse(decode(raw, str(file)), str(file))
    if data is not None and not isinstance(data, dict):
        problems.append(Problem("wrong-type", "the file holds no mapping of fields", Where(str(file), 1, 1)))
    if problems:
        raise SpecError(problems)
    try:
        return Given.model_validate(data or {})
    except ValidationError as error:
        raise SpecError(from_validation(error, Given, where=source.where, key=source.key)) from None
