"""`vitreport predict`: classify images with a trained model."""

from pathlib import Path
from typing import Annotated, Any

from vitreport import api
from vitreport.cli import completion, options
from vitreport.cli.console import print_json, print_table, print_text, warn_each
from vitreport.cli.live import View
from vitreport.cli.options import argument, check_exclusive, flag, option
from vitreport.errors import DamageError
from vitreport.formatting import counted, csv_text, joined, percent
from vitreport.inference.predictions import Prediction, classify, image_files, note_ignored
from vitreport.records.folders import check_runs_dir
from vitreport.runtime import DEVICE, RUNS_DIR, THREADS


def predict(
    run: Annotated[
        str, argument("Run (id or directory), group, or file of `vitreport export-model`.", "RUN", completion.groups)
    ],
    images: Annotated[list[Path], argument("Images, or directories of images.", "IMAGE")],
    top: Annotated[int, option("Number of classes to show for each image.", "N", least=1)] = 5,
    as_json: options.AsJson = False,
    as_csv: Annotated[bool, flag("--csv", "Print CSV to stdout.")] = False,
    device: options.Device = DEVICE.default,
    threads: options.Threads = THREADS.default,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    quiet: options.Quiet = False,
) -> None:
    """Classify images with a finished run, or with the mean probabilities of all seeds of a group.

    Example:
        vitreport predict swin-digits-ea4ce545-s0 photo.jpg
        vitreport predict swin-digits-ea4ce545 photos/ --top 1 --csv > classes.csv
        vitreport predict digits.onnx photo.jpg
    """
    check_exclusive({"--json": as_json, "--csv": as_csv})
    check_runs_dir(runs_dir, may_lack_default=True)
    files, ignored = image_files(images)
    model = api.load_model(run, runs_dir, device=device)
    from vitreport.training.device import choose_device, set_up_device  # with torch

    set_up_device(choose_device(device), threads, is_training=False)
    with View(quiet=quiet) as view:
        note_ignored(ignored, view.note)
        if len(model.runs) > 1:
            view.note(f"mean probabilities of {counted(len(model.runs), 'run')}: {joined(model.runs)}")
        found = list[Prediction]()
        for each in classify(model, files, top):
            found.append(each)
            view.progress("classifying", len(found), len(files))
    faults = [each.fault for each in found if each.fault]
    ranked = [(each.image, rank, *of) for each in found for rank, of in enumerate(each.classes, start=1)]
    if as_json:
        print_json({"runs": model.runs, "images": list(map(_plain, found))})
    elif as_csv:
        print_text(csv_text([("image", "rank", "class", "probability"), *ranked]).removesuffix("\n"))
    elif ranked:
        rows = [("" if rank > 1 else image, name, percent(p)) for image, rank, name, p in ranked]
        print_table(["image", "class", "probability"], rows, right=["probability"])
    warn_each(faults)
    if faults:
        raise DamageError(f"{len(faults)} of {counted(len(files), 'image')} cannot be decoded")


def _plain(prediction: Prediction) -> dict[str, Any]:
    classes = [{"class": name, "probability": probability} for name, probability in prediction.classes]
    return {"image": prediction.image, "classes": classes, "fault": prediction.fault or None}
