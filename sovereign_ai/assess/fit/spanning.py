"""Tensor-parallel groups that are larger than a scale-up domain: what they send over the compute fabric.

Such groups run, and their publishers say so (Kimi K2 over two machines of eight GPUs, tensor parallelism 16),
but each layer waits for a network that is many times slower. For each layer a group sums up an activation of
tokens x width twice in the forward pass and twice in the backward pass (Megatron-LM, 2019, arXiv 1909.08053,
section 3). Summed up in each domain first, each of N domains sends 2 (N - 1) / N of it over all of its ports:

    >>> exchange_seconds(1, 2, 16e6, 2, 400e9)
    8e-05

That is the least: latency is not counted, which decides where few tokens are worked on at once.
"""

from __future__ import annotations

from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, Shape, ceil_div
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

SUMS = 2
"""Sums of a layer in a forward pass; as many in a backward pass."""
SUM_BYTES = 2
"""Bytes of a value that a service sums up, in BF16 whatever the format of its weights."""


@frozen_dataclass
class Span:
    """How a tensor-parallel group lies over scale-up domains.

    Attributes:
        domains: domains that it is divided over evenly.
        gpus: its GPUs in each of them.
        rate: bytes a second that its servers in one domain send over the compute fabric.
    """

    domains: int
    gpus: int
    rate: float

    def advice(self, words: str = "") -> str:
        """Return what should be known of it; `words` say whose tensor parallelism it is."""
        domains_text = counted(self.domains, "scale-up domain")
        return (
            f"tensor parallelism{words} over {domains_text} works, and waits for the fabric in each layer; "
            "a stage of the pipeline in each domain sends far less"
        )


def spanned_domains(size: int, gpus: int, servers: int) -> int:
    """Return the fewest scale-up domains over which a group is divided evenly, with whole servers in each.

    A group that is not larger than a domain is in one; 0 where whole servers do not divide it.

    Args:
        size: GPUs of the group.
        gpus: GPUs of a server.
        servers: servers of a domain.

    >>> spanned_domains(16, 8, 1), spanned_domains(128, 4, 18), spanned_domains(12, 8, 1)
    (2, 2, 0)
    """
    if size <= gpus * servers:
        return 1
    if size % gpus:
        return 0
    domains = ceil_div(size, gpus * servers)
    while size // gpus % domains:
        domains += 1
    return domains


def exchange_seconds(sums: float, domains: float, values: float, size: float, rate: float) -> float:
    """Return the least time in which the domains of a group sum up activations over the fabric.

    Args:
        sums: how often.
        domains: domains that the group lies in.
        values: numbers of an activation.
        size: bytes of a number.
        rate: bytes a second of the group's ports in a domain.
    """
    return sums * 2 * (domains - 1) / domains * values * size / rate


def add_exchange(sheet: Sheet, span: Span, end: str, sums: str, values: str, size: str) -> str:
    """Add the least time in which a group's domains sum up activations; return its name.

    Args:
        sheet: the sheet.
        span: how the group lies over domains.
        end: the end of the names.
        sums: name of the number of sums.
        values: name of the numbers of an activation.
        size: name of the bytes of a number.
    """
    domains = sheet.plan(f"exchange.domains{end}", span.domains, "domains", "of a tensor-parallel group")
    why = "compute ports of a group's servers in a domain, as cabled; oversubscription not counted"
    rate = sheet.plan(f"exchange.rate{end}", span.rate, "B/s", why)
    formula = "sums x 2 (domains - 1) / domains x values x bytes / rate of a domain's ports"
    inputs = (sums, domains, values, size, rate)
    note = "from below: no latency, and everything else of a sum inside of the domains"
    return sheet.derive(f"exchange{end}", "s", formula, exchange_seconds, *inputs, note=note)


def port_rate(factory: AIFactory, plan: Plan, shape: Shape) -> int:
    """Return the bits a second that a server of a pool sends over its compute fabric; 0 without any."""
    names: set[str] = set()
    for fabric in factory.fabrics:
        if shape.pool.is_on(fabric):
            names.add(fabric.name)
    server = next((node.name for node in plan.nodes if node.pool == shape.pool.name), "")
    rate = 0
    for plane in plan.fabrics:
        if plane.fabric in names and plane.site == shape.site.name and plane.role == "compute":
            rate += plane.rails * plane.host_rate(server)
    return rate
