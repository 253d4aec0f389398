"""`vitreport eval`: measure a finished run again."""

from typing import Annotated, Literal

from vitreport.cli import options
from vitreport.cli.commands.runs import RunName
from vitreport.cli.options import option
from vitreport.runtime import RUNS_DIR, Runtime, data_dirs_or_default


@options.grouped
def evaluate(
    run: RunName,
    machine: options.DeviceOptions,
    split: Annotated[Literal["test", "val", "train"], option("Split to measure.")] = "test",
    weights: Annotated[Literal["best", "last"], option("Measure the best epoch, or the last one.")] = "best",
    dataset: options.Dataset = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Measure a finished run: accuracy, loss, calibration, each class, the confusion matrix, images/s.

    Example:
        vitreport eval swin-digits-ea4ce545-s0
        vitreport eval runs/swin-digits-ea4ce545-s0 --split val
    """
    from vitreport.cli.live import TrainingView
    from vitreport.cli.tables.evaluation import show_evaluation
    from vitreport.cli.tables.runs import read_named
    from vitreport.data.sources import locate

    found = read_named(run, runs_dir)
    from vitreport.store.evaluation import evaluate_run  # with torch

    images = dataset or (found.spec.data.dataset if found.spec else "")
    data_dir = locate(images, data_dirs_or_default(machine.data_dirs))[1]
    runtime = Runtime(machine.device, data_dir, runs_dir=runs_dir, threads=machine.threads)
    with TrainingView(quiet=quiet) as listener:
        evaluation = evaluate_run(
            found, split=split, weights=weights, dataset=dataset, runtime=runtime, listener=listener
        )
    show_evaluation(evaluation, found.id, split, weights, as_json=as_json)
