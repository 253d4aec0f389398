"""`vitreport eval`: measure a finished run again."""

from typing import Annotated, Literal

import typer

from vitreport.cli import options
from vitreport.cli.runs_dir import require_runs_dir


def evaluate(
    run: Annotated[str, typer.Argument(help="A run's id, a unique prefix of it, or its folder.")],
    split: Annotated[Literal["test", "val", "train"], typer.Option(help="Which images.")] = "test",
    weights: Annotated[Literal["best", "last"], typer.Option(help="The selected weights, or the last.")] = "best",
    dataset: options.Dataset = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Measure a finished run: accuracy, loss, calibration, each class, the confusion matrix, images/s."""
    from vitreport.data.sources import locate
    from vitreport.records.folders import find_run
    from vitreport.records.reader import read_run
    from vitreport.runtime import Runtime, data_dirs_or_default

    require_runs_dir(runs_dir, may_lack_default=True)
    found = read_run(find_run(run, runs_dir))
    images = dataset or (found.spec.data.dataset if found.spec else "")
    runtime = Runtime(
        device=device,
        data_dir=locate(images, data_dirs_or_default(data_dirs))[1],
        runs_dir=runs_dir,
        threads=threads,
    )
    from vitreport.cli.live.training import choose_view
    from vitreport.store.evaluation import evaluate_run

    with choose_view(quiet=quiet) as view:
        evaluation = evaluate_run(found, split=split, weights=weights, dataset=dataset, runtime=runtime, listener=view)
    from vitreport.cli.console import print_json
    from vitreport.cli.tables.evaluation import as_plain, show

    if as_json:
        print_json({"run": found.id, "split": split, "weights": weights, **as_plain(evaluation)})
    else:
        show(evaluation, f"{found.id}: {split} split, {weights} weights")
