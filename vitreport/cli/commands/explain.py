"""`vitreport explain`: show which parts of an image a trained model attends to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from vitreport.analysis.references import architecture_title
from vitreport.cli import options
from vitreport.cli.commands.plot import figure_path
from vitreport.cli.console import warn_each
from vitreport.cli.live import TrainingView
from vitreport.cli.options import argument, check_exclusive, flag, option
from vitreport.data.registry import dataset_title
from vitreport.errors import DamageError, SpecError
from vitreport.files import write_atomic
from vitreport.formatting import counted
from vitreport.inference.predictions import image_files, note_ignored
from vitreport.records.attention import MAX_SHOWN
from vitreport.records.folders import check_runs_dir
from vitreport.records.reader import Run, read_finished
from vitreport.report.figures.attention import AttentionFigure
from vitreport.report.figures.draw import panel_file
from vitreport.runtime import data_dirs_or_default
from vitreport.store.contact_sheets import ATTENTION


@options.grouped
def explain(
    run: options.RunOrGroup,
    machine: options.DeviceOptions,
    images: Annotated[list[Path] | None, argument("Images or directories (default: test images).", "IMAGE")] = None,
    output: Annotated[Path | None, option("SVG, PNG or PDF file to write.", "FILE", "--output", "-o")] = None,
    record: Annotated[bool, flag("--record", "Record maps of test images with each run, for reports.")] = False,
    most: Annotated[int, option("Maximum number of images.", "N", least=1)] = 12,
    quiet: options.Quiet = False,
) -> None:
    """Draw maps of what the model of a finished run attends to. For a group, the maps of its seeds are averaged.

    Without IMAGE, draw test images: half of them are the most confident mistakes
    of the run. With --record, save up to 12 test images per run, for reports.

    Example:
        vitreport explain swin-digits-ea4ce545-s0 photo.jpg -o attention.png
        vitreport explain swin-digits-ea4ce545 -o attention.svg
        vitreport explain swin-digits-ea4ce545-s0 --record
    """
    check_exclusive({"IMAGE": images, "--record": record})
    if not output and not record:
        raise SpecError("nothing to write", "use --output FILE, or --record to show test images in reports")
    if record and most > MAX_SHOWN:
        raise SpecError(f"--most = {most}: a record has at most {MAX_SHOWN} images", f"use --most {MAX_SHOWN}")
    file = figure_path(output) if output else None
    check_runs_dir(machine.runs_dir, may_lack_default=True)
    files, ignored = image_files(images) if images else ([], 0)
    runs = read_finished(run, machine.runs_dir)
    from vitreport.inference.explain import record_attention  # with torch
    from vitreport.training.device import choose_device, set_up_device

    set_up_device(choose_device(machine.device), machine.threads, is_training=False)
    with TrainingView(quiet=quiet) as view:
        note_ignored(ignored, view.note)
        for each in runs if record else ():
            places = data_dirs_or_default(machine.data_dirs)
            count = record_attention(each, most, machine.device, places, view)
            view.note(f"{counted(count, 'image')} in {each.folder / ATTENTION}")
        faults = _draw(file, runs, files, most, machine, view) if file else []
    warn_each(faults)
    if faults:
        raise DamageError(f"{len(faults)} of {counted(min(most, len(files)), 'image')} cannot be decoded")


def _draw(
    file: Path, runs: Sequence[Run], files: Sequence[str], most: int, machine: options.DeviceOptions, view: TrainingView
) -> list[str]:
    """Draw files, else test images; return what is wrong with files that cannot be decoded."""
    from vitreport.inference.attention import method_of
    from vitreport.inference.classifier import Classifier
    from vitreport.inference.explain import chosen_test_images, explained, pictures_of

    model, faults = Classifier.restore(runs, machine.device), list[str]()
    method, _ = method_of(model.spec.model)
    method += f", mean over {counted(len(runs), 'seed')}" * (len(runs) > 1)
    where = f"{architecture_title(model.spec.model.whole_label)} on {dataset_title(model.spec.data.dataset)}"
    if files:
        pictures, faults = pictures_of(files[:most], model)
    else:
        pictures = chosen_test_images(runs[0], most, data_dirs_or_default(machine.data_dirs), view)
    if pictures:
        figure = AttentionFigure(f"What {where} attends to", method, explained(model, pictures))
        write_atomic(file, panel_file(figure.draw, file.stem, figure.alt, file.suffix))
        left_out = f" ({len(files) - most:,} more left out)" if len(files) > most else ""
        view.note(f"{counted(len(pictures), 'image')} in {file}{left_out}. {figure.caption}")
    return faults
