"""`vitreport report`: what the records say, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.console import note, print_document, warn_each
from vitreport.errors import DamageError, DriftError
from vitreport.formatting import counted
from vitreport.runtime import cache_dir


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Runs, groups (ids without the seed) or sweeps; without any, all.", metavar="[RUN]..."),
    ] = None,
    format_: Annotated[
        options.ReportFormat | None,
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
    from vitreport.cli.assets import figures_line, link_to, shown
    from vitreport.cli.places import checked_assets, checked_format, checked_places, drift, folder_of, write
    from vitreport.cli.reporting import Wanted, make_document, wanted_page, warnings_of
    from vitreport.report.markdown import Template

    places = checked_places(output, inject, check)
    form = checked_format(places, format_, own=template is not None)
    own = Template.read(template) if template else None
    folder = checked_assets(places, form, assets, left_out=no_assets)
    wanted = Wanted(runs or (), study, only or (), set_ or (), seeds)
    page = wanted_page(wanted, runs_dir, data_dirs, title, is_paper=form == "latex")
    folder = folder_of(places, page.figures, folder, given=assets)
    document = make_document(
        page,
        form,
        title=title,
        template=own,
        assets=link_to(folder, places.file),
        cache_dir=cache_dir(),
        is_part=places.is_part,
    )
    figures, changes = shown(page.figures, document), ""
    if check:
        changes = drift(check, document, figures, folder, cache_dir())
        print_document(changes)
    else:
        write(places, document, figures, folder, cache_dir())
        if line := figures_line(figures, folder):
            note(line)
    if not (page.summary.runs or page.summary.damage):
        which = f"{f' of {study}' if study else ''}{f' with --seeds {seeds}' if seeds else ''}"
        why = "" if runs_dir.is_dir() else ": the folder does not exist"
        note(f"there are no runs{which} in {runs_dir}{why}")
    warn_each(warnings_of(page.summary, runs_dir))
    if changes:
        option = "--inject" if places.is_part else "-o"
        hint = f"run the same command with {option} in place of --check"
        raise DriftError(f"{check} is out of date", hint)
    if damage := page.summary.damage:
        where = counted(len(damage), "place")
        raise DamageError(f"the records are damaged in {where}; the report has the rest")
