"""`vitreport report`: write a report of recorded runs."""

from pathlib import Path
from typing import Annotated

from vitreport.analysis import selection
from vitreport.analysis.groups import mixed_randomness
from vitreport.cli import options, publish
from vitreport.cli.console import note, note_lowered, warn_each
from vitreport.cli.options import argument, flag, option
from vitreport.cli.tables.runs import TRAIN_AGAIN, require_runs_dir
from vitreport.data.sources import facts_in
from vitreport.errors import DamageError, DriftError, SpecError
from vitreport.formatting import counted
from vitreport.report.blocks import Format
from vitreport.report.inject import read_text
from vitreport.report.markdown import read_template
from vitreport.report.page import TITLE, make_page
from vitreport.report.render import render
from vitreport.runtime import RUNS_DIR
from vitreport.sweep.defaults import DEFAULT_SEEDS
from vitreport.sweep.study_plan import StudyRequest


def report(
    runs: Annotated[list[str] | None, argument("Runs, groups or sweeps by their ids (default: all).", "RUN")] = None,
    format_: Annotated[
        Format | None, option("Output format (default: from the file extension, else markdown).", None, "--format")
    ] = None,
    output: Annotated[Path | None, option("File to write (default: stdout).", "FILE", "--output", "-o")] = None,
    inject: Annotated[
        Path | None, option("Replace the part of FILE between vitreport:begin and vitreport:end.", "FILE")
    ] = None,
    check: Annotated[Path | None, option("Check that FILE is up to date; print a diff if not.", "FILE")] = None,
    assets: Annotated[Path | None, option("Folder of the figures (default: X-assets next to X.md).", "DIR")] = None,
    no_assets: Annotated[bool, flag("--no-assets", "Leave the figures out of Markdown.")] = False,
    title: Annotated[str | None, option("Heading (default: that of the study, or a general one).", "TEXT")] = None,
    template: Annotated[Path | None, option("Jinja template, run in a sandbox (default: none).", "FILE")] = None,
    study: Annotated[str | None, option("Study to report, by name or file (default: none).", "STUDY")] = None,
    only: options.Only = None,
    set_: options.Set = None,
    seeds: Annotated[str | None, option("With --study, only these seeds (default: all recorded).", "SEEDS")] = None,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
) -> None:
    """Write a report of the recorded runs: what is best, by how much, and how sure that is.

    Example:
        vitreport report > README.md
        vitreport report --study digits -o report.html
    """
    from vitreport.report.figures import assets as figure_files

    publish.refuse_several({"--output": output, "--inject": inject, "--check": check})
    publish.refuse_several({"--assets": assets, "--no-assets": no_assets})
    file, is_part = publish.checked_file(output, inject, check)
    markdown_only = {"--template": template, "--assets": assets, "--no-assets": no_assets}
    form = publish.chosen_format(file, format_, markdown_only)
    own = read_template(template) if template else None
    is_shown = form == "markdown" and not no_assets
    folder = publish.figures_folder(file, assets, is_checked=check is not None) if is_shown else None
    if study:
        if runs:
            raise SpecError(f"runs cannot be named with --study: {', '.join(runs)}", "choose parts with --only")
        request = StudyRequest(study, only or (), DEFAULT_SEEDS if seeds is None else seeds, set_ or ())
        analysis = selection.analyze_study(request, runs_dir, facts_in(data_dirs), every_seed=seeds is None)
    else:
        if only or set_ or seeds is not None:
            raise SpecError("--only, --set and --seeds need --study", "for example --study small-images")
        require_runs_dir(runs_dir)
        analysis = selection.analyze_runs(runs or (), runs_dir)
    note_lowered(analysis.lowered)
    page = make_page(analysis.summary, analysis.claims, title or analysis.title or TITLE)
    if folder and check and not assets:
        folder = figure_files.linked_folder(page.figures, check, read_text(check)) or folder
    place = figure_files.Assets(folder, file) if folder else None
    link = place.link if place else None
    document = render(page, form, title=title, template=own, assets=link, is_part=is_part)
    figures = figure_files.shown_figures(page.figures, document)
    if not check:
        publish.publish(file, document, figures, place, is_part=is_part)
        if place and figures:
            note(f"{counted(len(figures), 'figure')} in {place.folder}/")
    is_out_of_date = check is not None and publish.differs(check, document, figures, place)
    damage = page.summary.damage
    if not (page.summary.runs or damage):
        which = f"{f' of {study}' if study else ''}{f' with --seeds {seeds}' if seeds else ''}"
        why = "" if runs_dir.is_dir() else ": the folder does not exist"
        note(f"there are no runs{which} in {runs_dir}{why}")
    mixed = [f"{line}; {TRAIN_AGAIN}" for line in mixed_randomness(page.summary.groups)]
    warn_each([*mixed, *(f"{runs_dir / each.place}: {each.reason}" for each in damage)])
    if is_out_of_date:
        option_ = "--inject" if is_part else "-o"
        raise DriftError(f"{check} is out of date", f"run the same command with {option_} in place of --check")
    if damage:
        raise DamageError(f"the records are damaged in {counted(len(damage), 'place')}; the report has the rest")
