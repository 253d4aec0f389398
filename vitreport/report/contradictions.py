"""What each file of a run by itself does not show: values that were changed without breaking a type."""

from collections.abc import Iterator

from vitreport.store.correct import unpacked
from vitreport.store.folders import ATTEMPT
from vitreport.store.reader import Run
from vitreport.store.record import DetailRecord, MistakeRecord, ResultRecord

SUM_TOLERANCE = 1e-6


def contradictions(run: Run) -> Iterator[str]:
    """A line for each, as `Run.damage` has them."""
    if run.spec and (own := run.spec.run_id) != ATTEMPT.sub("", run.id):
        yield f"spec.json: is the spec of {own}"
    if run.result and (told := _of_result(run.result)):
        yield f"result.json: {told}"


def _of_result(result: ResultRecord) -> str:
    details, test = result.test, result.selected.splits.get("test")
    if test is None:
        return "has no test split"
    if sum(details.per_class_count) != test.count:
        return "its classes have other images than its test split"
    if not _fits(details):
        return "its classes have more images right than there are"
    if abs(sum(details.per_class_correct) - test.accuracy * test.count) > SUM_TOLERANCE * test.count:
        return "its classes contradict its test accuracy"
    return _of_images(result, test.count)


def _fits(details: DetailRecord) -> bool:
    counts = details.per_class_count
    correct = details.per_class_correct
    return len(counts) == len(correct) and all(right <= count for right, count in zip(correct, counts, strict=True))


def _of_images(result: ResultRecord, count: int) -> str:
    """What is said of single images."""
    correct = 0
    if result.correct is not None:
        try:
            correct = unpacked(result.correct, count)
        except ValueError as error:
            return f"correct {error}"
        if correct.bit_count() != sum(result.test.per_class_correct):
            return "its correct images contradict its classes"
    mistakes = result.mistakes.images if result.mistakes else ()
    if not all(_is_mistake(each, correct, count, len(result.test.per_class_count)) for each in mistakes):
        return "one of its mistakes is none"
    return ""


def _is_mistake(mistake: MistakeRecord, correct: int, count: int, classes: int) -> bool:
    known = mistake.index < count and max(mistake.label, mistake.predicted) < classes
    return known and mistake.label != mistake.predicted and not correct >> (count - 1 - mistake.index) & 1
