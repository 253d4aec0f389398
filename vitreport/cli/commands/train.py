"""`vitreport train`: train one spec."""

from typing import Annotated

from vitreport.cli import options
from vitreport.cli.options import flag, option


@options.grouped
def train(
    wanted: options.SpecOptions,
    training: options.TrainingOptions,
    seed: Annotated[int | None, option("Set seed (default: from the spec).", "N", panel=options.SPEC)] = None,
    dry_run: options.DryRun = False,
    force: Annotated[bool, flag("--force", "Train again, in a new folder, if the run is done.")] = False,
    quiet: options.Quiet = False,
    verbose: Annotated[bool, flag("--verbose", "Also show the source of each value and of the images.", "-v")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a model and record the run.

    Run the same command again to resume an interrupted run.

    Example:
        vitreport train perceiver-io --dataset digits
        vitreport train --spec my.toml --set lr=1e-3 --epochs 5
    """
    from vitreport.cli.tables.specs import note_origins
    from vitreport.cli.tables.training import train_and_show

    composed = wanted.compose(training.data_dirs, training.weights, quiet=quiet, seed=seed)
    runtime = training.runtime(data_dir=composed.data_dir)
    if dry_run:
        from vitreport.cli.tables.dry_run import show_plan

        show_plan(composed, runtime, as_json=as_json)
        return
    if verbose:
        note_origins(composed, runtime)
    train_and_show(composed.spec, runtime, force=force, quiet=quiet, as_json=as_json)
