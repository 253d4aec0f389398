"""`vitreport explain`: draw which parts of images a trained model attends to."""

from pathlib import Path
from typing import Annotated

from vitreport.analysis.references import architecture_title
from vitreport.cli import options, records
from vitreport.cli.commands.plot import figure_path
from vitreport.cli.commands.runs import RunOrGroup
from vitreport.cli.console import warn_each
from vitreport.cli.live import TrainingView
from vitreport.cli.options import argument, option
from vitreport.data.registry import dataset_title
from vitreport.errors import DamageError
from vitreport.files import write_atomic
from vitreport.formatting import counted
from vitreport.inference.predictions import image_files
from vitreport.records.reader import read_finished
from vitreport.report.figures.attention import AttentionFigure
from vitreport.report.figures.draw import panel_file
from vitreport.runtime import data_dirs_or_default


@options.grouped
def explain(
    run: RunOrGroup,
    output: Annotated[Path, option("SVG, PNG or PDF file to write.", "FILE", "--output", "-o")],
    machine: options.DeviceOptions,
    images: Annotated[list[Path] | None, argument("Images or directories (default: test images).", "IMAGE")] = None,
    most: Annotated[int, option("Number of images to draw.", "N", least=1)] = 12,
    quiet: options.Quiet = False,
) -> None:
    """Draw which parts of images the model of a finished run attends to. A group averages the maps of its seeds.

    Without IMAGE, draw test images: half of them are the most confident mistakes of the run.

    Example:
        vitreport explain swin-digits-ea4ce545-s0 photo.jpg -o attention.png
        vitreport explain swin-digits-ea4ce545 -o attention.svg
    """
    file = figure_path(output)
    records.require_runs_dir(machine.runs_dir, may_lack_default=True)
    files = image_files(images) if images else []
    runs = read_finished(run, machine.runs_dir)
    from vitreport.inference.attention import method_of  # with torch
    from vitreport.inference.classifier import Classifier
    from vitreport.inference.explain import explained, pictures_of, test_pictures
    from vitreport.training.device import choose_device, set_up_device

    model, faults = Classifier.restore(runs, machine.device), list[str]()
    set_up_device(choose_device(machine.device), machine.threads)
    method, _ = method_of(model.spec.model)
    method += f", mean over {counted(len(runs), 'seed')}" * (len(runs) > 1)
    where = f"{architecture_title(model.spec.model.label)} on {dataset_title(model.spec.data.dataset)}"
    with TrainingView(quiet=quiet) as view:
        if files:
            pictures, faults = pictures_of(files[:most], model)
        else:
            pictures = test_pictures(runs[0], most, data_dirs_or_default(machine.data_dirs), view)
        if pictures:
            figure = AttentionFigure(f"What {where} attends to", method, explained(model, pictures))
            write_atomic(file, panel_file(figure.draw, output.stem, figure.alt, output.suffix))
            left_out = f" ({len(files) - most:,} more left out)" if len(files) > most else ""
            view.note(f"{counted(len(pictures), 'image')} in {output}{left_out}. {figure.caption}")
    warn_each(faults)
    if faults:
        raise DamageError(f"{len(faults)} of {counted(min(most, len(files)), 'image')} cannot be decoded")
