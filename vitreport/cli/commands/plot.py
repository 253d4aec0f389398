"""`vitreport plot`: draw the curves of several groups in one figure."""

from collections import Counter
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import Annotated, Literal

import vitreport
from vitreport.analysis.curves import Metric
from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_label, subject_of, where_of
from vitreport.analysis.summary import Summary
from vitreport.cli import completion, options
from vitreport.cli.console import note
from vitreport.cli.options import argument, option
from vitreport.cli.records import check_places_undamaged
from vitreport.data.registry import dataset_title
from vitreport.errors import SpecError
from vitreport.files import output_path, write_atomic
from vitreport.formatting import counted, listed
from vitreport.records.measurement import SPLITS
from vitreport.report.figures.curves import curves_figure
from vitreport.report.figures.draw import drawn_file
from vitreport.runtime import RUNS_DIR
from vitreport.suggestions import did_you_mean

Split = Literal["train", "val", "test"]
EXTENSIONS = (".svg", ".png", ".pdf")
HINTS: dict[Split, str] = {
    "train": "use groups that have finished at least one epoch",
    "val": "choose another --split, or train with data.validation_fraction = 0.1",
    "test": "choose another --split, or train with train.monitor_test = true",
}


def plot(
    names: Annotated[list[str], argument("Ids of runs, groups or sweeps.", "GROUP", completion.sweeps)],
    output: Annotated[Path, option("SVG, PNG or PDF file to write.", "FILE", "--output", "-o")],
    split: Annotated[Split, option("Split to draw.")] = "val",
    metric: Annotated[Metric, option("Metric to draw.")] = "accuracy",
    label: Annotated[
        list[str] | None, option("Name of a group in the figure (default: what differs).", "GROUP=NAME")
    ] = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
) -> None:
    """Draw the curves of several groups in one figure, with the mean and the 95% band of their seeds.

    Example:
        vitreport plot swin-digits tnt-digits -o validation.svg
        vitreport plot swin-digits tnt-digits --metric loss -o loss.pdf
    """
    file = figure_path(output)
    summary = vitreport.analyze(runs_dir, names)
    if not summary.groups:
        raise SpecError(f"nothing to draw: no run of {listed(names)} in {runs_dir}", "see `vitreport runs list`")
    if without := [group.id for group in summary.groups if group.curve(split, metric) is None]:
        raise SpecError(f"no {SPLITS[split]} curve in {listed(without)}", HINTS[split])
    title, groups = _labelled(summary, label or ())
    for figure in curves_figure(output.stem, title, groups, ((split, metric),), fewest=1):
        write_atomic(file, drawn_file(figure, output.suffix))
        note(f"{counted(len(figure.data[0].lines), 'group')} in {output}. {figure.caption}")
    check_places_undamaged(summary, runs_dir, "the figure")


def figure_path(output: Path) -> Path:
    """Return where a figure is written. Raises SpecError for an unknown extension or a place that is no file."""
    if output.suffix.lower() not in EXTENSIONS:
        raise SpecError(f"unknown file extension: {output}", "use .svg, .png or .pdf")
    return output_path(output)


def _labelled(summary: Summary, given: Sequence[str]) -> tuple[str, list[tuple[str, Group]]]:
    """Return the title and the groups with their labels: those given, else what differs between the groups."""
    groups = {group.id: group for group in summary.groups}
    whole = (each for each in summary.ablations if set(groups) <= {group.id for _, group in each.groups})
    if ablation := next(whole, None):
        title, labels = subject_of(ablation), {group.id: shown for shown, group in ablation.groups}
    else:
        title = ", ".join(dict.fromkeys(map(where_of, groups.values())))
        names = [
            (architecture_label(each.architecture), dataset_title(each.dataset), each.label) for each in groups.values()
        ]
        varies = [len(set(column)) > 1 for column in zip(*names, strict=True)]
        words = [", ".join(filter(None, compress(each, varies))) or "representative" for each in names]
        labels = dict(zip(groups, words, strict=True))
    texts = Counter(labels.values())
    labels = {name: text if texts[text] == 1 else name for name, text in labels.items() if name in groups}
    for name, _, text in (each.partition("=") for each in given):
        found = [each for each in labels if name and each.startswith(name)]
        if not text:
            raise SpecError(f"--label {name}: no name for the group", f"write it as --label {name or 'GROUP'}=NAME")
        if not found:
            raise SpecError(f"unknown group {name} in --label {name}={text}", did_you_mean(name, sorted(groups)))
        labels |= dict.fromkeys(found, text)
    return title, [(text, groups[name]) for name, text in labels.items()]
