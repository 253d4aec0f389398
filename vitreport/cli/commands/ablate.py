"""`vitreport ablate`: vary fields of a spec and compare the results."""

from typing import Annotated

import vitreport
from vitreport.analysis.selection import Analysis
from vitreport.cli import completion, options
from vitreport.cli.live import SweepView
from vitreport.cli.multi_word_options import PARAM
from vitreport.cli.options import SWEEP, flag, option
from vitreport.cli.sweeps import check_all_trained, execution, leave, show_ablation_plan, show_sweeps
from vitreport.data.sources import facts_in
from vitreport.spec.sweep import parse_list, read_axes, read_seeds
from vitreport.sweep.plan import plan_ablation


@options.grouped
def ablate(
    wanted: options.SpecOptions,
    sweep: options.SweepOptions,
    param: Annotated[
        list[str] | None,
        option(
            "Field and its values, such as batch_size 16,32; repeat for a grid.",
            "NAME VALUES",
            PARAM,
            panel=SWEEP,
            complete=completion.fields,
        ),
    ] = None,
    zip_: Annotated[bool, flag("--zip", "Pair the values of all --param instead of a grid.", panel=SWEEP)] = False,
    baseline: Annotated[
        str | None, option("Baseline value of each --param (default: those in the spec).", "VALUES", panel=SWEEP)
    ] = None,
) -> None:
    """Train each value with several seeds and compare the results.

    By default, the model is perceiver-io on cifar10. Run the same command again
    to train only what is missing.

    Example:
        vitreport ablate --dataset digits --param batch_size 16,32,64
        vitreport ablate swin --param lr 1e-2,1e-3 --param optimizer adamw,sgd
    """
    axes = read_axes([(name, values) for name, _, values in (each.partition("=") for each in param or ())], PARAM)
    request, seeds, describe = wanted.request(sweep.weights), read_seeds(sweep.seeds), facts_in(sweep.data_dirs)
    values = parse_list(baseline) if baseline else ()
    plan = plan_ablation(request, axes, seeds, describe, zip_=zip_, baseline=values)
    if sweep.dry_run:
        show_ablation_plan(plan, sweep.engine_spec(), sweep)
    else:
        with SweepView(quiet=sweep.quiet) as view:
            summary = vitreport.ablate(plan, **execution(sweep, sweep.engine_spec(), view))
        if leave(sweep):
            return
        show_sweeps([plan], Analysis(summary), as_json=sweep.as_json)
        check_all_trained(plan.trials, sweep.runs_dir, view.warned)
