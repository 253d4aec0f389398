"""What can be known of cells before any of them is trained."""

from collections.abc import Iterable, Sequence

from vitreport.data.cache import ImageArrays
from vitreport.errors import Problem, SpecError
from vitreport.spec.run import RunSpec
from vitreport.training.setup import build_network, image_problems


def check_networks(specs: Iterable[RunSpec]) -> None:
    """Build each of the networks once. Raises SpecError with what is wrong with any of them."""
    distinct = {(spec.model.model_dump_json(), spec.data.image_size, spec.data.num_classes): spec for spec in specs}
    _raise_all(problem for spec in distinct.values() for problem in _network_problems(spec))


def check_images(specs: Iterable[RunSpec], images: ImageArrays) -> None:
    """Raises SpecError where the specs of a data set do not fit its images."""
    classes, available = len(images.classes), len(images.splits["train"].labels)
    _raise_all(
        problem for spec in specs for problem in image_problems(spec, classes, spec.data.images_to_train_on(available))
    )


def _network_problems(spec: RunSpec) -> Sequence[Problem]:
    try:
        build_network(spec)
    except SpecError as error:
        return error.problems or [Problem("model", error.message, error.hint)]
    return []


def _raise_all(problems: Iterable[Problem]) -> None:
    if told := list(dict.fromkeys(problems)):
        raise SpecError(problems=told)
