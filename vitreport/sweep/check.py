"""What can be known of trials before any of them is trained."""

from collections.abc import Iterable, Sequence

from vitreport.data.cache import ImageArrays
from vitreport.errors import Problem, SpecError
from vitreport.models.cost import count_parameters
from vitreport.spec.run import RunSpec
from vitreport.training.device import memory_errors
from vitreport.training.setup import build_network, image_problems


class Networks:
    """Builds each network of a sweep once, and keeps how many parameters it has."""

    def __init__(self) -> None:
        self._parameters: dict[tuple[str, int, int], int] = {}

    def parameters(self, spec: RunSpec) -> int:
        """Raises SpecError where the network cannot be built, ResourceError where the memory does not suffice."""
        network = spec.model.model_dump_json(), spec.data.image_size, spec.data.num_classes
        if network not in self._parameters:
            with memory_errors("building the model"):
                self._parameters[network] = count_parameters(build_network(spec))
        return self._parameters[network]

    def check(self, specs: Iterable[RunSpec]) -> None:
        """Raises SpecError with what is wrong with any of them."""
        _raise_all(problem for spec in specs for problem in self._problems(spec))

    def _problems(self, spec: RunSpec) -> Sequence[Problem]:
        try:
            self.parameters(spec)
        except SpecError as error:
            return error.problems_at("model")
        return []


def check_images(specs: Iterable[RunSpec], images: ImageArrays) -> None:
    """Raises SpecError where the specs of a data set do not fit its images."""
    classes, available = len(images.classes), len(images.splits["train"].labels)
    _raise_all(
        problem for spec in specs for problem in image_problems(spec, classes, spec.data.images_to_train_on(available))
    )


def _raise_all(problems: Iterable[Problem]) -> None:
    if told := list(dict.fromkeys(problems)):
        raise SpecError(problems=told)
