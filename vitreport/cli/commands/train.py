"""`vitreport train`: a spec in, a trained and recorded run out."""

from typing import Annotated

import typer

from vitreport.cli import options

SPEC = "Spec (short forms)"


def train(
    model: Annotated[str | None, typer.Argument(help="An architecture (see `vitreport models`), or timm/NAME.")] = None,
    dataset: options.Dataset = None,
    preset: options.Preset = None,
    spec: options.SpecFile = None,
    set_: options.Assignments = None,
    epochs: Annotated[int | None, typer.Option(help="train.epochs", rich_help_panel=SPEC)] = None,
    batch_size: Annotated[int | None, typer.Option(help="train.batch_size", rich_help_panel=SPEC)] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "--lr", help="optimizer.learning_rate", rich_help_panel=SPEC)
    ] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16", rich_help_panel=SPEC)] = None,
    seed: Annotated[int | None, typer.Option(help="seed", rich_help_panel=SPEC)] = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    compile_: options.Compile = False,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    checkpoint_seconds: options.CheckpointSeconds = options.DEFAULT_CHECKPOINT_SECONDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the resolved spec and its cost only.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Train anew beside a finished run.")] = False,
    quiet: options.Quiet = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell also where each value and the images come from.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a model and record the run. The same command goes on with a run that was cut off.

    Examples: `vitreport train perceiver-io --dataset digits`, `vitreport train --spec my.toml --set lr=1e-3`
    """
    from vitreport.cli.console import note_lowered
    from vitreport.data.sources import facts_in
    from vitreport.runtime import Runtime
    from vitreport.spec.from_command import Request, compose_request

    request = Request(
        model=model,
        dataset=dataset,
        preset=preset,
        spec_file=spec,
        assignments=set_ or (),
        flags={
            "train.epochs": epochs,
            "train.batch_size": batch_size,
            "optimizer.learning_rate": learning_rate,
            "train.precision": precision,
            "seed": seed,
        },
        weights=weights,
    )
    composed = compose_request(request, facts_in(data_dirs))
    if not quiet:
        note_lowered([composed.lowered])
    runtime = Runtime(
        device=device,
        data_dir=composed.data_dir,
        runs_dir=runs_dir,
        threads=threads,
        compile=compile_,
        checkpoint_seconds=checkpoint_seconds,
        weights=weights,
    )
    if dry_run:
        from vitreport.cli.tables.dry_run import show_plan

        return show_plan(composed, runtime, as_json=as_json)
    if verbose:
        from vitreport.cli.tables.dry_run import note_origins

        note_origins(composed, runtime)
    from vitreport.cli.training import train_and_show

    train_and_show(composed.spec, runtime, force=force, quiet=quiet, as_json=as_json)
    return None
