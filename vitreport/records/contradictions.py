"""What each file of a run by itself does not show: values that were changed without breaking a type."""

from vitreport.records.correct import unpacked
from vitreport.records.types import DetailRecord, MistakeRecord, ResultRecord
from vitreport.run_id import RunId
from vitreport.spec.run import RunSpec

SUM_TOLERANCE = 1e-6


def of_spec(spec: RunSpec, run_id: str) -> str:
    """Of the spec of a run; "" where there is none."""
    return "" if spec.run_id == RunId.parse(run_id).first_attempt else f"is the spec of {spec.run_id}"


def of_result(result: ResultRecord) -> str:
    """The first within a result; "" where there is none."""
    details, test = result.test, result.selected.splits.get("test")
    if test is None or not test.count:
        return "has no test split" if test is None else "has no test images"
    if sum(details.per_class_count) != test.count:
        return "its classes have other images than its test split"
    if not _fits(details):
        return "its classes have more images right than there are"
    if abs(sum(details.per_class_correct) - test.accuracy * test.count) > SUM_TOLERANCE * test.count:
        return "its classes contradict its test accuracy"
    if sum(each.count for each in details.calibration) != test.count:
        return "its calibration has other images than its test split"
    if not _fits_matrix(details):
        return "its confusion matrix contradicts its classes"
    return _of_images(result, test.count)


def _fits(details: DetailRecord) -> bool:
    counts = details.per_class_count
    correct = details.per_class_correct
    return len(counts) == len(correct) and all(right <= count for right, count in zip(correct, counts, strict=True))


def _fits_matrix(details: DetailRecord) -> bool:
    """Whether the rows are the images of the classes, and the diagonal those that are right."""
    matrix, counts = details.confusion, details.per_class_count
    if matrix is None:
        return True
    if len(matrix) != len(counts) or {len(row) for row in matrix} != {len(counts)}:
        return False
    diagonal = tuple(row[index] for index, row in enumerate(matrix))
    return tuple(map(sum, matrix)) == counts and diagonal == details.per_class_correct


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
