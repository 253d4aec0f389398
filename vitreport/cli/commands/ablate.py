"""`vitreport ablate`: vary fields of a spec and compare the results."""

from collections import deque
from typing import Annotated, Any

from typer.core import TyperCommand

from vitreport.cli import options
from vitreport.cli.options import SWEEP, flag, option
from vitreport.sweep.defaults import DEFAULT_MAX_TRIALS

PARAM, ONLY = "--param", "--only"


class WordsCommand(TyperCommand):
    """A command with options that take several words: `--param NAME VALUES` and `--only NAME...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give every word an option of its own, as typer wants it."""
        joined, words = list[str](), deque(args)
        while words:
            joined.append(words.popleft())
            if joined[-1] == PARAM and words and "=" not in words[0]:
                name = words.popleft()
                joined.append(f"{name}={words.popleft() if words and not words[0].startswith('--') else ''}")
            if joined[-1] == ONLY and words:
                joined.append(words.popleft())
                while joined[0] != ONLY and words and not words[0].startswith("-"):
                    joined += [ONLY, words.popleft()]
        return super().parse_args(ctx, joined)


@options.grouped
def ablate(
    wanted: options.SpecOptions,
    sweep: options.SweepOptions,
    param: Annotated[
        list[str] | None,
        option(
            "A field and values, such as batch_size 16,32. Repeat it for a grid.", "NAME VALUES", PARAM, panel=SWEEP
        ),
    ] = None,
    zip_: Annotated[bool, flag("--zip", "Pair the values of all --param instead of a grid.", panel=SWEEP)] = False,
    baseline: Annotated[
        str | None, option("Baseline value for each --param (default: those of the spec).", "VALUES", panel=SWEEP)
    ] = None,
    max_trials: Annotated[int, option("Refuse a larger sweep.", "N", panel=SWEEP, least=1)] = DEFAULT_MAX_TRIALS,
) -> None:
    """Train every value with every seed and compare the results.

    The model is perceiver-io if none is given. Run the same command again to
    train only what is missing. A trial is a run like any other.

    Example:
        vitreport ablate --dataset digits --param batch_size 16,32,64
        vitreport ablate swin --param lr 1e-2,1e-3 --param optimizer adamw,sgd
    """
    from vitreport.cli.console import note_lowered
    from vitreport.data.sources import facts_in
    from vitreport.spec.sweep import parse_list, parse_seeds, read_axes, zipped
    from vitreport.sweep.plan import plan_ablation

    axes = read_axes([(name, values) for name, _, values in (each.partition("=") for each in param or ())], PARAM)
    plan = plan_ablation(
        wanted.request(sweep.weights),
        [zipped(axes)] if zip_ and axes else axes,
        parse_seeds(sweep.seeds),
        facts_in(sweep.data_dirs),
        baseline=parse_list(baseline) if baseline else (),
        max_trials=max_trials,
    )
    if not sweep.quiet:
        note_lowered(plan.lowered)
    if sweep.dry_run:
        from vitreport.cli.tables.dry_run import show_ablation_plan

        show_ablation_plan(plan, sweep)
    else:
        from vitreport.cli.tables.sweeps import ablate_and_show

        ablate_and_show(plan, sweep)
