"""`vitreport export-model`: export a trained model for use without vitreport."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from vitreport.cli import options
from vitreport.cli.commands.runs import RunOrGroup
from vitreport.cli.console import print_json, print_table
from vitreport.cli.options import flag, option
from vitreport.errors import SpecError
from vitreport.export.table import check_extra
from vitreport.files import output_path, write_atomic
from vitreport.formatting import compact, milliseconds, rate
from vitreport.records.reader import read_finished
from vitreport.run_id import common_id
from vitreport.runtime import RUNS_DIR, data_dirs_or_default

if TYPE_CHECKING:
    from vitreport.inference.classifier import Classifier
    from vitreport.inference.export import Exported


def export_model(
    run: RunOrGroup,
    form: Annotated[
        Literal["torch-export", "onnx"] | None,
        option("Format to write (default: by the extension of FILE; else torch-export).", None, "--format"),
    ] = None,
    output: Annotated[
        Path | None, option("File to write (default: RUN.pt2 or RUN.onnx).", "FILE", "--output", "-o")
    ] = None,
    measure: Annotated[bool, flag("--measure", "Measure the speed of the exported model and of the original.")] = False,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """Export a trained model with its preprocessing, and check that the file gives the same probabilities.

    Example:
        vitreport export-model swin-digits-ea4ce545-s0
        vitreport export-model swin-digits-ea4ce545-s0 -o digits.onnx --measure
    """
    suffix = output.suffix.lower() if output else ""
    format_ = form or ("onnx" if suffix == ".onnx" else "torch-export")
    if format_ == "onnx":
        check_extra("onnx")
    given = output_path(output) if output else None
    runs = read_finished(run, runs_dir)
    from vitreport.inference.classifier import Classifier
    from vitreport.inference.export import EXTENSIONS, export_model, measure_speeds, read_exported  # with torch

    if output and suffix not in EXTENSIONS.values():
        raise SpecError(f"unknown file extension: {output}", f"use {' or '.join(EXTENSIONS.values())}")
    if output and suffix != EXTENSIONS[format_]:
        raise SpecError(f"a file of {format_} ends with {EXTENSIONS[format_]}: {output}", "change --format or --output")
    file = given or output_path(Path(f"{common_id([each.id for each in runs])}{EXTENSIONS[format_]}"))
    model = Classifier.restore(runs, "cpu")
    exported = export_model(model, format_, data_dirs_or_default(data_dirs))
    write_atomic(file, exported.content)
    speeds = None
    if measure:
        models = {"original": model, "exported": read_exported(exported.content, format_)}
        speeds = dict(zip(models, measure_speeds(list(models.values()), model.image_size), strict=True))
    if as_json:
        facts = {"runs": model.runs, "format": format_, "version": exported.version, "bytes": len(exported.content)}
        check = {"checked_on": exported.checked_on, "largest_difference": exported.difference}
        print_json({"file": file, **facts, **check, "speeds": speeds})
        return
    print_table(["", ""], _rows(model, exported, file, format_))
    if speeds:
        rows = [(name, milliseconds(each.latency_ms), rate(each.images_per_second)) for name, each in speeds.items()]
        columns = ["CPU", "latency, batch size 1", "images/s, batch size 64"]
        print_table(columns, rows, right=columns[1:], gap=True)


def _rows(model: "Classifier", exported: "Exported", file: Path, format_: str) -> list[tuple[str, str]]:
    return [
        ("file", str(file)),
        ("format", f"{format_}, {exported.version}"),
        ("size", f"{compact(len(exported.content))}B"),
        ("input", "images, uint8 (batch, 3, height, width): RGB from 0 to 255, resized and normalized by the model"),
        ("output", f"logits, float32 (batch, {len(model.classes)})"),
        ("checked on", exported.checked_on),
        ("largest difference", f"{exported.difference:.2g} in a class probability"),
    ]
