"""Whether a training job or an inference service fits a factory, before anybody submits it.

`components.py` holds the two kinds, `workload_file.py` reads them, `memory.py` has the closed forms of a
GPU's memory. `training.py` and `serving.py` write each kind's arithmetic on a sheet, and `report.py` judges
it. Nothing is deployed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.assess.fit.components import InferenceService, TrainingJob
    from sovereign_ai.assess.fit.fit_sheet import FitVerdict
    from sovereign_ai.assess.fit.report import Fit, assess_fit
    from sovereign_ai.assess.fit.serving_platforms import (
        ServingForm,
        platform_forms,
        serving_form,
        serving_manifests,
    )
    from sovereign_ai.assess.fit.workload_figures import split_figures
    from sovereign_ai.assess.fit.workload_file import read_workload
    from sovereign_ai.assess.fit.workload_manifests import manifests
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "components": ("InferenceService", "TrainingJob"),
            "fit_sheet": ("FitVerdict",),
            "report": ("Fit", "assess_fit"),
            "serving_platforms": (
                "ServingForm",
                "platform_forms",
                "serving_form",
                "serving_manifests",
            ),
            "workload_figures": ("split_figures",),
            "workload_file": ("read_workload",),
            "workload_manifests": ("manifests",),
        },
    )

__all__ = [
    "Fit",
    "FitVerdict",
    "InferenceService",
    "ServingForm",
    "TrainingJob",
    "assess_fit",
    "manifests",
    "platform_forms",
    "read_workload",
    "serving_form",
    "serving_manifests",
    "split_figures",
]
