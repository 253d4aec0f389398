"""From the records in a folder to a document in one of the formats."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.analysis.analyze import Outline, analyze
from vitreport.analysis.details import Damage
from vitreport.analysis.outline import Plans, claims_of, outline_of
from vitreport.analysis.preliminary import RULES, without
from vitreport.analysis.selection import design_of, select, select_designs, select_groups, select_runs
from vitreport.analysis.summary import Summary
from vitreport.cli.console import note, note_lowered
from vitreport.cli.format import TRAIN_AGAIN
from vitreport.cli.options import ReportFormat
from vitreport.cli.runs_dir import require_runs_dir
from vitreport.data.facts import facts_in
from vitreport.errors import SpecError
from vitreport.formatting import counted
from vitreport.records.folders import strays
from vitreport.records.sweeps import SWEEPS_FOLDER, read_sweeps
from vitreport.report.csv_format import render_csv
from vitreport.report.html import render_html
from vitreport.report.inject import as_part, without_marks
from vitreport.report.json_format import render_json
from vitreport.report.latex import render_latex
from vitreport.report.markdown import Template, render_markdown
from vitreport.report.model_card import render_model_card
from vitreport.report.page import TITLE, Page, make_page
from vitreport.run_id import RunId
from vitreport.sweep.defaults import DEFAULT_SEEDS
from vitreport.sweep.studies import StudyRequest, plan_study

MOST_NAMED = 5


@dataclass(frozen=True)
class Wanted:
    """What a report covers: runs by name (all if none is named), or a study or the parts of it in `only`."""

    names: Sequence[str] = ()
    study: str | None = None
    only: Sequence[str] = ()
    assignments: Sequence[str] = ()
    seeds: str | None = None


def wanted_page(
    wanted: Wanted,
    runs_dir: Path,
    data_dirs: Sequence[Path] | None,
    title: str | None,
    *,
    is_paper: bool = False,
) -> Page:
    """The page of a study, or of runs by name. Raises SpecError for what does not go together.

    A page for a paper leaves out try-outs if no runs are named.
    """
    if wanted.study is None:
        if wanted.assignments or wanted.seeds is not None:
            raise SpecError("--set and --seeds need --study", "for example --study small-images")
        if wanted.only:
            raise SpecError("--only needs --study", "for example --study small-images")
        return page_of_runs(wanted.names, runs_dir, title, without_tryouts=is_paper and not wanted.names)
    if wanted.names:
        told = ", ".join(wanted.names)
        raise SpecError(
            f"runs cannot be named with --study: {told}", "leave them out; choose parts of the study with --only"
        )
    seeds = DEFAULT_SEEDS if wanted.seeds is None else wanted.seeds
    asked = StudyRequest(wanted.study, wanted.only, seeds, wanted.assignments)
    return page_of_study(asked, runs_dir, data_dirs, title, every_seed=wanted.seeds is None)


def page_of_runs(names: Sequence[str], runs_dir: Path, title: str | None, *, without_tryouts: bool = False) -> Page:
    """The page of the runs that are named, or of all, with what lies beside them and cannot be read.

    Raises SpecError where there is no such folder.
    """
    require_runs_dir(runs_dir)
    unread: list[str] = []
    designs = tuple(map(design_of, read_sweeps(runs_dir, unread)))
    beside = [] if names else [Damage(name, why) for name, why in strays(runs_dir)]
    damage = [
        *beside,
        *(Damage(f"{SWEEPS_FOLDER}/{place}", why) for place, _, why in (line.partition(": ") for line in unread)),
    ]
    folders = select(names, runs_dir, designs)
    outline = Outline(select_designs(names, runs_dir, designs))
    summary = analyze(folders, outline, damage)
    if without_tryouts:
        summary = _without_tryouts(summary, folders, outline, damage)
    return make_page(summary, title=title or TITLE)


def _without_tryouts(summary: Summary, folders: Sequence[Path], outline: Outline, damage: Sequence[Damage]) -> Summary:
    """The summary of the other runs; a line names the groups that are left out."""
    left_out: list[str] = []
    for rule in RULES:
        if found := rule(summary, outline.designs):
            groups = [group for group in summary.groups if group.id in found]
            gone = {_first(run.id) for group in groups for run in group.runs}
            folders = [folder for folder in folders if _first(folder.name) not in gone]
            outline = replace(outline, designs=without(outline.designs, (group.spec_id for group in groups)))
            summary = analyze(folders, outline, damage)
            left_out += sorted(found)
    if left_out:
        shown = f"{', '.join(left_out[:MOST_NAMED])}{', ...' if len(left_out) > MOST_NAMED else ''}"
        told = counted(len(left_out), "try-out")
        note(f"left out {told}: {shown}; name runs, groups or sweeps to choose what the tables show")
    return summary


def _first(run_id: str) -> str:
    """The id of the first attempt at a run."""
    return RunId.parse(run_id).first_attempt


def page_of_study(
    asked: StudyRequest,
    runs_dir: Path,
    data_dirs: Sequence[Path] | None,
    title: str | None,
    *,
    every_seed: bool = False,
) -> Page:
    """The page of a study: its runs and ablations, whether there are records of them or not, and its claims.

    `every_seed` shows the runs with other seeds than those that are asked for as well; an ablation that was begun then
    lacks only what its sweep was asked to train.
    """
    planned = plan_study(asked, facts_in(data_dirs))
    note_lowered(planned.lowered)
    plans = planned.plans
    study = planned.study.only(plans) if asked.only else planned.study
    published = _published(asked, data_dirs) if asked.assignments else plans
    trials = [trial for plan in plans.values() for trial in plan.trials]
    groups, run_ids = {trial.spec.group for trial in trials}, {trial.id for trial in trials}
    folders = select_groups(groups, runs_dir) if every_seed else select_runs(run_ids, runs_dir)
    outline = outline_of(study, plans, asked.command)
    summary = analyze(folders, _as_begun(outline, runs_dir) if every_seed else outline)
    claims = claims_of(study, plans, asked.command, published, asked.assignments)
    return make_page(summary, claims, title or study.title)


def _as_begun(outline: Outline, runs_dir: Path) -> Outline:
    """With the seeds of the sweeps on record where there are such of an ablation."""
    begun = {design.id: design.trials for design in map(design_of, read_sweeps(runs_dir, damage=[]))}
    designs = (replace(design, trials=begun.get(design.id, design.trials)) for design in outline.designs)
    return replace(outline, designs=tuple(designs))


def _published(asked: StudyRequest, data_dirs: Sequence[Path] | None) -> Plans | None:
    """What the study plans by itself; None where that cannot be trained without `--set`."""
    with suppress(SpecError):
        return plan_study(replace(asked, assignments=()), facts_in(data_dirs)).plans
    return None


def warnings_of(summary: Summary, runs_dir: Path) -> list[str]:
    """Return one line for each thing that is wrong with the records."""
    mixed = [f"{told}; {TRAIN_AGAIN}" for told in summary.mixed_randomness]
    return mixed + [f"{runs_dir / each.place}: {each.reason}" for each in summary.damage]


def make_document(
    page: Page,
    format_: ReportFormat,
    *,
    title: str | None,
    template: Template | None,
    assets: str | None,
    cache_dir: Path,
    is_part: bool = False,
) -> str:
    """`assets` is the place of a Markdown page's figures from where it lies; None leaves them out.

    A Markdown page that is a part of another begins a level below its heading. Raises SpecError for a template that
    fails.
    """
    match format_:
        case "html":
            return render_html(page, cache_dir)
        case "json":
            return render_json(page)
        case "csv":
            return render_csv(page)
        case "latex":
            return render_latex(page)
        case "model-card":
            return render_model_card(page, title)
    text = render_markdown(page, template, assets=assets)
    return without_marks(as_part(text) if is_part else text)
