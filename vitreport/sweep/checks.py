"""What can be checked of trials before any of them is trained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from vitreport.data.notices import image_notices
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.errors import DatasetError, ImagesError, Problem, ResourceError, SpecError
from vitreport.models.cost import count_parameters
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import refuse_other_images
from vitreport.sweep.plan import Trial
from vitreport.training.device import memory_errors
from vitreport.training.setup import build_network, image_problems

OTHER_IMAGES_HINT = "bring the former images back, or choose another --runs-dir"


class Networks:
    """Builds each network of a sweep once, and keeps how many parameters it has."""

    def __init__(self) -> None:
        self._parameters: dict[tuple[str, int, int], int] = {}

    def parameters(self, spec: RunSpec) -> int:
        """Raise SpecError where the network cannot be built, ResourceError where the memory does not suffice."""
        network = spec.model.model_dump_json(), spec.data.image_size, spec.data.num_classes
        if network not in self._parameters:
            with memory_errors("building the model"):
                self._parameters[network] = count_parameters(build_network(spec))
        return self._parameters[network]

    def check(self, specs: Iterable[RunSpec]) -> None:
        """Raise SpecError with what is wrong with any of them."""
        problems: list[Problem] = []
        for spec in specs:
            try:
                self.parameters(spec)
            except SpecError as error:
                problems += error.problems_at("model")
        _raise_all(problems)


def check_images(
    trials: Sequence[Trial],
    missing: Sequence[Trial],
    runs: Mapping[str, Run],
    runtime: Runtime,
    note: Callable[[str, str], None],
    progress: Callable[[str, int, int | None], None],
) -> None:
    """Decode each dataset once for all workers, and check whether every missing trial can be trained on it.

    Args:
        trials: All trials; those on record must have seen the same images.
        missing: The trials that are to be trained.
        runs: What is on record, by the id of the spec.
        runtime: Where the images are.
        note: Receives a dataset and a line about its images.
        progress: Receives how far the preparation of the images is.

    Raises:
        ImagesError: The images of a dataset cannot be had, or are others than a run on record has seen.
        SpecError: A trial does not fit its images.
    """
    for key in dict.fromkeys(map(_images_key, missing)):
        same = [trial for trial in trials if _images_key(trial) == key]
        data = same[0].spec.data
        try:
            images = open_dataset(ImageRequest.of(data, runtime, partial(note, data.dataset), progress))
            for trial in same:
                if (run := runs.get(trial.id)) and run.record:
                    refuse_other_images(run.record, images.fingerprint, OTHER_IMAGES_HINT)
        except (DatasetError, ResourceError) as error:
            raise ImagesError({data.dataset: error}) from error
        classes, available = len(images.classes), len(images.splits["train"].labels)
        specs = [trial.spec for trial in same if trial in missing]
        _raise_all(
            problem
            for spec in specs
            for problem in image_problems(spec, classes, spec.data.images_to_train_on(available))
        )
        for line in image_notices(data.dataset, images):
            note(data.dataset, line)


def _images_key(trial: Trial) -> tuple[str, int, str]:
    """Return what settles which images a trial has, and how they are decoded."""
    data = trial.spec.data
    return data.dataset, data.image_size, data.intensity_range


def _raise_all(problems: Iterable[Problem]) -> None:
    if unique := list(dict.fromkeys(problems)):
        raise SpecError(problems=unique)
