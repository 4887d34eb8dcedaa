"""The factory that `make fleet` runs: training on DGX H100, a service on GB200 NVL72, two tenants that share.

Everything follows from one number: how many nodes there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

UNIT = 32
"""Nodes of a scalable unit of DGX H100 (NVIDIA RA-11333-001 V11)."""
DOMAIN = 18
"""Compute trays of a GB200 NVL72 domain, four GPUs each."""
LEAST = 100
_REST = 416
"""Nodes of a thousand that jobs other than the gang may use: what the gang leaves of a fleet of 1,000."""


@dataclass(frozen=True, slots=True)
class FleetSize:
    """How large everything is.

    Attributes:
        train: DGX H100, eight GPUs each.
        serve: trays of GB200 NVL72.
        gang: nodes of the large job.
        rest: nodes besides those of the gang that tenants may use at once.
        sweep: nodes of the job that borrows another tenant's quota.
        urgent: nodes of the job by which that tenant takes it back.
    """

    train: int
    serve: int
    gang: int
    rest: int
    sweep: int
    urgent: int

    @property
    def nodes(self) -> int:
        """All nodes."""
        return self.train + self.serve


def fleet_size(nodes: int) -> FleetSize:
    """Return the parts of a fleet, whose gang has somewhat more than half of its training nodes.

    Args:
        nodes: all of its nodes, at least `LEAST`.

    Raises:
        ValueError: there are fewer.
    """
    if nodes < LEAST:
        message = f"NODES={nodes} is too small: a fleet that shares, breaks and repairs has {LEAST} at least"
        raise ValueError(message)
    serve = DOMAIN * max(2, nodes // 250)
    train = nodes - serve
    gang = 512 if nodes >= 1000 else nodes // 2
    # The gang has 4,096 GPUs however large the fleet is; the other jobs grow with the fleet.
    rest = min(train - gang, nodes * _REST // 1000)
    return FleetSize(train, serve, gang, rest, rest * 7 // 8, rest // 2)


def write_stack(folder: Path, size: FleetSize) -> None:
    """Write the stack's description into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = 8 * (size.gang + size.rest - size.urgent)
    text = Template(_DESCRIPTION).substitute(
        train=size.train, serve=size.serve, unit=UNIT, owner=owner, other=8 * size.urgent
    )
    (folder / "factory.yaml").write_text(text, encoding="utf-8")


_DESCRIPTION = """\
# $train DGX H100 and $serve trays of GB200 NVL72. Two tenants share the training pool. Each rack hangs on two of
# eight feeds, and a DGX that loses one of its two has too few supplies left: a lost feed takes a quarter of the
# training racks along.
name: fleet

operator:
  name: Example Compute
  seat: DE
  parent: {seat: DE}
  staff: {location: [DE], citizenship: [EU]}
  support: [DE]
  soc: [DE]
  exit_plan: documented

sites:
  - name: fra1
    country: DE
    power:
      it_budget: 80 MW
      feeds: {A: 20 MW, B: 20 MW, C: 20 MW, D: 20 MW, E: 20 MW, F: 20 MW, G: 20 MW, H: 20 MW}
      survive: none
      rack_pdus: 2
    halls:
      - name: h1
        cooling: {kind: hybrid, supply: 22 degC}
        rack_limit: 160 kW
    uplinks:
      - {name: east, carrier: Example Carrier, carrier_seat: DE, rate: 100 Gbps, route: [DE], encryption: macsec}

platform:
  queueing: kueue

pools:
  - {name: train, site: fra1, system: dgx-h100, nodes: $train, purpose: training, zone: restricted, scalable_unit: $unit}
  - {name: serve, site: fra1, system: gb200-nvl72-tray, nodes: $serve, purpose: inference, zone: open}

fabrics:
  - {name: compute, role: compute, kind: infiniband, rails: 8, switch: qm9700, link: 400 Gbps, pools: [train]}
  - {name: oob, role: out-of-band, kind: ethernet, rails: 1, switch: sn2201, link: 1 Gbps, oversubscription: "11:1", isolation: vrf, padding: none}

zones:
  - name: restricted
    trust: high
    tenants: [research, weather]
    idle_quota: lent
  - name: open
    trust: low
    tenants: [startups]

tenants:
  - {name: research, seat: DE, gpus: $owner}
  - {name: weather, seat: DE, gpus: $other}
  - {name: startups, seat: DE}

images:
  registries: [registry.example.com/ai]
"""  # noqa: E501 - a line of YAML each
