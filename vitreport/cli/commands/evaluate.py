"""`vitreport eval`: measure a finished run again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from vitreport.analysis.class_scores import class_scores
from vitreport.analysis.runs import measured_accuracy
from vitreport.cli import options, records
from vitreport.cli.console import print_json, print_table, print_text
from vitreport.cli.live import TrainingView
from vitreport.cli.options import option
from vitreport.data.registry import bytes_in_words
from vitreport.formatting import milliseconds, percent, printable, rate, shortened_apart
from vitreport.records.folders import check_runs_dir
from vitreport.records.measurement import METRICS
from vitreport.records.reader import read_finished
from vitreport.run_id import common_id
from vitreport.runtime import data_dirs_or_default

if TYPE_CHECKING:
    from vitreport.store.evaluation import Evaluation

WIDEST_CONFUSION = 20
AGREES = {True: "same results as recorded in training", False: "differs from the results recorded in training"}


@options.grouped
def evaluate(
    run: options.RunOrGroup,
    machine: options.DeviceOptions,
    split: Annotated[Literal["test", "val", "train"], option("Split to evaluate.")] = "test",
    dataset: options.Dataset = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Evaluate a finished run: accuracy, loss, calibration, F1, each class, the confusion matrix, speed.

    With the id of a group, the class probabilities of its seeds are averaged. The result is not recorded.

    Example:
        vitreport eval swin-digits-ea4ce545-s0
        vitreport eval runs/swin-digits-ea4ce545-s0 --split val
        vitreport eval swin-digits-ea4ce545
    """
    check_runs_dir(machine.runs_dir, may_lack_default=True)
    runs = read_finished(run, machine.runs_dir)
    from vitreport.store.evaluation import evaluate_runs  # with torch

    folders = data_dirs_or_default(machine.data_dirs)
    with TrainingView(quiet=quiet) as listener:
        evaluation = evaluate_runs(runs, split, dataset, folders, machine.runtime(), listener)
    ids = [each.id for each in runs]
    if as_json:
        print_json(_as_json(evaluation, ids, split))
    else:
        _show(evaluation, ids, split)


def _agrees(evaluation: "Evaluation", runs: Sequence[str]) -> bool | None:
    """Return whether the results of one run are those recorded in training, if they are recorded."""
    return evaluation.recorded[0] == evaluation.measurement if len(runs) == 1 and evaluation.recorded else None


def _as_json(evaluation: "Evaluation", runs: Sequence[str], split: str) -> dict[str, Any]:
    recorded = evaluation.recorded
    known = {"recorded": recorded[0] if recorded else None} if len(runs) == 1 else {"runs": runs, "recorded": recorded}
    return {
        "run": common_id(runs),
        "split": split,
        **vars(evaluation),
        **known,
        "accuracy_interval": measured_accuracy(evaluation.measurement).interval,
        "class_scores": class_scores(evaluation.details),
        "agrees": _agrees(evaluation, runs),
    }


def _show(evaluation: "Evaluation", runs: Sequence[str], split: str) -> None:
    """Print the totals, each class, and which classes are taken for which."""
    averaged = "" if len(runs) == 1 else f", mean probabilities of {len(runs)} runs (not recorded)"
    print_text(printable(f"{common_id(runs)}: {split} split{averaged}"))
    print_table(["", ""], [total for total in _totals(evaluation, runs) if total[1]], gap=True)
    columns = ["class", "images", "correct", "recall", "precision", "F1"]
    print_table(columns, _class_rows(evaluation), right=columns[1:], gap=True)
    confusion = evaluation.details.confusion
    if confusion and len(confusion) <= WIDEST_CONFUSION:
        columns = shortened_apart(evaluation.classes, 6)
        rows = zip(evaluation.classes, confusion, strict=True)
        matrix = [[name, *(str(count) if count else "·" for count in row)] for name, row in rows]
        print_table(["true \\ predicted", *columns], matrix, right=columns, gap=True)


def _totals(evaluation: "Evaluation", runs: Sequence[str]) -> list[tuple[str, str]]:
    measured, details, is_one = evaluation.measurement, evaluation.details, len(runs) == 1
    agrees, of_seeds = _agrees(evaluation, runs), ", ".join(percent(each.accuracy) for each in evaluation.recorded)
    bytes_seen = bytes_in_words(evaluation.dataset, canonical=evaluation.canonical)
    return [
        ("accuracy", measured_accuracy(measured).in_percent(2, seeds=is_one)),
        ("of each seed", "" if is_one else of_seeds),
        *((METRICS[name], percent(value)) for name, value in measured.metrics.items()),
        *records.class_score_rows(class_scores(details)),
        ("loss", f"{measured.loss:.6f}"),
        ("calibration error", f"{details.expected_calibration_error:.4f}  (expected, 15 bins)"),
        ("images", f"{measured.count:,}"),
        ("images/s", rate(evaluation.images_per_second)),
        ("latency", f"{milliseconds(evaluation.latency_ms)}, batch size 1"),
        ("fingerprint", f"{evaluation.data_fingerprint[:12]}, {bytes_seen}"),
        ("record", "" if agrees is None else AGREES[agrees]),
    ]


def _class_rows(evaluation: "Evaluation") -> list[tuple[str, ...]]:
    details, scores = evaluation.details, class_scores(evaluation.details).classes
    counts = zip(evaluation.classes, details.per_class_count, details.per_class_correct, scores, strict=True)
    return [
        (
            name,
            f"{n:,}",
            f"{right:,}",
            *("" if value is None else percent(value) for value in (each.recall, each.precision, each.f1)),
        )
        for name, n, right, each in counts
    ]
