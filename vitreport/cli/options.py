"""The options that several commands share, each declared once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

RUNTIME = "Runtime (no part of the spec)"
SWEEP = "Sweep"

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
Device = Annotated[
    str,
    typer.Option("--device", envvar="VITREPORT_DEVICE", help="auto, cpu, cuda or cuda:N.", rich_help_panel=RUNTIME),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", envvar="VITREPORT_THREADS", min=1, help="CPU threads; torch's choice.", rich_help_panel=RUNTIME
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        envvar="VITREPORT_COMPILE",
        help="Let torch compile the network; the first step takes a while.",
        rich_help_panel=RUNTIME,
    ),
]
DataDirs = Annotated[
    list[Path] | None,
    typer.Option(
        "--data-dir",
        envvar="VITREPORT_DATA_DIR",
        help="Where data sets are; several are searched in their order.",
        rich_help_panel=RUNTIME,
    ),
]
RunsDir = Annotated[
    Path,
    typer.Option("--runs-dir", envvar="VITREPORT_RUNS_DIR", help="Where runs are.", rich_help_panel=RUNTIME),
]
CheckpointSeconds = Annotated[
    float,
    typer.Option(
        "--checkpoint-seconds",
        envvar="VITREPORT_CHECKPOINT_SECONDS",
        min=0,
        help="The longest stretch of work that a crash costs; 0 saves every step.",
        rich_help_panel=RUNTIME,
    ),
]
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

ReportFormat = Literal["markdown", "html", "json", "csv", "latex", "model-card"]

DEFAULT_RUNS_DIR = Path("runs")
DEFAULT_CHECKPOINT_SECONDS = 30.0
DEFAULT_SEEDS = "3"
DEFAULT_MAX_TRIALS = 1000
