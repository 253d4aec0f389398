"""The options that several commands share, each declared once."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vitreport.runtime import CHECKPOINT_SECONDS, COMPILE, DATA_DIR, DEVICE, RUNS_DIR, THREADS, RuntimeOption

RUNTIME = "Runtime (no part of the spec)"
SWEEP = "Sweep"


def _runtime_option(option: RuntimeOption[Any], least: float | None = None) -> Any:
    return typer.Option(option.flag, envvar=option.variable, min=least, help=option.help, rich_help_panel=RUNTIME)


Dataset = Annotated[
    str | None, typer.Option("--dataset", help="A data set's name, or a folder of images.", metavar="NAME")
]
Preset = Annotated[str | None, typer.Option("--preset", help="A preset by name; see `vitreport models`.")]
SpecFile = Annotated[Path | None, typer.Option("--spec", help="A TOML spec, or the spec.json of a run.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", help="A field of the spec, such as train.batch_size=64.", metavar="FIELD=VALUE"),
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Pretrained weights; the spec keeps the file's SHA-256.", rich_help_panel=RUNTIME),
]
Device = Annotated[str, _runtime_option(DEVICE)]
Threads = Annotated[int | None, _runtime_option(THREADS, least=1)]
Compile = Annotated[bool, _runtime_option(COMPILE)]
DataDirs = Annotated[list[Path] | None, _runtime_option(DATA_DIR)]
RunsDir = Annotated[Path, _runtime_option(RUNS_DIR)]
CheckpointSeconds = Annotated[float, _runtime_option(CHECKPOINT_SECONDS, least=0)]
Seeds = Annotated[
    str, typer.Option("--seeds", help="How many seeds, or which: 3, 0,1,2 or 0..4.", rich_help_panel=SWEEP)
]
Only = Annotated[list[str] | None, typer.Option("--only", help="A run or an ablation of the study.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Trials at a time.", rich_help_panel=RUNTIME)]
RetryFailed = Annotated[
    bool,
    typer.Option("--retry-failed", help="Try again what failed by itself, not what diverged.", rich_help_panel=SWEEP),
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first trial that fails.", rich_help_panel=SWEEP)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Warnings and errors only.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]

DEFAULT_RUNS_DIR = RUNS_DIR.default
DEFAULT_CHECKPOINT_SECONDS = CHECKPOINT_SECONDS.default
