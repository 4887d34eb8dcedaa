"""The fit of a training job or an inference service: its verdict, its checks and their arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from sovereign_ai.assess.energy.power import planned_shapes
from sovereign_ai.assess.fit.components import InferenceService, TrainingJob
from sovereign_ai.assess.fit.fit_sheet import FitCheck, FitPlace, FitSheet, FitVerdict
from sovereign_ai.assess.fit.serving import add_inference_service
from sovereign_ai.assess.fit.spanning import port_rate
from sovereign_ai.assess.fit.training import INTERVALS, MEMORY_PARTS, add_training_job
from sovereign_ai.assess.measure import Assessment, ReportLine
from sovereign_ai.assess.sheet import GivenValue, Sheet
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory


@frozen_dataclass(kw_only=True)
class Fit(Assessment):
    """Whether a piece of work fits a factory.

    Attributes:
        kind: `TrainingJob` or `InferenceService`.
        name: its name.
        pool: its pool.
        checks: every check, in order.
        advice: what decides nothing and should be known, each with the names of its numbers.
    """

    kind: str
    name: str
    pool: str
    checks: tuple[FitCheck, ...]
    advice: tuple[ReportLine, ...] = ()

    @property
    def verdict(self) -> FitVerdict:
        """The verdict of all checks: one that does not fit decides, then one that is not known."""
        verdicts = {check.verdict for check in self.checks}
        for verdict in (FitVerdict.DOES_NOT, FitVerdict.UNKNOWN):
            if verdict in verdicts:
                return verdict
        return FitVerdict.FITS

    @property
    def missing(self) -> tuple[str, ...]:
        """The figures that would decide every check, sorted."""
        names: set[str] = set()
        for check in self.checks:
            names.update(check.missing)
        return tuple(sorted(names))

    def to_data(self) -> dict[str, object]:
        """Return plain data that is ready for JSON."""
        # Without arguments `super` does not find a class that slots made anew.
        data = Assessment.to_data(self)
        data["checks"] = [asdict(check) | {"verdict": check.verdict.value} for check in self.checks]
        data["advice"] = [text for text, _ in self.advice]
        data["verdict"], data["missing"] = self.verdict.value, list(self.missing)
        return data

    def lines_with_measures(self) -> Iterator[ReportLine]:
        """Yield the lines of the report, each with the names of the measures on it."""
        yield f"{self.kind} {self.name} on pool {self.pool} of {self.factory}: {self.verdict}", ()
        for check in self.checks:
            yield f"  {check.line[0]}", check.line[1]
            if check.label == "memory of a GPU":
                yield from self._labelled({f"memory.{part}": part for part in MEMORY_PARTS})
        for text, names in self.advice:
            yield f"  advice: {text}", names
        yield from self._labelled(INTERVALS, "  ")
        if self.missing:
            yield f"figures that would decide: {', '.join(self.missing)}", ()
        yield "a calculation; nothing was deployed or measured", ()

    def _labelled(self, labels: Mapping[str, str], indent: str = "    ") -> Iterator[ReportLine]:
        """Yield the measures that this kind of work has, each with its label."""
        known = {measure.id for measure in self.measures}
        for name, label in labels.items():
            if name in known:
                yield f"{indent}{label}: {self.measure(name)}", (name,)


def assess_fit(
    factory: AIFactory,
    plan: Plan,
    work: TrainingJob | InferenceService,
    given: Mapping[str, GivenValue] | None = None,
) -> Fit:
    """Assess whether a piece of work fits a factory.

    Args:
        factory: the description.
        plan: the plan of that description.
        work: the job or service, whose pool the factory has.
        given: the user's figures, by the name of the leaf that each replaces.

    Raises:
        UsageError: a given figure is not part of this assessment.
    """
    fit = fit_sheet(factory, plan, work, given or {})
    measures = fit.sheet.measures()
    return Fit(
        factory=factory.name,
        spec_digest=plan.spec_digest,
        measures=measures,
        kind=work.kind,
        name=work.name,
        pool=work.pool,
        checks=fit.judged(measures),
        advice=fit.advice(measures),
    )


def fit_sheet(
    factory: AIFactory, plan: Plan, work: TrainingJob | InferenceService, given: Mapping[str, GivenValue]
) -> FitSheet:
    """Build the sheet of a piece of work with its checks."""
    fit = FitSheet(Sheet(dict(given)))
    shape = next(shape for shape in planned_shapes(factory, plan) if shape.pool.name == work.pool)
    place = FitPlace(plan, shape, work.tenant, port_rate(factory, plan, shape))
    if isinstance(work, TrainingJob):
        add_training_job(fit, work, place)
    else:
        add_inference_service(fit, work, place)
    return fit
