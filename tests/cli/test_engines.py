"""`--engine`, its options, and the `[engine]` table of a study, without a cluster."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import STUDY, Cli
from tests.commands import Completed
from tests.spec.composing import composed
from tests.store.options import SHORTEST
from tests.sweep.fake_slurm import FakeSlurm
from vitreport.errors import SpecError
from vitreport.spec.engine import EngineSpec, read_engine
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.engines.submission import Job

ABLATE = ("ablate", *SHORTEST, "--param", "learning_rate", "0.1,0.2", "--seeds", "2")
OF_STUDY = EngineSpec(name="slurm", options={"partition": "gpu", "time": 60})


def refused(done: Completed, exit_code: int, *words: str) -> None:
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert done.exit_code == exit_code
    assert [word for word in words if word not in line] == []


def test_the_command_line_comes_before_the_study() -> None:
    assert read_engine(None, ()) == EngineSpec(name="local")
    assert read_engine(None, (), OF_STUDY) == OF_STUDY
    changed = {"partition": "cpu", "time": 60, "exclude": "a=b"}
    assert read_engine(None, ["partition=cpu", "exclude=a=b"], OF_STUDY).options == changed
    assert read_engine("slurm", ["cpus_per_gpu = 4"]).options == {"cpus-per-gpu": "4"}
    assert read_engine("local", (), OF_STUDY) == EngineSpec(name="local")


@pytest.mark.parametrize("time", ["0", "3", "3:00", "0:03:00", "1-0", "0-1", "0-0:03:00", "UNLIMITED"])
def test_time_limits_that_are_long_enough(time: str) -> None:
    assert read_engine("slurm", [f"time={time}"]).options == {"time": time}


@pytest.mark.parametrize(
    ("name", "option", "fault"),
    [
        ("slrm", "time=1", "did you mean slurm"),
        (None, "partition=gpu", "the engine local has no options; hint: use --jobs"),
        ("slurm", "partition", "is not NAME=VALUE"),
        ("slurm", "time=", "is not NAME=VALUE"),
        ("slurm", "array=0-3", "array: is set by vitreport"),
        ("slurm", "clusters=other", "clusters: jobs on another cluster cannot be followed"),
        ("slurm", "--time=3", "--time: is not the name of an option"),
        ("slurm", "time=2", "time = 2: too short: a job is asked to stop 90 s before its time limit; hint: use at"),
        ("slurm", "time=2:59", "too short"),
        ("slurm", "time=0:01:30", "too short"),
        ("slurm", "time=0-0:02", "too short"),
        ("slurm", "acount=vision", "--engine-option acount: unknown option; hint: did you mean account?"),
        ("slurm", "gpu=1", "--engine-option gpu: unknown option; hint: did you mean gpus?"),
        (
            "slurm",
            "cpu_per_task=1",
            "--engine-option cpu_per_task: unknown option; hint: did you mean cpus-per-task or ",
        ),
    ],
)
def test_engines_and_options_that_do_not_exist(name: str | None, option: str, fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_engine(name, [option])
    assert fault in str(caught.value)


@pytest.mark.parametrize("name", ["mem", "mem-per-gpu", "container-image", "x11", "site-option"])
def test_other_options_pass_to_sbatch(name: str) -> None:
    """A cluster may have plugins with options of their own."""
    assert read_engine("slurm", [f"{name}=1"]).options == {name: "1"}


def test_options_that_do_not_fit_the_engine_are_refused_before_anything_is_trained(cli: Cli) -> None:
    refused(cli(*ABLATE, "--detach"), 2, "--detach: trials on this machine end with the command", "--engine slurm")
    refused(cli(*ABLATE, "--engine", "slurm", "--jobs-per-gpu", "2"), 2, "--jobs-per-gpu", "gpus=N")
    refused(
        cli(*ABLATE, "--engine", "slurm", "--trials-per-job", "2"),
        2,
        "--trials-per-job cannot be used with --engine slurm",
        "leave it out",
    )
    refused(cli(*ABLATE, "--trials-per-job", "2", "--compile", "on"), 2, "--compile on and --trials-per-job 2")
    for seconds in ("x", "0", "-1", "nan", "inf"):
        option = f"--engine-option=seconds-between-looks={seconds}"
        refused(cli(*ABLATE, "--engine=slurm", option), 2, "must be a number greater than 0")
    refused(cli(*ABLATE, "--engine", "ray"), 2, "--engine = 'ray': unknown engine", "use one of local, slurm")
    assert not list(Path().glob("runs/*"))


def test_without_slurm_one_line_says_what_to_do(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path.cwd()))
    monkeypatch.setattr("vitreport.sweep.check.open_dataset", None)  # this is said before the images are read
    done = cli(*ABLATE, "--engine", "slurm")
    refused(done, 6, "sbatch, squeue and scancel not found", "hint: run this command where Slurm is installed")


def test_a_finished_sweep_does_not_need_slurm(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        FakeSlurm().install(patch)
        assert cli(*ABLATE, "--engine=slurm", "--engine-option=seconds-between-looks=0.01").exit_code == 0
    monkeypatch.setenv("PATH", str(Path.cwd()))
    assert cli(*ABLATE, "--engine=slurm").exit_code == 0


def install_sbatch(answer: str, code: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install an sbatch that writes its arguments to the file `called`."""
    for program in ("sbatch", "squeue", "scancel"):
        Path(program).write_text(f'#!/bin/sh\necho "$@" >> called\necho "{answer}" >&2\nexit {code}\n')
        Path(program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path.cwd()}:{os.environ['PATH']}")


def test_a_dry_run_says_what_would_be_submitted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    install_sbatch("sbatch: Job 7 to start at 2026-01-01T00:00:00", 0, monkeypatch)
    options = [f"--engine-option={each}" for each in ("gpus=1", "seconds-between-looks=5", "time=60")]
    done = cli(*ABLATE, "--engine=slurm", *options, "--jobs=3", "--dry-run")
    assert (done.exit_code, done.stderr.count("warning")) == (0, 1)
    *_, jobs, command, answer = done.stdout.splitlines()
    assert jobs == "to be submitted to Slurm: 4 jobs, at most 3 at a time"
    assert command == "sbatch --gpus-per-node=1 --time=60 --array=0-3%3"
    assert answer == "Slurm accepts these options"
    (called,) = Path("called").read_text().splitlines()
    assert {"--test-only", "--gpus-per-node=1", "--time=60", "--array=0-3%3"} <= {*called.split()}


@pytest.mark.parametrize("option", ["--dry-run", "--dry-run --json"])
def test_a_dry_run_asks_slurm(option: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    install_sbatch("allocation failure: Invalid partition name specified", 1, monkeypatch)
    done = cli(*ABLATE, "--engine=slurm", "--engine-option=partition=none", *option.split())
    refused(done, 6, "Slurm refused the jobs: Invalid partition name specified", "hint: choose another")
    assert "learning_rate" in done.stdout


def test_a_dry_run_of_an_array_that_is_too_large(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    install_sbatch(
        "allocation failure: Invalid job array specification", "$(! echo $* | grep -q array=0-3; echo $?)", monkeypatch
    )
    done = cli(*ABLATE, "--engine=slurm", "--dry-run")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Slurm accepts these options")
    assert "\nthe jobs will be submitted in smaller arrays\n" in done.stderr
    assert ["array=0-0%1" in line for line in Path("called").read_text().splitlines()] == [False, True]


@pytest.mark.parametrize(
    "reason",
    ["Requested node configuration is not available", "Required node not available (down, drained or reserved)"],
)
def test_a_dry_run_while_nodes_are_down(reason: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    install_sbatch(f"allocation failure: {reason}", 1, monkeypatch)
    done = cli(*ABLATE, "--engine=slurm", "--dry-run")
    assert (done.exit_code, "accepts" in done.stdout) == (0, False)
    warning = (
        f"warning: Slurm could not place these jobs now: {reason}; hint: if no nodes are down (see `sinfo`), request"
    )
    assert warning in done.stderr


def test_a_dry_run_without_slurm_shows_the_plan(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path.cwd()))
    done = cli(*ABLATE, "--engine=slurm", "--dry-run")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "sbatch --array=0-3%1")
    warning = (
        "warning: these options were not checked: sbatch, squeue and scancel not found; hint: run this command where"
    )
    assert warning in done.stderr


def test_variables_give_the_engine_and_its_options(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    install_sbatch("", 0, monkeypatch)
    monkeypatch.setenv("VITREPORT_ENGINE", "slurm")
    monkeypatch.setenv("VITREPORT_ENGINE_OPTION", "partition=gpu memory=8G")
    assert "sbatch --partition=gpu --mem=8G --array=0-3%1" in cli(*ABLATE, "--dry-run").stdout


def study(text: str) -> None:
    Path("study.toml").write_text(STUDY + text)


def test_a_study_says_where_to_train_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    study('\n[engine]\nname = "slurm"\noptions = { partition = "gpu", time = 60 }\n')
    arguments = ("study", "run", "study.toml", "--seeds", "2", "--jobs", "2")
    install_sbatch("", 0, monkeypatch)
    assert "sbatch --partition=gpu --time=60 --array=0-1%2" in cli(*arguments, "--dry-run").stdout
    slurm = FakeSlurm()
    slurm.install(monkeypatch)
    done = cli(*arguments, "--engine-option", "time=90", "--engine-option", "seconds-between-looks=0.01")
    assert (done.exit_code, slurm.options) == (0, ["--partition=gpu", "--time=90"])
    assert json.loads(cli("study", "show", "study.toml", "--json").stdout)["engine"]["name"] == "slurm"


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        ('name = "ray"', ["engine.name = 'ray': must be 'local' or 'slurm'"]),
        ('options = { partition = "gpu" }', ["engine.name: is missing"]),
        (
            'name = "slurm"\noptions = { partition = true, time = 1.5, qos = "" }',
            [
                "engine.options.partition = true: must be text in quotes or a whole number",
                "engine.options.time = 1.5: must be text in quotes or a whole number",
                "engine.options.qos = '': must be text in quotes or a whole number",
            ],
        ),
        (
            'name = "slurm"\noptions = { partiton = "gpu", array = 1, seconds_between_looks = 0 }',
            [
                "engine.options.partiton: unknown option",
                "engine.options.array: is set by vitreport",
                "engine.options.seconds_between_looks: must be a number greater than 0",
            ],
        ),
        ('name = "local"\noptions = { time = 1 }', ["engine.options.time: the engine local has no options"]),
    ],
)
def test_faults_of_the_engine_of_a_study_name_its_fields(table: str, faults: list[str], cli: Cli) -> None:
    study(f"\n[engine]\n{table}\n")
    shown, run = cli("study", "show", "study.toml"), cli("study", "run", "study.toml", "--dry-run")
    lines = [line.partition(" (from study.toml)")[0] for line in shown.stderr.splitlines()]
    assert lines == [f"error: {fault}" for fault in faults]
    assert (shown.exit_code, run.exit_code, run.stderr) == (2, 2, shown.stderr)


def test_the_engine_of_a_study_is_shown(cli: Cli) -> None:
    study('\n[engine]\nname = "slurm"\noptions = { partition = "gpu", time = 60 }\n')
    assert "Engine: slurm (partition = gpu, time = 60).\n" in cli("study", "show", "study.toml").stdout


def test_the_engine_is_no_part_of_a_run() -> None:
    with pytest.raises(SpecError, match="engine"):
        composed({"model": {"name": "swin"}, "data": {"dataset": "digits"}, "engine": {"name": "slurm"}})


def test_detached_jobs_and_their_results(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = FakeSlurm()
    slurm.install(monkeypatch)
    arguments = (*ABLATE, "--engine=slurm", "--engine-option=seconds-between-looks=0.01")
    done = cli(*arguments, "--detach")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1].startswith("the jobs continue; run the same command again, without --detach")
    again = cli(*arguments)
    assert (again.exit_code, len(slurm.arrays)) == (0, 1)
    assert "learning_rate" in again.stdout


def test_trials_that_fail_before_they_begin_lead_to_their_logs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(spec: RunSpec, job: Job) -> str:
        job.log.touch()
        job.write_end(Ended("no GPU", is_temporary=True))
        return "FAILED"

    FakeSlurm(fail).install(monkeypatch)
    arguments = ("ablate", *SHORTEST, "--param", "lr", "0.1", "--seeds", "1", "--engine=slurm")
    done = cli(*arguments, "--engine-option=seconds-between-looks=0.01")
    refused(done, 7, "1 of 1 trial missing", "hint: run the same command again to train it")
    run_id = done.stderr.rpartition("missing: ")[2].partition(";")[0]
    logs = sorted(map(str, Path("runs/.slurm").glob("*/0.log")), key=os.path.getmtime)
    assert [line for line in done.stderr.splitlines() if "no GPU" in line] == [
        f"warning: {run_id}: trying again (attempt 2 of 3): no GPU; log: {logs[0]}",
        f"warning: {run_id}: trying again (attempt 3 of 3): no GPU; log: {logs[1]}",
        f"warning: {run_id}: no GPU; log: {logs[2]}",
    ]
    refused(cli("runs", "show", run_id), 2, f"no run '{run_id}' in runs; hint: ", f"see the log: {logs[2]}")
