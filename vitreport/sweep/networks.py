"""Build the networks of trials before any of them is trained: to check them, and to count their parameters."""

from collections.abc import Iterable

from vitreport.data.arrays import ImageArrays
from vitreport.errors import Problem, SpecError
from vitreport.models.cost import count_parameters
from vitreport.spec.run import RunSpec
from vitreport.training.device import memory_errors
from vitreport.training.setup import build_network, image_problems

_parameters: dict[tuple[str, int, int], int] = {}
"""Of each network that was built, by its model, image size and number of classes."""


def parameters_of(spec: RunSpec) -> int:
    """Count the parameters of a network, which is built once for all specs that share it.

    Raises SpecError if it cannot be built, ResourceError if the memory does not suffice.
    """
    network = spec.model.model_dump_json(), spec.data.image_size, spec.data.num_classes
    if network not in _parameters:
        with memory_errors("building the model"):
            _parameters[network] = count_parameters(build_network(spec))
    return _parameters[network]


def check_networks(specs: Iterable[RunSpec]) -> None:
    """Raise SpecError with what is wrong with any of the networks."""
    problems: list[Problem] = []
    for spec in specs:
        try:
            parameters_of(spec)
        except SpecError as error:
            problems += error.problems_at("model")
    if problems:
        raise SpecError(problems=problems)


def check_images(specs: Iterable[RunSpec], images: ImageArrays) -> None:
    """Raise SpecError with the problems of all specs that do not fit their images."""
    classes, available = len(images.classes), len(images.splits["train"].labels)
    counts = [(spec, spec.data.images_to_train_on(available)) for spec in specs]
    if problems := [problem for spec, count in counts for problem in image_problems(spec, classes, count)]:
        raise SpecError(problems=problems)
