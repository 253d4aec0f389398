"""From the values of a sweep's trials to their checked specs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.cli.compose import Request, compose_request
from vitreport.cli.console import note
from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.formatting import listed
from vitreport.spec.data import Lowered
from vitreport.spec.load import layer_of
from vitreport.spec.run import RunSpec
from vitreport.sweep.plan import Plan

MODEL = "model.name"
ARCHITECTURE = (MODEL, "model.architecture")


@dataclass(frozen=True)
class Sweep:
    """A plan, and the folder that its data sets lie in."""

    plan: Plan
    data_dir: Path


@dataclass(frozen=True)
class Work:
    """Sweeps, and by name those that cannot be planned, because their data set is a folder that cannot be used."""

    sweeps: Sequence[Sweep]
    unavailable: Mapping[str, DatasetError]
    lowered: Collection[Lowered] = ()


def tell_lowered(each_found: Iterable[Lowered | None]) -> None:
    """Note in one line all batch sizes that were lowered."""
    if found := [each for each in each_found if each]:
        before, after = ({getattr(each, name) for each in found} for name in ("before", "after"))
        sizes = f"from {listed([*map(str, sorted(before))])} to {listed([*map(str, sorted(after))])}"
        note(f"lowered train.batch_size {sizes}: data.limit leaves fewer training images than one batch")


class Composer:
    """Composes trials: a request, and over it what is `fixed` and the fields of a trial, which come from `origin`."""

    def __init__(
        self, request: Request, origin: str, data_dirs: Sequence[Path] | None, fixed: Mapping[str, Any] | None = None
    ) -> None:
        self._request, self._origin, self._searched, self._fixed = request, origin, data_dirs, fixed or {}
        self._data_dirs: dict[str, Path] = {}
        self.lowered: set[Lowered] = set()

    def __call__(self, fields: Mapping[str, Any]) -> RunSpec:
        request, fixed = self._request, self._fixed
        if MODEL in fields:  # another one than the request's, which may be an architecture of timm
            request = replace(request, model=None)
            fixed = {path: fixed[path] for path in fixed if path not in ARCHITECTURE}
        trial = replace(layer_of({**fixed, **fields}, self._origin), is_varied=True)
        request = replace(request, strongest=trial)
        composition = compose_request(request, self._searched)
        if (origin := composition.composed.origins.get("seed", "")) in ("--set", self._origin):
            raise SpecError(problems=[Problem("seed", "is given by --seeds in a sweep", "--seeds 5..5", origin=origin)])
        spec = composition.composed.spec
        self.lowered |= {*filter(None, [composition.composed.lowered])}
        self._data_dirs.setdefault(spec.data.dataset, composition.data_dir)  # the trials come before the spec itself
        return spec

    def placed(self, plan: Plan) -> Sweep:
        """The plan with the folder of its data sets. Raises SpecError where they lie in several."""
        found = {trial.spec.data.dataset: self._data_dirs[trial.spec.data.dataset] for trial in plan.trials}
        if len(set(found.values())) > 1:
            told = ", ".join(f"{dataset} in {folder}" for dataset, folder in found.items())
            hint = "put them side by side: --data-dir FOLDER, and name them without their paths"
            raise SpecError(f"a sweep takes its data sets from one folder, but looks for {told}", hint)
        return Sweep(plan, next(iter(found.values())))
