"""What a report does not show, said by itself."""

from collections.abc import Iterator

from vitreport.analysis.summary import Summary
from vitreport.analysis.titles import titles
from vitreport.formatting import counted


def limits(summary: Summary) -> list[str]:
    """A sentence for each limit that this summary has."""
    return list(_limits(summary))


def _limits(summary: Summary) -> Iterator[str]:
    names = titles(summary)
    standing = [cell.group for cell in summary.pairs if cell.group]
    yield (
        "An interval covers the spread between seeds, or of a single run that between test images; nothing else, such "
        "as another split of the images or other settings."
    )
    if single := sum(bool(group.test) and len(group.seeds) == 1 for group in standing):
        told = f"{single} of {counted(len(standing), 'result')}"
        yield f"Single runs in the first table: {told}; other seeds may tell otherwise."
    if missing := sum(cell.group is None for cell in summary.pairs):
        yield f"Not run in the first table: {missing} of {counted(len(summary.pairs), 'pair')}."
    if any(len(architecture.groups) > len(architecture.pairs) for architecture in summary.architectures):
        yield (
            "Not all combinations of settings were tried: what is best beside one value of another setting need not be "
            "best beside another."
        )
    for place in dict.fromkeys(group.dataset for group in standing):
        epochs = {group.fields["train.epochs"] for group in standing if group.test and group.dataset == place}
        if len(epochs) > 1:
            told = f"from {min(epochs)} to {max(epochs)} epochs"
            yield f"On {names.get(place, place)}, the architectures were not trained equally long: {told}."
    if len({group.cost.device for group in standing if group.cost}) > 1:
        yield "The runs come from several devices: their times and images per second do not compare."
    yield from _of_images(summary)
    yield from _mixed(summary)
    if summary.provenance.unknown_commits:
        runs = counted(summary.provenance.unknown_commits, "run")
        yield f"Of {runs} the commit of the source code is not known."


def _of_images(summary: Summary) -> Iterator[str]:
    for dataset in summary.datasets:
        if dataset.overlap:
            shared = f"Test images of {dataset.title} that are also training images: {dataset.overlap:,}"
            yield f"{shared}; accuracy on them tells nothing of images that were not seen."
        if dataset.class_sizes:
            yield f"{dataset.title}: {dataset.class_sizes}; the accuracies of small classes are uncertain."


def _mixed(summary: Summary) -> Iterator[str]:
    for told in summary.mixed_randomness:
        yield f"{told}: the same seed gives different random numbers in each version."
