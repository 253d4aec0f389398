"""`vitreport report`: what the records say, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.console import note, print_document
from vitreport.errors import DamageError, DriftError, SpecError


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Runs, groups (ids without the seed) or sweeps; without any, all.", metavar="[RUN]..."),
    ] = None,
    format_: Annotated[options.ReportFormat, typer.Option("--format", help="What to write.")] = "markdown",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write this file, whole or not at all.")] = None,
    inject: Annotated[
        Path | None,
        typer.Option(help="Replace what this file has between vitreport:begin and vitreport:end.", metavar="FILE"),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Only tell whether this file is what the records give.", metavar="FILE")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Draw the figures of a Markdown report into this folder.", metavar="DIR")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The heading.")] = None,
    template: Annotated[
        Path | None, typer.Option(help="A Jinja template of your own, which runs in a sandbox.", metavar="FILE")
    ] = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
) -> None:
    """Write a report of the recorded runs: what is best, by how much, and how sure that is."""
    from vitreport.cli.compose import cache_dir
    from vitreport.cli.reporting import link_to, make_document, read_records, stale_figures
    from vitreport.files import write_atomic
    from vitreport.report import placing
    from vitreport.report.figures import write_files
    from vitreport.report.page import TITLE, make_page

    if sum(place is not None for place in (output, inject, check)) > 1:
        raise SpecError("--output, --inject and --check exclude each other", "give one of them")
    summary = read_records(runs or (), runs_dir)
    page = make_page(summary, title=title or TITLE)
    link = link_to(figures, output or inject or check)
    document = make_document(page, format_, title=title, template=template, figures=link, cache_dir=cache_dir())
    changes = ""
    if check:
        changes = placing.drift(check, document) + (stale_figures(page, figures) if figures else "")
        print_document(changes)
    elif inject:
        placing.inject(inject, document)
    elif output:
        write_atomic(output, document.encode())
    else:
        print_document(document)
    if figures and not check:
        write_files(page.figures, figures, cache_dir())
    for damage in summary.damage:
        note(f"warning: {runs_dir / damage.place}: {damage.reason}")
    if changes:
        raise DriftError(f"{check} is not what the records give", f"`vitreport report --inject {check}` mends it")
    if summary.damage:
        places = "1 place" if len(summary.damage) == 1 else f"{len(summary.damage)} places"
        raise DamageError(f"the records are damaged in {places}; the report has the rest")
