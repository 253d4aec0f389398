"""`vitreport report`: write a report of recorded runs."""

from pathlib import Path
from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.console import note, note_lowered, warn_each
from vitreport.errors import DamageError, DriftError, SpecError
from vitreport.formatting import counted
from vitreport.report.blocks import Format
from vitreport.runtime import RUNS_DIR
from vitreport.sweep.defaults import DEFAULT_SEEDS


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Runs, groups (ids without the seed) or sweeps (default: all runs).", metavar="[RUN]..."),
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Output format (default: from the file extension, else markdown).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write (default: stdout).", metavar="FILE")
    ] = None,
    inject: Annotated[
        Path | None,
        typer.Option(help="Replace the part of FILE between vitreport:begin and vitreport:end.", metavar="FILE"),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Check that FILE is up to date; print a diff if not.", metavar="FILE")
    ] = None,
    assets: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the figures of a Markdown report (default: report-assets next to report.md).",
            metavar="DIR",
        ),
    ] = None,
    no_assets: Annotated[bool, typer.Option("--no-assets", help="Leave the figures out of Markdown.")] = False,
    title: Annotated[str | None, typer.Option(help="Heading (default: that of the study).", metavar="TEXT")] = None,
    template: Annotated[
        Path | None, typer.Option(help="Your own Jinja template, run in a sandbox (default: none).", metavar="FILE")
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Study to report, by name or file (default: none).", metavar="STUDY")
    ] = None,
    only: options.Only = None,
    set_: options.Set = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="With --study, report only these seeds (default: all on record).", metavar="SEEDS"),
    ] = None,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
) -> None:
    """Write a report of the recorded runs: what is best, by how much, and how sure that is.

    Example:
        vitreport report > README.md
        vitreport report --study digits -o report.html
    """
    from vitreport.analysis import selection
    from vitreport.analysis.groups import mixed_randomness
    from vitreport.cli.publish import checked_target
    from vitreport.cli.tables.runs import TRAIN_AGAIN, require_runs_dir
    from vitreport.data.sources import facts_in
    from vitreport.report.figures.assets import shown_figures
    from vitreport.report.page import TITLE, make_page
    from vitreport.report.render import render
    from vitreport.sweep.study_plan import StudyRequest

    target = checked_target(
        {"--output": output, "--inject": inject, "--check": check},
        format_,
        assets,
        {"--template": template, "--assets": assets, "--no-assets": no_assets},
    )
    if study:
        if runs:
            fault, hint = (
                f"runs cannot be named with --study: {', '.join(runs)}",
                "choose parts of the study with --only",
            )
            raise SpecError(fault, hint)
        request = StudyRequest(study, only or (), DEFAULT_SEEDS if seeds is None else seeds, set_ or ())
        analysis = selection.analyze_study(request, runs_dir, facts_in(data_dirs), every_seed=seeds is None)
    else:
        if only or set_ or seeds is not None:
            raise SpecError("--only, --set and --seeds need --study", "for example --study small-images")
        require_runs_dir(runs_dir)
        analysis = selection.analyze_runs(runs or (), runs_dir)
    note_lowered(analysis.lowered)
    page = make_page(analysis.summary, analysis.claims, title or analysis.title or TITLE)
    place = target.assets(page.figures, given=assets)
    link = place.link if place else None
    document = render(page, target.form, title=title, template=target.template, assets=link, is_part=target.is_part)
    figures = shown_figures(page.figures, document)
    is_out_of_date = target.publish(document, figures, place)
    if place and figures and not check:
        note(f"{counted(len(figures), 'figure')} in {place.folder}/")
    damage = page.summary.damage
    if not (page.summary.runs or damage):
        which = f"{f' of {study}' if study else ''}{f' with --seeds {seeds}' if seeds else ''}"
        why = "" if runs_dir.is_dir() else ": the folder does not exist"
        note(f"there are no runs{which} in {runs_dir}{why}")
    mixed = [f"{line}; {TRAIN_AGAIN}" for line in mixed_randomness(page.summary.groups)]
    warn_each([*mixed, *(f"{runs_dir / each.place}: {each.reason}" for each in damage)])
    if is_out_of_date:
        option = "--inject" if target.is_part else "-o"
        raise DriftError(f"{check} is out of date", f"run the same command with {option} in place of --check")
    if damage:
        raise DamageError(f"the records are damaged in {counted(len(damage), 'place')}; the report has the rest")
