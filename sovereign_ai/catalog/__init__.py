"""Hardware, countries and suppliers as data, with the source and date of every figure.

Rules of this package:

* A figure is in `data/*.json` with its value, unit, source, grade and the day it was read; no figure
  is in code.
* A figure that no source gives is absent and reads as `None`. It is never invented, and code that
  needs it asks the user.
* An estimate has a range. A number that sources dispute has a note, or is absent.
* Rows are frozen and read once; an unknown name raises `figures.UnknownNameError` with the nearest
  right name.

    >>> from sovereign_ai.catalog.system import system
    >>> h100 = system("dgx-h100")
    >>> print(h100.max_power, h100.source_of("max_power").grade)
    10.2 kW secondary
    >>> from sovereign_ai.catalog import expand
    >>> sorted(expand(["EEA"]) - expand(["EU"]))
    ['IS', 'LI', 'NO']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.catalog.controllers import FUNCTIONS, CatalogController, controller_row, controller_rows
    from sovereign_ai.catalog.dns_services import (
        PublicResolver,
        public_resolver,
        public_resolver_named,
        public_resolvers,
        public_resolvers_in,
    )
    from sovereign_ai.catalog.figures import (
        DefectiveDataError,
        Figure,
        Grade,
        Row,
        Sourced,
        UnknownNameError,
        rows,
    )
    from sovereign_ai.catalog.jurisdictions import (
        CIRCLES,
        countries,
        country,
        country_hint,
        expand,
        law,
        laws,
        meant_code,
        members,
    )
    from sovereign_ai.catalog.link_media import FIXED, OPTICAL, LinkMedium, link_medium
    from sovereign_ai.catalog.mig import MOST_INSTANCES, instance_memory, instances, profiles
    from sovereign_ai.catalog.model_names import model_hint
    from sovereign_ai.catalog.published_fabric import Design, design, designs
    from sovereign_ai.catalog.root_zone import top_level_domains
    from sovereign_ai.catalog.row_template import template
    from sovereign_ai.catalog.storage import server_power
    from sovereign_ai.catalog.user_rows import KINDS, add_rows, blocks, new_name_problem
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "controllers": ("CatalogController", "FUNCTIONS", "controller_row", "controller_rows"),
            "dns_services": (
                "PublicResolver",
                "public_resolver",
                "public_resolver_named",
                "public_resolvers",
                "public_resolvers_in",
            ),
            "figures": (
                "DefectiveDataError",
                "Figure",
                "Grade",
                "Row",
                "Sourced",
                "UnknownNameError",
                "rows",
            ),
            "jurisdictions": (
                "CIRCLES",
                "countries",
                "country",
                "country_hint",
                "expand",
                "law",
                "laws",
                "link_medium",
                "meant_code",
                "members",
                "model_hint",
            ),
            "link_media": ("FIXED", "LinkMedium", "OPTICAL", "link_medium"),
            "mig": ("MOST_INSTANCES", "instance_memory", "instances", "profiles"),
            "model_names": ("model_hint",),
            "published_fabric": ("Design", "design", "designs"),
            "root_zone": ("top_level_domains",),
            "row_template": ("template",),
            "storage": ("server_power",),
            "user_rows": ("KINDS", "add_rows", "blocks", "new_name_problem"),
        },
    )

__all__ = [
    "CIRCLES",
    "FIXED",
    "FUNCTIONS",
    "KINDS",
    "MOST_INSTANCES",
    "OPTICAL",
    "CatalogController",
    "DefectiveDataError",
    "Design",
    "Figure",
    "Grade",
    "LinkMedium",
    "PublicResolver",
    "Row",
    "Sourced",
    "UnknownNameError",
    "add_rows",
    "blocks",
    "controller_row",
    "controller_rows",
    "countries",
    "country",
    "country_hint",
    "design",
    "designs",
    "expand",
    "instance_memory",
    "instances",
    "law",
    "laws",
    "link_medium",
    "meant_code",
    "members",
    "model_hint",
    "new_name_problem",
    "profiles",
    "public_resolver",
    "public_resolver_named",
    "public_resolvers",
    "public_resolvers_in",
    "rows",
    "server_power",
    "template",
    "top_level_domains",
]
