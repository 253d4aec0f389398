"""`vitreport report`: what the records say, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.console import note, print_document, warn_each
from vitreport.errors import DamageError, DriftError, SpecError
from vitreport.text import counted


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
    set_: options.Assignments = None,
    seeds: Annotated[
        str | None, typer.Option(help="Of a study: only these seeds, how many or which; else all that there are.")
    ] = None,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
) -> None:
    """Write a report of the recorded runs: what is best, by how much, and how sure that is."""
    from vitreport.cli.assets import assets_folder, drift_lines, link_to, pending_assets, shown, write_assets
    from vitreport.cli.compose import cache_dir
    from vitreport.cli.reporting import format_of, make_document, wanted_page
    from vitreport.files import output_file, write_atomic
    from vitreport.report.formats import placing

    if sum(place is not None for place in (output, inject, check)) > 1:
        raise SpecError("--output, --inject and --check exclude each other", "give one of them")
    output = output and output_file(output)
    place = output or inject or check
    form = format_of(format_, place, own=template is not None)
    folder = assets_folder(form, place, assets, left_out=no_assets)
    page = wanted_page(runs or (), study, set_ or (), seeds, runs_dir, data_dirs, title)
    link = link_to(folder, place)
    is_part = bool(inject or (check and placing.has_marks(check)))
    document = make_document(
        page, form, title=title, template=template, assets=link, cache_dir=cache_dir(), is_part=is_part
    )
    figures, changes = shown(page.figures, document), ""
    pictures = pending_assets(figures, folder, place, cache_dir()) if folder and not check else {}
    if check:
        changes = placing.drift(check, document)
        changes += drift_lines(figures, folder, place, cache_dir()) if folder else ""
        print_document(changes)
    elif inject:
        placing.inject(inject, document)
    elif output:
        write_atomic(output, document.encode())
    else:
        print_document(document)
    if folder and not check and (told := write_assets(figures, folder, place, pictures)):
        note(told)
    if not (page.summary.runs or page.summary.damage):
        which = f"{f' of {study}' if study else ''}{f' with --seeds {seeds}' if seeds else ''}"
        note(f"there are no runs{which} in {runs_dir}")
    warn_each(f"{runs_dir / each.place}: {each.reason}" for each in page.summary.damage)
    if changes:
        option = "--inject" if is_part else "-o"
        hint = f"the same command with {option} in place of --check mends it"
        raise DriftError(f"{check} is not what the records give", hint)
    if damage := page.summary.damage:
        places = counted(len(damage), "place")
        raise DamageError(f"the records are damaged in {places}; the report has the rest")
