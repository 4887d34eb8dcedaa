"""Objects of the kinds that operators define, by which a user tells them what to install.

They follow from the plan and the description alone, carry no labels of ours, and are no part of a bundle: who
wants them deployed lists the file under `manifests` of the controller.

* An image is one that the description names. Without one a part is left out, or refused where the operator
  would pull it from its publisher.
* What neither the plan nor the description knows is left out.
"""

from __future__ import annotations
