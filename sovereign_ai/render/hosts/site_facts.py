"""What a site's operator knows and no plan can: keys, servers, and the addresses of hosts and control planes.

It is read from `hosts.yaml` in the stack's folder, where that exists. What is not given is left out, and
`lacking` reports what that means. The file holds no secret: secrets lie in files that are named on the
command line.

    >>> SiteFacts().lacking()[0][:40]
    'admin_keys: sshd is left as it is, and n'
"""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.files import GIVEN, decode, parse, read, refuse_empty
from sovereign_ai.key_material import openpgp_key, ssh_key
from sovereign_ai.spec import Model, Name, TextForm, validated


def _range(text: str) -> str:
    """Check that a text is an IPv4 range.

    Raises:
        ValueError: it is none.
    """
    return str(IPv4Network(text))


def _admin_key(text: str) -> str:
    """Check that a text is a public key that its owner alone can sign with: who can, is root on every host.

    Raises:
        RefusedKeyError: it is none.
    """
    ssh_key(text)
    return text


Range = Annotated[str, AfterValidator(_range), TextForm("bad-range", "an IPv4 range such as 10.128.0.0/24")]
PublicKey = Annotated[
    str,
    StringConstraints(
        # The key's type, its base64, and a comment without control characters: it goes into one line of a
        # file.
        pattern=r"^(ssh-ed25519|sk-ssh-ed25519@openssh\.com|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) "
        r"[A-Za-z0-9+/=]{1,16000}( [^\x00-\x1f\x7f]{0,256})?$"
    ),
    AfterValidator(_admin_key),
    TextForm("bad-key", "one public key as OpenSSH writes it, in one line"),
]
Server = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9.:-]{1,253}$"),
    TextForm("bad-server", "a name or address, with a port where it has one"),
]
Account = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$"),
    TextForm("bad-account", "the name of a Linux account"),
]


_PRIVATE = r"(10\.[0-9]{1,3}|172\.(1[6-9]|2[0-9]|3[01])|192\.168)(\.[0-9]{1,3}){2}"
"""Private addresses (RFC 1918), as far as a pattern tells them."""
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_PACKAGE_PATH = r"(:[0-9]{1,5})?(/[A-Za-z0-9_~+-][A-Za-z0-9._~+-]*)*/?"
PackageUri = Annotated[
    str,
    StringConstraints(pattern=rf"^(https://{_HOST}|http://{_PRIVATE}){_PACKAGE_PATH}$", max_length=500),
    TextForm(
        "bad-package-uri", "https:// and a host with a path, or http:// and a private address", digits=True
    ),
]
Suite = Annotated[
    str,
    StringConstraints(pattern=r"^(/|[a-z0-9]([a-z0-9.+-]*(/[a-z0-9][a-z0-9.+-]*)*)/?)$", max_length=100),
    TextForm("bad-suite", "a suite such as bookworm-security, or a folder that ends with /"),
]
Component = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=50),
    TextForm("bad-component", "a component such as main"),
]


def _package_key(text: str) -> str:
    """Check that a text is an OpenPGP public key in base64.

    Raises:
        RefusedKeyError: it is none, or holds more than that.
    """
    openpgp_key(text)
    return text


PackageKey = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9+/]{80,40000}={0,2}$"),
    AfterValidator(_package_key),
    TextForm("bad-package-key", "what `gpg --export KEY | base64 -w0` prints"),
]


class PackageSource(Model):
    """A source of Debian packages that hosts install from."""

    name: Name
    """Unique among the sources."""
    service: Name
    """The service of kind `packages` behind it; its jurisdiction is the source's."""
    uri: PackageUri
    """Where the archive begins: over TLS, or at a private address."""
    suites: tuple[Suite, ...] = Field(min_length=1)
    """Its suites; each ends with `/` where the archive is a folder of packages."""
    components: tuple[Component, ...] = ("main",)
    """The components of these suites; a folder has none."""
    key: PackageKey
    """The archive's OpenPGP public key in base64; nothing that it did not sign is installed."""


NetworkNamespace = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,255}$"),
    TextForm("bad-name", "a network namespace's name, as `ip netns` lists it"),
]
SandboxImage = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9./:@_-]{1,200}$"),
    TextForm("bad-image", "an image below the registry, such as pause:3.10.1"),
]


class Reach(Model):
    """How a host is reached where SSH to its in-band address does not apply."""

    connection: Literal["ssh", "nsenter", "netns"] = "ssh"
    """`nsenter` for a container of this machine, `netns` for a network namespace of it."""
    address: Server | None = None
    """Another address, for SSH."""
    port: Annotated[int, Field(ge=1, le=65_535, strict=True)] | None = None
    """Another port, for SSH."""
    leader: Annotated[int, Field(ge=2, strict=True)] | None = None
    """The container's first process as this machine numbers it, for nsenter."""
    namespace: NetworkNamespace | None = None
    """The namespace's name, for netns."""


class SiteFacts(Model):
    """What a site's operator knows."""

    account: Account = "sovereign"
    """The account that configures hosts, by key alone and with sudo; the `baseline` role keeps it."""
    admin_keys: tuple[PublicKey, ...] = ()
    """Public keys that may log in to it."""
    admin_from: tuple[Range, ...] = ()
    """Ranges that may reach SSH and the kubelet, besides the management range."""
    time_servers: tuple[Server, ...] = ()
    """NTP servers, inside the jurisdiction."""
    log_server: Server | None = None
    """Server that journals are sent to over TLS, `host:port`; inside the jurisdiction."""
    package_sources: tuple[PackageSource, ...] = ()
    """The only sources that hosts install packages from; left out, those that their installation left."""
    control_planes: dict[Name, Server] = Field(default_factory=dict)
    """Cluster to its control plane's address, `host:6443`."""
    sandbox_image: SandboxImage = "pause:3.10.1"
    """The pods' sandbox image, below the first of the factory's registries."""
    reach: dict[str, Reach] = Field(default_factory=dict)
    """Host to how it is reached."""

    def lacking(self) -> tuple[str, ...]:
        """Return a line for each field that is not given, with what that leaves out."""
        consequences = {
            "admin_keys": "sshd is left as it is, and no account is made",
            "time_servers": "no time source is set",
            "log_server": "journals stay on the hosts",
            "package_sources": "hosts install from whatever sources their installation left",
            "control_planes": "no data for kubeadm join is written",
        }
        lines: list[str] = []
        for name, consequence in consequences.items():
            if not getattr(self, name):
                lines.append(f"{name}: {consequence}")
        return tuple(lines)


def read_site_facts(file: Path) -> SiteFacts:
    """Read what a site's operator knows from a file; comments alone leave every field at its default.

    Raises:
        SpecError: the file cannot be read, is empty, or holds problems: all at once, each at its line.
    """
    text = decode(read(file, GIVEN), str(file), GIVEN)
    refuse_empty(text, str(file), GIVEN)
    parsed = parse(text, str(file), GIVEN)
    if parsed.data is None:
        parsed = parsed._replace(data={})
    if not parsed.problems and not isinstance(parsed.data, dict):
        message = "the file holds no mapping of fields"
        hint = "write 'admin_keys:' and what else is known"
        raise SpecError(Problem("wrong-type", message, Where(str(file), 1, 1), hint))
    return validated(SiteFacts, parsed)
