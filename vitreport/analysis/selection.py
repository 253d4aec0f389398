"""Analyze what a user names: runs, groups and sweeps in a folder, or a study."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.analysis.claims import Claim
from vitreport.analysis.studies import claims_of, outline_of
from vitreport.analysis.summarize import Outline, summarize
from vitreport.analysis.summary import Summary
from vitreport.errors import SpecError
from vitreport.records.folders import check_runs_dir, find_run, run_folders, strays
from vitreport.records.reader import Damage, Run, read_sweeps
from vitreport.records.run import SweepRecord
from vitreport.run_id import RunId, is_meant
from vitreport.suggestions import did_you_mean
from vitreport.sweep.study_plan import StudyPlan

MAX_NEAR = 5


@dataclass(frozen=True)
class Analysis:
    """What is known of the runs that were named."""

    summary: Summary
    claims: Sequence[Claim] = ()  # the published claims of a study
    title: str | None = None  # that of a study


def analyze(runs: Iterable[Run] | str | Path, names: Sequence[str] = ()) -> Summary:
    """Analyze runs: return everything that a report shows, as plain data.

    Runs that differ only by their seed are one group. Recorded sweeps define what was varied and the baseline, if all
    of their trained runs are among these runs.

    Args:
        runs: Runs from `load_runs`, or their directory. With a directory, the summary also lists damaged files.
        names: With a directory, only the runs, groups and sweeps with these ids (default: all).

    Raises:
        SpecError: There is no such directory, or no run, group or sweep with such a name.

    Example:
        >>> summary = vitreport.analyze(vitreport.load_runs())
        >>> [(group.id, group.test) for group in summary.groups]
    """
    if not isinstance(runs, str | Path):
        return _analyze_read(list(runs))
    runs_dir = Path(runs)
    check_runs_dir(runs_dir)
    on_record, damage = read_sweeps(runs_dir)
    folders, sweeps = _select(names, runs_dir, on_record)
    if not names:
        damage = [*(Damage(name, why) for name, why in strays(runs_dir)), *damage]
    return summarize(folders, Outline(sweeps), damage)


def _analyze_read(runs: Sequence[Run]) -> Summary:
    """Analyze runs that were read already, of any folders, with the sweeps there whose trained runs are among them."""
    sweeps: list[SweepRecord] = []
    damage: list[Damage] = []
    for place in sorted({run.folder.parent for run in runs}):
        on_record, unread = read_sweeps(place)
        sweeps += _whole_sweeps([run.folder for run in runs if run.folder.parent == place], place, on_record)
        damage += unread
    return summarize(runs, Outline(tuple(sweeps)), damage)


def analyze_study(planned: StudyPlan, runs_dir: Path, *, every_seed: bool = False) -> Analysis:
    """Analyze the runs and ablations of a study with its claims, including those without a record.

    With `every_seed`, runs with other seeds are shown, too. Of an ablation that was begun, only the trials of its sweep
    can be missing.
    """
    request, study, plans = planned.request, planned.study, planned.plans
    outline = outline_of(study, plans, request.command)
    trials = [trial for plan in plans.values() for trial in plan.trials]
    runs, groups = {trial.id for trial in trials}, {trial.spec.group for trial in trials}
    if every_seed:
        begun = {sweep.id: sweep.trials for sweep in read_sweeps(runs_dir)[0]}
        sweeps = (each.model_copy(update={"trials": begun.get(each.id, each.trials)}) for each in outline.sweeps)
        outline = replace(outline, sweeps=tuple(sweeps))
    folders = [
        folder
        for folder in run_folders(runs_dir)
        if _first_attempt(folder.name) in runs or (every_seed and RunId.parse(folder.name).group in groups)
    ]
    claims = claims_of(study, plans, request)
    return Analysis(summarize(folders, outline), claims, study.title)


def _select(
    names: Sequence[str], runs_dir: Path, sweeps: Sequence[SweepRecord]
) -> tuple[list[Path], tuple[SweepRecord, ...]]:
    """Return the folders of the named runs, groups and sweeps, and the sweeps that are named or all of whose runs are.

    Without names everything is meant. A table of a part of a sweep would say that the rest was not run.
    """
    folders = run_folders(runs_dir)
    if not names:
        return folders, tuple(sweeps)
    chosen: dict[str, Path] = {}
    for name in names:
        known = [sweep for sweep in sweeps if name in (sweep.id, sweep.name)]
        trials = {trial.run for sweep in known for trial in sweep.trials}
        found = [folder for folder in folders if _first_attempt(folder.name) in trials]
        chosen |= {folder.name: folder for folder in (found if known else _named(name, folders, runs_dir, sweeps))}
    whole = _whole_sweeps(chosen.values(), runs_dir, sweeps)
    wanted = (sweep for sweep in sweeps if {sweep.id, sweep.name} & set(names) or sweep in whole)
    return [chosen[name] for name in sorted(chosen)], tuple(wanted)


def _named(name: str, folders: Sequence[Path], runs_dir: Path, sweeps: Sequence[SweepRecord]) -> list[Path]:
    """Return the folders that a name means: a path, a group, a run with its attempts, else what begins with it.

    Raises SpecError with the nearest names if there are none.
    """
    if "/" in name or "\\" in name:
        return [find_run(name, runs_dir)]
    of_group = [folder for folder in folders if RunId.parse(folder.name).group == name]
    if found := of_group or [folder for folder in folders if is_meant(folder.name, name)]:
        return found
    known = [*(RunId.parse(folder.name).group for folder in folders), *(sweep.id for sweep in sweeps)]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=MAX_NEAR, cutoff=0)
    raise SpecError(f"no run, group or sweep {name!r} in {runs_dir}", did_you_mean(name, near))


def _whole_sweeps(folders: Iterable[Path], runs_dir: Path, sweeps: Iterable[SweepRecord]) -> list[SweepRecord]:
    """Return the sweeps whose trained runs are all in these folders of `runs_dir`, whatever the attempts."""
    chosen, there = ({_first_attempt(each.name) for each in some} for some in (folders, run_folders(runs_dir)))
    trained = ((sweep, {trial.run for trial in sweep.trials} & there) for sweep in sweeps)
    return [sweep for sweep, run_ids in trained if run_ids and run_ids <= chosen]


def _first_attempt(run_id: str) -> str:
    return RunId.parse(run_id).first_attempt
