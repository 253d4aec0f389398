"""The most confident mistakes of a group: those of the first of its runs that has them on record with their images."""

from base64 import b64encode
from collections.abc import Iterable

from vitreport.analysis.details import Damage, Mistake, Mistakes
from vitreport.records.reader import Run
from vitreport.run_id import RunId
from vitreport.store.mistakes import NAME, read_sheet


def mistakes_of(runs: Iterable[Run], damage: list[Damage]) -> Mistakes | None:
    """A sheet that cannot be used is added to `damage`, and the next run is asked."""
    return next(filter(None, (_mistakes(run, damage) for run in runs)), None)


def _mistakes(run: Run, damage: list[Damage]) -> Mistakes | None:
    recorded = run.result and run.result.mistakes
    names = run.record.data.classes if run.record else ()
    if not (run.result and recorded and len(names) == len(run.result.test.per_class_count)):
        return None
    found: list[str] = []
    sheet = read_sheet(run.folder, recorded, found)
    damage += [Damage(f"{run.id}/{NAME}", line.removeprefix(f"{NAME}: ")) for line in found]
    count, correct = sum(run.result.test.per_class_count), sum(run.result.test.per_class_correct)
    if sheet is None:
        return None
    return Mistakes(
        seed=RunId.parse(run.id).seed,
        mistakes=tuple(
            Mistake(each.index, names[each.label], names[each.predicted], each.confidence) for each in recorded.images
        ),
        wrong=count - correct,
        count=count,
        side=recorded.side,
        png=b64encode(sheet).decode(),
    )
