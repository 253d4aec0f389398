"""How the numbers of a report were obtained, and what they do not show, in sentences."""

import tomllib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from vitreport.analysis.groups import Group, Named, mixed_randomness
from vitreport.analysis.references import architecture_title, where_of
from vitreport.analysis.summary import Summary
from vitreport.analysis.train_commands import PLACEHOLDER
from vitreport.data.registry import DATASETS, dataset_title
from vitreport.formatting import counted, duration, joined, listed
from vitreport.spec.sweep import format_value, short_name

COVERAGE = " They account for the choice of seeds and of test images."
FILE = Path(__file__).with_name("methods.toml")
TEXTS = {name: " ".join(text.split()) for name, text in tomllib.loads(FILE.read_text("utf-8")).items()}


def what_was_run(summary: Summary) -> str:
    """Count runs, seeds and images in one line, with the time that they took and the device."""
    seeds = sorted({len(group.seeds) for group in summary.groups if group.seeds})
    images = [(each.counts.get("test"), each.title) for each in summary.datasets]
    found = summary.provenance
    words = [
        counted(summary.runs, "run"),
        f"{counted(' to '.join(map(str, dict.fromkeys((seeds[0], seeds[-1])))), 'seed')} per setting" if seeds else "",
        listed([f"{counted(count, 'test image')} of {title}" for count, title in images if count], 3),
        f"{duration(found.seconds)} of training" if found.seconds else "",
        f"on {listed(list(found.devices), 2)}" if found.devices else "",
    ]
    return f"{', '.join(filter(None, words))}." if summary.runs else ""


def left_out(summary: Summary) -> str:
    """Name the architectures and datasets of which a study has no run yet, if it has any run."""
    kinds = (("architecture", architecture_title), ("dataset", dataset_title))
    begun, missing = summary.begun, list[str]()
    for kind, title in kinds:
        planned, run = (dict.fromkeys(getattr(pair, kind) for pair in pairs) for pairs in (summary.pairs, begun))
        missing += [title(name) for name in planned if name not in run]
    return f"Not run yet: {joined(missing)}." if missing and begun else ""


def held_fixed(named: Named, varied: Collection[str] = ()) -> str:
    """Name what differs from the presets or the defaults: what is the same in all groups, then what is not."""
    groups = [group for _, group in named]
    if not groups:
        return ""
    epochs = {group.epochs for group in groups if "train.epochs" not in varied}
    changes = [
        {short_name(path): format_value(group.fields[path]) for path in group.changed if path not in varied}
        for group in groups
    ]
    every = {name: value for name, value in changes[0].items() if all(each.get(name) == value for each in changes)}
    fixed = {"epochs": str(min(epochs))} if len(epochs) == 1 else {}
    words = [f"{name} {value}" for name, value in (fixed | every).items()]
    changed = dict.fromkeys(name for each in changes for name in each if name not in every)
    lengths = ["epochs"] if len(epochs) > 1 else []
    if changed:
        names = listed(list(dict.fromkeys([*lengths, *changed])))
        others = f"Not held fixed: {names}."
    else:
        of = "its preset" if len({group.architecture for group in groups}) == 1 else "the presets"
        which = "All other settings are" if words else "The settings are"
        others = f"{which} those of {of}, or the defaults if there is none."
    return f"Held fixed: {', '.join(words)}. {others}" if words else others


def unequal_classes_note(named: Named) -> str:
    """Say that the classes of the test split are unequal, and what that means for accuracy."""
    found = next((group.unequal_classes for _, group in named if group.unequal_classes), "")
    return f"Classes are unequal: {found}. Large classes count more in accuracy." if found else ""


def without_answers(named: Named) -> str:
    """Name the groups with older records: their intervals cover less than those of other groups."""
    methods = {name: group.test.method for name, group in named if group.test}
    older = [name for name, method in methods.items() if method in ("t", "equal")]
    if not older or "crossed" not in methods.values():
        return ""
    reason = f"The records of {listed(older)} do not say which images were correct"
    return f" {reason}. All intervals that use them cover new training runs only."


def scores(groups: Iterable[Group]) -> str:
    """Explain the means over classes, and name the runs with an unknown macro F1."""
    done = [run for group in groups for run in group.runs if run.state == "done"]
    without_f1 = [run.id for run in done if run.macro_f1 is None]
    reason = "their records do not count the predictions of each class (vitreport eval prints macro F1)"
    unknown = f" Macro F1 is unknown for {listed(without_f1, 3)}: {reason}." if without_f1 else ""
    return f" {TEXTS['scores']}{unknown}" if done else ""


def placeholder_of(summary: Summary) -> str:
    """Say what to replace in commands that train on a user's image folder."""
    names = list(dict.fromkeys(each.name for each in summary.datasets if each.name not in DATASETS))
    return f"Replace {PLACEHOLDER} in a command with the directory that contains {joined(names)}." if names else ""


def resumed(summary: Summary) -> str:
    """Count the runs that were interrupted and resumed, also on other machines; nothing if there are none."""
    runs, elsewhere = summary.provenance.resumed, summary.provenance.resumed_elsewhere
    where = "all in the same environment"
    if elsewhere:
        where = f"{elsewhere} with other versions or threads, or on another device"
    return f"Interrupted and resumed: {counted(runs, 'run')}, {where}." if runs else ""


def methods(summary: Summary, *, has_claims: bool) -> Iterator[str]:
    """Explain each choice that a reader should know."""
    chosen = [f"{where_of(pair)}, {pair.chosen}" for pair in summary.pairs if pair.chosen]
    author = f"The study's author wrote {joined(summary.written)}; the numbers in these texts come from the records. "
    every = f"{author}Every other" if summary.written else "Every"
    yield f"{every} number, sentence and figure is computed from the records of {counted(summary.runs, 'run')}."
    yield from (TEXTS[name] for name in ("seeds", "single_runs", "differences", "curves", "class_means"))
    if has_claims:
        yield TEXTS["claims"]
    if chosen:
        yield f"Each architecture has one row in the first table, chosen without the test set: {'; '.join(chosen)}."
    yield TEXTS["selection"]


def limits(summary: Summary) -> Iterator[str]:
    """Say what this summary does not show, a sentence for each limit that it has."""
    representatives = [pair.group for pair in summary.pairs if pair.group]
    yield TEXTS["independence"]
    seeds = [len(group.seeds) for group in representatives if group.test]
    if single := seeds.count(1):
        results = f"{single} of {counted(len(representatives), 'result')}"
        yield f"Single runs: {results}; results may differ for other seeds."
    if 2 in seeds:
        yield "With two seeds, intervals are very wide and can rarely show a difference."
    if len(summary.groups) > len(representatives):
        yield "Not all combinations of settings were tried: the best value of one may depend on the others."
    for dataset in dict.fromkeys(group.dataset for group in representatives):
        epochs = {group.epochs for group in representatives if group.test and group.dataset == dataset}
        if len(epochs) > 1:
            where, lengths = dataset_title(dataset), f"{min(epochs)} to {max(epochs)}"
            yield f"On {where}, the architectures were trained for different numbers of epochs: {lengths}."
    if len({group.cost.device for group in representatives if group.cost}) > 1:
        yield "The runs come from several devices: their times and images per second cannot be compared."
    yield from _limits_of_records(summary)


def _limits_of_records(summary: Summary) -> Iterator[str]:
    for each in summary.datasets:
        if each.overlap:
            shared = f"Test images of {each.title} that are also training images: {each.overlap:,}"
            yield f"{shared}; accuracy on them says nothing about new images."
        if each.class_sizes:
            yield f"{each.title}: {each.class_sizes}; the accuracies of small classes are uncertain."
    for mixed in mixed_randomness(summary.groups):
        yield f"{mixed}: the same seed gives different random numbers in each version."
