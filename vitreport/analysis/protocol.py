"""How the numbers of a report were obtained, and what they do not show, in sentences."""

from collections.abc import Iterator

from vitreport.analysis.groups import mixed_randomness
from vitreport.analysis.summary import Summary
from vitreport.analysis.titles import where_of
from vitreport.analysis.train_commands import PLACEHOLDER
from vitreport.data.registry import DATASETS, dataset_title
from vitreport.formatting import counted, joined

COST = (
    "FLOPs are those of one image, a multiply-add counted as two. Times and images per second (training) are medians "
    "over the seeds on the device of the row, memory is the most of any; they compare only where the device is the "
    "same."
)


def placeholder_of(summary: Summary) -> str:
    """What is to be replaced in commands that train on a folder of the user's own."""
    names = list(dict.fromkeys(each.name for each in summary.datasets if each.name not in DATASETS))
    if not names:
        return ""
    folders = joined(names)
    return f"Replace {PLACEHOLDER} in a command with the folder that contains {folders}: the records contain no paths."


def resumed(summary: Summary) -> str:
    """How many runs were interrupted and resumed, and whether elsewhere; nothing if none was."""
    found = summary.provenance
    if not found.resumed:
        return ""
    told = f"Interrupted and resumed: {counted(found.resumed, 'run')}"
    if not found.resumed_elsewhere:
        return f"{told}, each with the versions, threads and device that it began with."
    return (
        f"{told}, {found.resumed_elsewhere} of them with other versions, threads or another device than before: the "
        "last digits may differ from those of an undisturbed run."
    )


def methods(summary: Summary, *, has_claims: bool) -> Iterator[str]:
    """A sentence or two for each choice that a reader should know."""
    chosen = [f"{where_of(pair)}, {pair.chosen}" for pair in summary.pairs if pair.group and pair.candidates > 1]
    representatives = "; ".join(chosen) or "there is one for each"
    yield f"Every number, sentence and figure is computed from the records of {counted(summary.runs, 'run')}."
    yield (
        "Several seeds are one result: mean ± half of Student's 95% interval over n seeds; those that do not vary have "
        "no interval. Intervals are cut at the possible limits, such as 0 and 100%; both ends of such an interval are "
        "shown. A single run shows Wilson's "
        "95% interval over its test images; that leaves out the spread between seeds, so single runs are never ranked."
    )
    yield (
        "Differences are Welch's; where enough seeds are common to both, p is that of an exact sign-flip test (six for "
        "one comparison, at most twenty). p-values are adjusted by Holm: beside a baseline that was fixed in advance "
        "over the comparisons with it, beside one that was chosen by its result or found among the runs over all "
        "pairs; the ends of a range are compared only where one is the baseline. Every interval is that of its own "
        "comparison. \N{LEFT DOUBLE QUOTATION MARK}No difference "
        "shown\N{RIGHT DOUBLE QUOTATION MARK} is not "
        "\N{LEFT DOUBLE QUOTATION MARK}equal\N{RIGHT DOUBLE QUOTATION MARK}."
    )
    if has_claims:
        yield (
            "A published accuracy is taken for one more run: it is judged by the 95% prediction interval of these "
            "seeds, mean \N{PLUS-MINUS SIGN} t s \N{SQUARE ROOT}(1 + 1/n), widened by half of its last digit. "
            "Reproduced is what lies in it where the interval of the mean is at most 1 point to each side. A single "
            "seed judges no claim: how far others would lie from it is not known. Each claim is judged by itself: of "
            "twenty that hold, one is expected outside."
        )
    if summary.has_pairs:
        yield (
            "Two single runs on the same test images are compared image by image with McNemar's exact test, adjusted "
            "by Holm likewise; that speaks of these two trained networks, not of other seeds."
        )
    yield (
        "The test accuracy is that of the epoch which the setting train.selection names (val: the best on the "
        "validation split; last: the last); the test images choose nothing, also not which setting stands for an "
        f"architecture in the first table: {representatives}."
    )


def limits(summary: Summary) -> Iterator[str]:
    """Say what this summary does not show, a sentence for each limit that it has."""
    representatives = [pair.group for pair in summary.pairs if pair.group]
    yield (
        "An interval covers the spread between seeds, or of a single run that between test images; nothing else, such "
        "as another split of the images or other settings."
    )
    if single := sum(bool(group.test) and len(group.seeds) == 1 for group in representatives):
        told = f"{single} of {counted(len(representatives), 'result')}"
        yield f"Single runs in the first table: {told}; other seeds may tell otherwise."
    if missing := sum(pair.group is None for pair in summary.pairs):
        yield f"Not run in the first table: {missing} of {counted(len(summary.pairs), 'pair')}."
    if any(len(architecture.groups) > len(architecture.pairs) for architecture in summary.architectures):
        yield (
            "Not all combinations of settings were tried: what is best beside one value of another setting need not be "
            "best beside another."
        )
    for place in dict.fromkeys(group.dataset for group in representatives):
        epochs = {group.fields["train.epochs"] for group in representatives if group.test and group.dataset == place}
        if len(epochs) > 1:
            told = f"from {min(epochs)} to {max(epochs)} epochs"
            yield f"On {dataset_title(place)}, the architectures were not trained equally long: {told}."
    if len({group.cost.device for group in representatives if group.cost}) > 1:
        yield "The runs come from several devices: their times and images per second do not compare."
    yield from _limits_of_records(summary)


def _limits_of_records(summary: Summary) -> Iterator[str]:
    for dataset in summary.datasets:
        if dataset.overlap:
            shared = f"Test images of {dataset.title} that are also training images: {dataset.overlap:,}"
            yield f"{shared}; accuracy on them tells nothing of images that were not seen."
        if dataset.class_sizes:
            yield f"{dataset.title}: {dataset.class_sizes}; the accuracies of small classes are uncertain."
    for mixed in mixed_randomness(summary.groups):
        yield f"{mixed}: the same seed gives different random numbers in each version."
    if summary.provenance.unknown_commits:
        runs = counted(summary.provenance.unknown_commits, "run")
        yield f"Of {runs} the commit of the source code is not known."
