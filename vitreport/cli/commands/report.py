"""`vitreport report`: what the records say, as a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitreport.cli import options
from vitreport.cli.console import note, note_lowered, print_document, warn_each
from vitreport.cli.format import TRAIN_AGAIN
from vitreport.cli.runs_dir import require_runs_dir
from vitreport.errors import DamageError, DriftError, SpecError
from vitreport.formatting import counted
from vitreport.report.blocks import Format
from vitreport.sweep.defaults import DEFAULT_SEEDS

if TYPE_CHECKING:
    from vitreport.sweep.study_plan import StudyRequest


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Runs, groups (ids without the seed) or sweeps; without any, all.", metavar="[RUN]..."),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="What to write: as the file's ending says, else markdown."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write this file, whole or not at all.")] = None,
    inject: Annotated[
        Path | None,
        typer.Option(help="Replace what this file has between vitreport:begin and vitreport:end.", metavar="FILE"),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Only tell whether this file is what the records give.", metavar="FILE")
    ] = None,
    assets: Annotated[
        Path | None,
        typer.Option(
            help="Where the figures of a Markdown report go; report-assets beside report.md.",
            metavar="DIR",
        ),
    ] = None,
    no_assets: Annotated[bool, typer.Option("--no-assets", help="Leave the figures out of Markdown.")] = False,
    title: Annotated[str | None, typer.Option(help="The heading.")] = None,
    template: Annotated[
        Path | None, typer.Option(help="A Jinja template of your own, which runs in a sandbox.", metavar="FILE")
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Report a study, by name or from a file, whether it has been run or not.")
    ] = None,
    only: options.Only = None,
    set_: options.Assignments = None,
    seeds: Annotated[
        str | None, typer.Option(help="Of a study: only these seeds, how many or which; else all that there are.")
    ] = None,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
) -> None:
    """Write a report of the recorded runs: what is best, by how much, and how sure that is."""
    from vitreport.analysis import selection
    from vitreport.analysis.groups import mixed_randomness
    from vitreport.cli.places import assets_of, checked_assets, checked_format, checked_places, drift, write
    from vitreport.data.sources import facts_in
    from vitreport.report.figures.assets import shown_figures
    from vitreport.report.markdown import Template
    from vitreport.report.page import TITLE, make_page
    from vitreport.report.render import render

    places = checked_places(output, inject, check)
    form = checked_format(places, format_, own=template is not None)
    own = Template.read(template) if template else None
    folder = checked_assets(places, form, assets, left_out=no_assets)
    request = _study_request(study, runs or (), only or (), set_ or (), seeds)
    if request:
        analysis = selection.analyze_study(request, runs_dir, facts_in(data_dirs), every_seed=seeds is None)
    else:
        require_runs_dir(runs_dir)
        analysis = selection.analyze_runs(runs or (), runs_dir)
    note_lowered(analysis.lowered)
    page = make_page(analysis.summary, analysis.claims, title or analysis.title or TITLE)
    place = assets_of(places, page.figures, folder, given=assets)
    document = render(
        page,
        form,
        title=title,
        template=own,
        assets=place.link if place else None,
        is_part=places.is_part,
    )
    figures, changes = shown_figures(page.figures, document), ""
    if check:
        changes = drift(check, document, figures, place)
        print_document(changes)
    else:
        write(places, document, figures, place)
        if place and figures:
            note(f"{counted(len(figures), 'figure')} in {place.folder}/")
    if not (page.summary.runs or page.summary.damage):
        which = f"{f' of {study}' if study else ''}{f' with --seeds {seeds}' if seeds else ''}"
        why = "" if runs_dir.is_dir() else ": the folder does not exist"
        note(f"there are no runs{which} in {runs_dir}{why}")
    mixed = [f"{line}; {TRAIN_AGAIN}" for line in mixed_randomness(page.summary.groups)]
    warn_each([*mixed, *(f"{runs_dir / each.place}: {each.reason}" for each in page.summary.damage)])
    if changes:
        option = "--inject" if places.is_part else "-o"
        hint = f"run the same command with {option} in place of --check"
        raise DriftError(f"{check} is out of date", hint)
    if damage := page.summary.damage:
        where = counted(len(damage), "place")
        raise DamageError(f"the records are damaged in {where}; the report has the rest")


def _study_request(
    study: str | None, runs: Sequence[str], only: Sequence[str], assignments: Sequence[str], seeds: str | None
) -> "StudyRequest | None":
    """Return which part of a study is to be reported. Raises SpecError for options that do not go together."""
    from vitreport.sweep.study_plan import StudyRequest

    if study is None:
        for options_, given in (("--set and --seeds need", assignments or seeds is not None), ("--only needs", only)):
            if given:
                raise SpecError(f"{options_} --study", "for example --study small-images")
        return None
    if runs:
        raise SpecError(
            f"runs cannot be named with --study: {', '.join(runs)}",
            "leave them out; choose parts of the study with --only",
        )
    return StudyRequest(study, only, DEFAULT_SEEDS if seeds is None else seeds, assignments)
