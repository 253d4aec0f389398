"""`vitreport report`: write a report of recorded runs."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import vitreport
from vitreport.analysis.selection import Analysis
from vitreport.cli import completion, options
from vitreport.cli.console import note, print_document
from vitreport.cli.options import argument, assignments, check_exclusive, flag, option
from vitreport.cli.records import NO_RUNS_HINT, check_places_undamaged, warn_mixed
from vitreport.errors import DriftError, SpecError
from vitreport.files import output_path
from vitreport.formatting import counted, joined
from vitreport.report import inject as injection
from vitreport.report.blocks import Figure, Format
from vitreport.report.figures.assets import Assets, check_figure_folder, default_folder, linked_folder, shown_figures
from vitreport.report.markdown import read_template
from vitreport.report.sections import TITLE, make_page
from vitreport.runtime import RUNS_DIR

EXTENSIONS: dict[str, Format] = {
    **dict.fromkeys(("", ".md", ".markdown", ".txt"), "markdown"),
    ".html": "html",
    ".json": "json",
    ".csv": "csv",
    ".tex": "latex",
}


def report(
    runs: Annotated[
        list[str] | None, argument("Ids of runs, groups or sweeps (default: all).", "RUN", completion.sweeps)
    ] = None,
    format_: Annotated[
        Format | None, option("Output format (default: from the file extension, else markdown).", None, "--format")
    ] = None,
    output: Annotated[Path | None, option("File to write (default: stdout).", "FILE", "--output", "-o")] = None,
    inject: Annotated[
        Path | None, option("Replace the part of FILE between vitreport:begin and vitreport:end.", "FILE")
    ] = None,
    check: Annotated[Path | None, option("Check that FILE is up to date; print a diff if not.", "FILE")] = None,
    assets: Annotated[Path | None, option("Directory of the figures (default: X-assets next to X.md).", "DIR")] = None,
    no_assets: Annotated[bool, flag("--no-assets", "Leave the figures out of Markdown.")] = False,
    title: Annotated[str | None, option("Title (default: that of the study, or a general one).", "TEXT")] = None,
    template: Annotated[Path | None, option("Jinja template, run in a sandbox (default: none).", "FILE")] = None,
    study: Annotated[
        str | None, option("Study to report, by name or file (default: none).", "STUDY", complete=completion.studies)
    ] = None,
    only: options.Only = None,
    set_: Annotated[
        list[str] | None,
        assignments("Override that the runs of the study were trained with; repeat for several."),
    ] = None,
    seeds: Annotated[str | None, option("With --study, only these seeds (default: all recorded).", "SEEDS")] = None,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
) -> None:
    """Write a report of the recorded runs: what is best, by how much, and how certain that is.

    Example:
        vitreport report > README.md
        vitreport report --study digits -o report.html
    """
    check_exclusive({"--output": output, "--inject": inject, "--check": check})
    check_exclusive({"--assets": assets, "--no-assets": no_assets})
    file, is_part = _destination(output, inject, check)
    form = _chosen_format(file, format_, {"--template": template, "--assets": assets, "--no-assets": no_assets})
    own = read_template(template) if template else None
    folder = (assets or default_folder(file)) if form == "markdown" and not no_assets else None
    if folder and not check:
        check_figure_folder(folder)
    if study:
        if runs:
            fault = f"runs cannot be named with --study: {', '.join(runs)}"
            raise SpecError(fault, "use --only A,B to choose runs and ablations of the study")
        analysis = vitreport.analyze_study(
            study, runs_dir, only=options.names_in(only), seeds=seeds, overrides=set_ or (), data_dirs=data_dirs or ()
        )
    else:
        if only or set_ or seeds is not None:
            raise SpecError("--only, --set and --seeds need --study", "add a study, for example --study digits")
        analysis = _analyze_runs(runs or (), runs_dir)
    summary = analysis.summary
    page = make_page(summary, analysis.claims, title or analysis.title or TITLE)
    if folder and check and not assets:
        folder = linked_folder(check, injection.read_part(check)) or folder
    place = Assets(folder, file) if folder else None
    link = place.link if place else None
    document = vitreport.render(page, form, title=title, template=own, assets=link, is_part=is_part)
    shown = shown_figures(page.figures, document)
    if not (summary.runs or summary.damage):
        note(f"there are no runs of {study} in {runs_dir}")
    warn_mixed(summary.groups)
    if check:
        _refuse_drift(check, document, shown, place, is_part=is_part)
    else:
        _publish(file, document, shown, place, is_part=is_part)
    check_places_undamaged(summary, runs_dir, "the report")


def _destination(output: Path | None, inject: Path | None, check: Path | None) -> tuple[Path | None, bool]:
    """Return the file of the report, and whether the report is a part of it. Raises SpecError if it cannot be that."""
    file = output or inject or check
    is_part = bool(inject or (check and injection.has_marks(check)))
    if file and is_part:
        injection.with_part(file, "")  # refuses a file without both marks
    return (output_path(file) if file and not check else file), is_part


def _analyze_runs(runs: Sequence[str], runs_dir: Path) -> Analysis:
    """Analyze the named runs, or all. Raises SpecError if there are none."""
    summary = vitreport.analyze(runs_dir, runs)
    if not (summary.runs or summary.damage):
        raise SpecError(f"no runs{f' of {joined(runs)}' if runs else ''} in {runs_dir}", NO_RUNS_HINT)
    return Analysis(summary)


def _chosen_format(file: Path | None, given: Format | None, markdown_only: Mapping[str, Any]) -> Format:
    """Return the given format, else that of the file extension, which does not count with a template.

    Raises SpecError for an unknown extension or an option that only Markdown has.
    """
    form = given or ("markdown" if file is None or markdown_only["--template"] else EXTENSIONS.get(file.suffix.lower()))
    if not form:
        hint = f"use one of {', '.join(filter(None, EXTENSIONS))}, or choose the format with --format"
        raise SpecError(f"unknown file extension: {file}", hint)
    if form != "markdown" and (surplus := next((name for name, value in markdown_only.items() if value), None)):
        raise SpecError(f"{surplus} works only for markdown, not for {form}", "leave out one of them")
    return form


def _refuse_drift(
    check: Path, document: str, figures: Sequence[Figure], assets: Assets | None, *, is_part: bool
) -> None:
    """Print what differs between a file with its figures and a report. Raises DriftError if anything does."""
    drift = injection.drift(check, document) + (assets.drift(figures) if assets else "")
    print_document(drift)
    if not drift:
        note(f"{check} is up to date")
    else:
        writes = "--inject" if is_part else "-o"
        raise DriftError(f"{check} is out of date", f"run the same command with {writes} instead of --check")


def _publish(
    file: Path | None, document: str, figures: Sequence[Figure], assets: Assets | None, *, is_part: bool
) -> None:
    """Write the figures, then the document to its file, or print it."""
    with assets.published(figures) if assets else nullcontext():
        if file:
            injection.write_document(file, document, is_part=is_part)
    written = [f"wrote {file}"] if file else []
    if assets and figures:
        written.append(f"{counted(len(figures), 'figure')} in {assets.folder}/")
    if written:
        note("; ".join(written))
    if not file:  # after the figures are unlocked: the reader of stdout may be slow
        print_document(document)
