"""From the values of a sweep's cells to their checked specs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitreport.cli.compose import Request, compose_request
from vitreport.errors import Problem, SpecError
from vitreport.spec.load import layer_of
from vitreport.spec.run import RunSpec
from vitreport.sweep.plan import Plan


class Composer:
    """Composes cells: a request, and over it what is `fixed` and the fields of a cell, which come from `origin`.

    `data_dirs` remembers the folder that each of their data sets lies in.
    """

    def __init__(
        self,
        request: Request,
        origin: str,
        data_dir: Path | None,
        data_dirs: dict[str, Path],
        fixed: Mapping[str, Any] | None = None,
    ) -> None:
        self._request, self._origin, self._data_dir = request, origin, data_dir
        self._data_dirs, self._fixed = data_dirs, fixed or {}

    def __call__(self, fields: Mapping[str, Any]) -> RunSpec:
        request = replace(self._request, strongest=layer_of({**self._fixed, **fields}, self._origin))
        composition = compose_request(request, self._data_dir)
        if (origin := composition.composed.origins.get("seed", "")) in ("--set", self._origin):
            raise SpecError(problems=[Problem("seed", "is given by --seeds in a sweep", "--seeds 5..5", origin=origin)])
        spec = composition.composed.spec
        self._data_dirs.setdefault(spec.data.dataset, composition.data_dir)  # the cells come before the spec itself
        return spec


def common_folder(plans: Iterable[Plan], data_dirs: Mapping[str, Path]) -> Path:
    """The folder that holds the data sets of all cells. Raises SpecError where there is no such."""
    datasets = dict.fromkeys(cell.spec.data.dataset for plan in plans for cell in plan.cells)
    found = {dataset: data_dirs[dataset] for dataset in datasets}
    if len(set(found.values())) > 1:
        told = ", ".join(f"{dataset} in {folder}" for dataset, folder in found.items())
        hint = "put them side by side: --data-dir FOLDER, and name them without their paths"
        raise SpecError(f"a sweep takes its data sets from one folder, but looks for {told}", hint)
    return next(iter(found.values()))
