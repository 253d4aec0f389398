"""Check before a sweep begins whether its missing trials can be trained."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vitreport import errors
from vitreport.data.notices import image_notices
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.files import check_writable
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import check_same_images, needs_training
from vitreport.sweep.engines.engine import Engine
from vitreport.sweep.observer import Observer, Policy
from vitreport.sweep.plan import Plan, Trial, read_trials


def check_plans(
    plans: Sequence[Plan],
    runtime: Runtime,
    engine: Engine,
    policy: Policy,
    observer: Observer,
    said: set[tuple[str, str]],
) -> dict[str, errors.VitreportError]:
    """Decode each dataset once for all workers, and check whether every missing trial can be trained.

    Lines about datasets are shown and added to `said`. Return why a plan cannot be trained, by its name: images are
    missing, damaged or others than recorded runs were trained on, or cannot be downloaded.

    Raises:
        SpecError: With the problems of all networks, or of all trials on a dataset.
        ResourceError: The engine cannot be used, or the runs cannot be written.
    """
    every = [trial for plan in plans for trial in plan.trials]
    runs = read_trials(every, runtime.runs_dir)
    missing = {trial.id: trial.spec for trial in missing_trials(every, runs, retry_failed=policy.retry_failed)}
    if not missing:
        return {}
    from vitreport.sweep.forecast import check_networks

    engine.check()
    check_writable(runtime.runs_dir)
    check_networks(missing.values())
    trials_on: dict[ImageRequest, list[str]] = defaultdict(list)
    for trial in every:
        own_runtime = replace(runtime, data_dir=trial.data_dir)
        trials_on[ImageRequest.of(trial.spec.data, own_runtime)].append(trial.id)
    faults: dict[str, errors.VitreportError] = {}
    for request, ids in trials_on.items():
        specs = [missing[run_id] for run_id in ids if run_id in missing]
        try:
            if specs:
                _check_images(request, specs, [runs[run_id] for run_id in ids if run_id in runs], observer, said)
        except (errors.DatasetError, errors.ResourceError) as error:
            faults |= {spec.run_id: error for spec in specs}
    return {plan.name: faults[trial.id] for plan in plans for trial in plan.trials if trial.id in faults}


def _check_images(
    request: ImageRequest, specs: Sequence[RunSpec], runs: Iterable[Run], observer: Observer, said: set[tuple[str, str]]
) -> None:
    """Open a dataset for these specs and their runs."""
    from vitreport.training.setup import class_problems  # with torch, which a finished sweep does not need

    def note(line: str) -> None:
        said.add((request.name, line))
        observer.note(line.replace("warning: ", f"warning: {request.name}: ", 1))

    images = open_dataset(replace(request, note=note, progress=observer.progress))
    for run in runs:
        if run.record:
            hint = "restore the original images, or choose another --runs-dir"
            check_same_images(run.record, images.fingerprint, hint)
    errors.raise_problems(each for spec in specs for each in class_problems(spec, len(images.classes)))
    for line in image_notices(request.name, images):
        note(line)


def missing_trials(trials: Sequence[Trial], runs: Mapping[str, Run], *, retry_failed: bool = False) -> list[Trial]:
    """Return the trials that are to be trained."""
    return [trial for trial in trials if needs_training(runs.get(trial.id), retry_failed=retry_failed)]
