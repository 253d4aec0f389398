"""On which machines, with which versions and from which source code the runs were made."""

from collections import Counter
from collections.abc import Iterable, Sequence

from vitreport.analysis.observed import Observed
from vitreport.analysis.summary import Provenance

SHOWN_DIGITS = 12


def provenance_of(runs: Sequence[Observed]) -> Provenance:
    records = [run.record for run in runs if run.record]
    commits = [f"{r.git.commit[:SHOWN_DIGITS]}{', with changes' if r.git.dirty else ''}" for r in records if r.git]
    return Provenance(
        devices=_counted(record.device for record in records),
        versions=_counted(f"{name} {version}" for record in records for name, version in record.versions.items()),
        commits=_counted(commits),
        unknown_commits=len(records) - len(commits),
        resumed=sum(bool(record.resumed) for record in records),
        resumed_elsewhere=sum(any(each.changed for each in record.resumed) for record in records),
    )


def _counted(values: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Each value with how often it is there, by value."""
    return tuple(sorted(Counter(values).items()))
