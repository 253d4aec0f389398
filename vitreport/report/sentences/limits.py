"""What a report does not show, said by itself."""

from collections.abc import Iterator

from vitreport.report.facts.summary import Summary


def limits(summary: Summary) -> list[str]:
    """A sentence for each limit that this summary has."""
    return list(_limits(summary))


def _limits(summary: Summary) -> Iterator[str]:
    standing = [cell.group for cell in summary.cells if cell.group]
    yield "The intervals hold the spread between seeds, or of a single run that of its test images; no other."
    if single := sum(bool(group.test) and len(group.seeds) == 1 for group in standing):
        yield f"{single} of {len(standing)} results of the first table are single runs: other seeds may tell otherwise."
    if missing := sum(cell.group is None for cell in summary.cells):
        yield f"{missing} of {len(summary.cells)} pairs of the first table have not been run."
    if any(len(architecture.groups) > len(architecture.cells) for architecture in summary.architectures):
        yield (
            "Not all combinations of settings were tried: what is best beside one value of another setting need not be "
            "best beside another."
        )
    epochs = {group.fields["train.epochs"] for group in standing if group.test}
    if len(epochs) > 1:
        yield f"The architectures were not trained equally long: from {min(epochs)} to {max(epochs)} epochs."
    if len({group.cost.device for group in standing if group.cost}) > 1:
        yield "The runs come from several devices: their times and images per second do not compare."
    for dataset in summary.datasets:
        if dataset.overlap:
            shared = f"{dataset.overlap} test images of {dataset.title} are also training images"
            yield f"{shared}: accuracies on them tell nothing of images that were not seen."
    if summary.provenance.unknown_commits:
        count = summary.provenance.unknown_commits
        yield f"Of {count} {'run' if count == 1 else 'runs'} the commit of the source code is not known."
