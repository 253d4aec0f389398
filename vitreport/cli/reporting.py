"""From the records in a folder to a document in one of the formats."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vitreport.cli.options import DEFAULT_SEEDS, ReportFormat
from vitreport.cli.studies import StudyRequest, plan_study
from vitreport.errors import SpecError
from vitreport.report.facts.selection import design_of, select, select_groups, select_runs
from vitreport.report.facts.summarize import Outline, summarize
from vitreport.report.facts.summary import Damage
from vitreport.report.formats.data import render_csv, render_latex
from vitreport.report.formats.document import render_json
from vitreport.report.formats.html import render_html
from vitreport.report.formats.markdown import render_markdown
from vitreport.report.formats.model_card import render_model_card
from vitreport.report.formats.placing import as_part, without_marks
from vitreport.report.formats.sandbox import render_own
from vitreport.report.page import TITLE, Page, make_page
from vitreport.report.study import Plans, claims_of, outline_of
from vitreport.store.folders import strays
from vitreport.store.groups import group_of
from vitreport.sweep.record import FOLDER, read_sweeps

ENDINGS: dict[str, ReportFormat] = {
    "": "markdown",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
    ".html": "html",
    ".json": "json",
    ".csv": "csv",
    ".tex": "latex",
}


def format_of(given: ReportFormat | None, place: Path | None, *, own: bool) -> ReportFormat:
    """The one given, else that of the ending of a file; a template of the user's `own` makes what it likes.

    Raises SpecError for a format that is not that of the ending, and for an ending that no format has.
    """
    told = ENDINGS.get(place.suffix.lower()) if place and not own else None
    if place and not (own or given or told):
        raise SpecError(
            f"no format has the ending of {place}", f"one of {', '.join(filter(None, ENDINGS))}; or --format"
        )
    if given and told and given != told and (given, told) != ("model-card", "markdown"):
        raise SpecError(f"--format {given} does not go with {place}, whose ending says {told}", "leave out --format")
    return given or told or "markdown"


def wanted_page(
    names: Sequence[str],
    study: str | None,
    assignments: Sequence[str],
    seeds: str | None,
    runs_dir: Path,
    data_dirs: Sequence[Path] | None,
    title: str | None,
) -> Page:
    """The page of a study, or of runs by name. Raises SpecError for what does not go together."""
    if study is None:
        if assignments or seeds is not None:
            raise SpecError("--set and --seeds are those of a study", "--study small-images")
        return page_of_runs(names, runs_dir, title)
    if names:
        raise SpecError(f"a study says itself which runs: leave out {', '.join(names)}", "--title gives it a heading")
    asked = StudyRequest(study, seeds=DEFAULT_SEEDS if seeds is None else seeds, assignments=assignments)
    return page_of_study(asked, runs_dir, data_dirs, title, every_seed=seeds is None)


def page_of_runs(names: Sequence[str], runs_dir: Path, title: str | None) -> Page:
    """The page of the runs that are named, or of all, with what lies beside them and cannot be read.

    Raises SpecError where there is no such folder.
    """
    if not runs_dir.is_dir():
        raise SpecError(f"there is no folder {runs_dir}", "--runs-dir says where runs are")
    unread: list[str] = []
    designs = tuple(map(design_of, read_sweeps(runs_dir, unread)))
    beside = [] if names else [Damage(name, why) for name, why in strays(runs_dir)]
    damage = [
        *beside,
        *(Damage(f"{FOLDER}/{place}", why) for place, _, why in (line.partition(": ") for line in unread)),
    ]
    return make_page(summarize(select(names, runs_dir, designs), Outline(designs), damage), title=title or TITLE)


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
    planned = plan_study(asked, data_dirs)
    study, plans = planned.study, planned.plans
    published = _published(asked, data_dirs) if asked.assignments else plans
    cells = {cell.id for plan in plans.values() for cell in plan.cells}
    folders = select_groups(set(map(group_of, cells)), runs_dir) if every_seed else select_runs(cells, runs_dir)
    outline = outline_of(study, plans, asked.command)
    summary = summarize(folders, _as_begun(outline, runs_dir) if every_seed else outline)
    claims = claims_of(study, plans, asked.command, published, asked.assignments)
    return make_page(summary, claims, title or study.title)


def _as_begun(outline: Outline, runs_dir: Path) -> Outline:
    """With the seeds of the sweeps on record where there are such of an ablation."""
    begun = {design.id: design.cells for design in map(design_of, read_sweeps(runs_dir, damage=[]))}
    designs = (replace(design, cells=begun.get(design.id, design.cells)) for design in outline.designs)
    return replace(outline, designs=tuple(designs))


def _published(asked: StudyRequest, data_dirs: Sequence[Path] | None) -> Plans | None:
    """What the study plans by itself; None where that cannot be trained without `--set`."""
    with suppress(SpecError):
        return plan_study(replace(asked, assignments=()), data_dirs).plans
    return None


def make_document(
    page: Page,
    format_: ReportFormat,
    *,
    title: str | None,
    template: Path | None,
    assets: str | None,
    cache_dir: Path,
    is_part: bool = False,
) -> str:
    """`assets` is the place of a Markdown page's figures from where it lies; None leaves them out.

    A Markdown page that is a part of another begins a level below its heading. Raises SpecError for a template that
    fails, and for a format that has none.
    """
    if template is not None and format_ != "markdown":
        raise SpecError(f"--template is for markdown, not for {format_}")
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
    text = render_own(page, template, assets=assets) if template else render_markdown(page, assets=assets)
    return without_marks(as_part(text) if is_part else text)
