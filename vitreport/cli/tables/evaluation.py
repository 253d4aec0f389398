"""An evaluation as tables for people and as plain values for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vitreport.analysis.runs import measured_accuracy
from vitreport.cli.console import print_table, print_text
from vitreport.data.registry import bytes_in_words
from vitreport.formatting import percent, printable, rate
from vitreport.records.measurement import METRICS
from vitreport.store.evaluation import Evaluation

WIDEST_CONFUSION = 20
SHOWN_CONFUSIONS = 10


def as_plain(evaluation: Evaluation) -> dict[str, Any]:
    """JSON values, with the Wilson interval of the accuracy over the images."""
    plain = asdict(evaluation)
    for name in ("measurement", "details", "recorded"):
        record = getattr(evaluation, name)
        plain[name] = record and record.model_dump(mode="json")
    return plain | {
        "accuracy_interval": measured_accuracy(evaluation.measurement).interval,
        "agrees": agrees(evaluation),
    }


def agrees(evaluation: Evaluation) -> bool | None:
    """Whether every digit is the one that training recorded; None on other images."""
    return None if evaluation.recorded is None else evaluation.recorded == evaluation.measurement


def show(evaluation: Evaluation, title: str) -> None:
    """The totals, each class, and what is taken for what, on stdout."""
    print_text(printable(title))
    print_text("")
    print_table(["", ""], _totals(evaluation))
    print_text("")
    details = evaluation.details
    rows = [
        (name, f"{count:,}", f"{correct:,}", percent(correct / count) if count else "")
        for name, count, correct in zip(
            evaluation.classes, details.per_class_count, details.per_class_correct, strict=True
        )
    ]
    print_table(["class", "images", "correct", "accuracy"], rows, right=["images", "correct", "accuracy"])
    print_text("")
    if details.confusion:
        _show_confusion(evaluation.classes, details.confusion)


def _totals(evaluation: Evaluation) -> list[tuple[str, str]]:
    measurement = evaluation.measurement
    bytes_seen = bytes_in_words(evaluation.dataset, canonical=evaluation.canonical)
    verdict = {None: "", True: "every digit as training recorded", False: "differs from what training recorded"}
    rows = [
        ("accuracy", measured_accuracy(measurement).in_percent(2)),
        *((METRICS[name].title, _metric(name, value)) for name, value in measurement.metrics.items()),
        ("loss", f"{measurement.loss:.6f}"),
        ("calibration error", f"{evaluation.details.expected_calibration_error:.4f}  (expected, 15 bins)"),
        ("images", f"{measurement.count:,}"),
        ("images/s", rate(evaluation.images_per_second)),
        ("bytes", f"{evaluation.data_fingerprint[:12]}, {bytes_seen}"),
        ("record", verdict[agrees(evaluation)]),
    ]
    return [(name, value) for name, value in rows if value]


def _metric(name: str, value: float) -> str:
    unit = METRICS[name].unit
    return percent(value) if unit == "fraction" else f"{value:.4f} {unit}".rstrip()


def _show_confusion(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> None:
    """Print the whole matrix, or the largest confusions of many classes."""
    if len(confusion) <= WIDEST_CONFUSION:
        columns = [name[:6] for name in names]
        counts = [[str(count) if count else "·" for count in row] for row in confusion]
        matrix = [[name, *row] for name, row in zip(names, counts, strict=True)]
        print_table(["is \\ taken for", *columns], matrix, right=columns)
        return
    mistakes = [
        (count, names[true], names[taken])
        for true, row in enumerate(confusion)
        for taken, count in enumerate(row)
        if true != taken and count
    ]
    rows = [(name, taken, str(count)) for count, name, taken in sorted(mistakes, reverse=True)[:SHOWN_CONFUSIONS]]
    print_table(["is", "taken for", "images"], rows, right=["images"])
