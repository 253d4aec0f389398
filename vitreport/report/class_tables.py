"""The tables of classes: how well each one is recognized, and which ones are confused."""

from collections.abc import Iterable, Mapping
from functools import partial

from vitreport.analysis import protocol
from vitreport.analysis.group_details import ClassResult, Confusion
from vitreport.analysis.groups import Named
from vitreport.formatting import Estimate, describe_intervals, listed
from vitreport.report.blocks import NOTHING, Number, Table, table
from vitreport.report.tables import MAX_COLUMNS, estimate_cell, number, share, vary_in_seeds


def classes(named: Named) -> Table:
    """Show recall, precision and F1 of each class of one group; for several, recall and F1 in a column for each."""
    known = [(name, group.details.classes) for name, group in named if group.details and group.details.classes]
    if len(known) == 1:
        return _scores_of_classes(known[0][1])
    shown = known[:MAX_COLUMNS]
    names = dict.fromkeys(name for _, found in known for name in found)
    rows = [(name, *(_recall_and_f1(found.get(name)) for _, found in shown)) for name in names]
    columns = ("class", *(name for name, _ in shown))
    note = protocol.TEXTS["recall_and_f1"] + _no_recall(each for _, found in shown for each in found.values())
    if left_out := [name for name, _ in known[MAX_COLUMNS:]]:
        note += f" Left out here: {listed(left_out)}."
    return table("Recall / F1 by class, in percent", columns, rows, note=note)


def _scores_of_classes(content: Mapping[str, ClassResult]) -> Table:
    recalls = [each.recall for each in content.values()]
    shown = partial(Estimate.in_percent, seeds=vary_in_seeds(recalls))
    rows = [
        (name, estimate_cell(each.recall, shown), number(each.precision, share), number(each.f1, share))
        for name, each in content.items()
    ]
    note = f"{describe_intervals(recalls)} {protocol.TEXTS['by_class']}{_no_recall(content.values())}"
    if any(each.method == "crossed" for each in recalls if each):
        note += f" {protocol.TEXTS['worst_case']}"
    return table("Test images by class", ("class", "recall", "precision", "F1"), rows, note=note)


def _no_recall(content: Iterable[ClassResult]) -> str:
    return f" {protocol.TEXTS['no_recall']}" if any(each.recall is None for each in content) else ""


def _recall_and_f1(content: ClassResult | None) -> str:
    if content is None:
        return NOTHING
    recall = content.recall.value if content.recall else None
    words = [NOTHING if value is None else f"{100 * value:.1f}" for value in (recall, content.f1)]
    return Number(" / ".join(words), recall or 0.0)


def most_confused(content: Confusion, most: int = 10) -> list[tuple[float, str, str, int]]:
    """Return which classes are taken for another most often: share of images, class, predicted class, images."""
    found = [
        (count / sum(row), content.classes[i], content.classes[j], count)
        for i, row in enumerate(content.counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(found, reverse=True)[:most]


def confused(content: Confusion | None, where: str) -> Table:
    """Show the pairs of classes that are taken for each other most often."""
    most = most_confused(content) if content else []
    rows = [(true, taken, number(part, share), number(count, str)) for part, true, taken, count in most]
    columns = ("class", "predicted", "share of its images", "images")
    return table(f"Most often confused, {where}", columns, rows, texts=2)
