"""`vitreport study` as its users run it, on a small study of their own."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_study import FILE, STUDY, finish, specs
from tests.cli.small_study import study as study
from tests.commands import vitreport
from tests.data.makers import write_folder
from tests.records import write_run
from tests.sweep.fake_slurm import FakeSlurm
from vitreport.data.sources import facts_in
from vitreport.records.run import ErrorRecord
from vitreport.runtime import Runtime
from vitreport.spec.study import study_names
from vitreport.sweep.engines.slurm import SlurmEngine
from vitreport.sweep.study_plan import StudyRequest, plan_study


def test_the_studies_are_listed(cli: Cli) -> None:
    listed = json.loads(cli("study", "list", "--json").stdout)["studies"]
    assert [each["name"] for each in listed] == study_names()
    assert cli("study", "list").stdout.splitlines()[1].split()[0] == study_names()[0]


def test_a_study_is_shown_whole(cli: Cli) -> None:
    done = cli("study", "show", FILE)
    assert (done.exit_code, done.stderr) == (0, "")
    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert shown[:5] == [
        "Mixers of digits",
        "",
        "How wide?",
        "Does a wider mixer learn more?",
        "run or ablation what is trained",
    ]
    assert any(line.startswith("wide mlp-mixer on digits, image_size = 8") for line in shown)
    assert any(line.startswith("mixer/batch") and line.endswith(", by batch_size: 10; 20") for line in shown)
    assert "MLP-Mixer on Digits, mixer 99.00% a paper" in shown
    assert "MLP-Mixer on Digits, wide 50% a paper leak" in shown
    assert "MLP-Mixer on Digits, mixer above MLP-Mixer on Digits, wide a paper" in shown
    told = json.loads(cli("study", "show", FILE, "--json").stdout)
    assert [section["title"] for section in told["sections"]] == ["How wide?", "Which batch?"]


def test_the_status_counts_what_is_there(cli: Cli) -> None:
    finish("mixer")
    finish("mixer/batch", seeds="1")
    diverged = ErrorRecord(kind="diverged", message="diverged at epoch 1")
    write_run(Path("runs"), specs("wide")[0], error=diverged)
    done = cli("study", "status", FILE)
    assert (done.exit_code, done.stderr) == (0, "")
    *lines, total = done.stdout.splitlines()
    way = f"`vitreport study status {FILE} --measure` times a few steps"
    assert total == f"12 runs, 5 done; some times are unknown: {way}"
    assert [line.split() for line in lines] == [
        ["run", "or", "ablation", "runs", "done", "missing", "diverged", "time"],
        ["wide", "3", "0", "2", "1", "unknown"],
        ["mixer", "3", "3", "0", "0"],
        ["mixer/batch", "6", "2", "4", "0", "0:00:06"],
    ]
    for spec in specs("wide")[1:]:
        write_run(Path("runs"), spec)
    *_, total = cli("study", "status", FILE).stdout.splitlines()
    assert total == "12 runs, 7 done; the others take about 0:00:06, one at a time"
    total = cli("study", "run", FILE, "--jobs=3", "--dry-run").stdout.splitlines()[-1]
    assert total == "12 runs, 7 done; the others take about 0:00:02, with 3 jobs"


def test_the_status_counts_jobs_that_wait_or_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = FakeSlurm(is_idle=True)
    slurm.install(monkeypatch)
    monkeypatch.setattr("shutil.which", lambda name: name)
    engine = SlurmEngine(1, Runtime())
    for spec in specs("wide", seeds="2"):
        engine.submit(spec)
    engine.reports(0)
    command = ("study", "status", FILE, "--only", "wide")
    for state in ("waiting", "running"):
        header, wide, _ = cli(*command).stdout.splitlines()
        assert header.split()[-4:] == ["done", "missing", state, "time"]
        assert wide.split() == ["wide", "3", "0", "1", "2", "unknown"]
        slurm.is_idle = False
    slurm.outages = 1
    assert cli(*command).stderr.startswith("warning: jobs that wait are not counted: Slurm does not answer: ")


def test_runs_of_several_parts_are_counted_once(cli: Cli) -> None:
    again = STUDY.replace("params.batch_size = [10, 20]", "params.batch_size = [18, 20]").replace("at = 10", "at = 18")
    Path(FILE).write_text(again)
    *lines, total = cli("study", "status", FILE, "--only", "mixer,mixer/batch").stdout.splitlines()
    assert sum(int(line.split()[1]) for line in lines[1:]) == 9
    assert total.startswith("6 runs (3 shared), 0 done")


@pytest.mark.parametrize(
    "words",
    [
        (FILE, "--only", "mixer,wide"),
        (FILE, "--only", "mixer, wide"),
        (FILE, "--only", "mixer", "--only", "wide"),
        ("--only", "mixer,wide", FILE),
        ("--only=mixer,wide", FILE),
    ],
)
def test_parts_are_named_in_any_place_of_the_command(words: tuple[str, ...], cli: Cli) -> None:
    *lines, total = cli("study", "status", "--seeds", "1", *words).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["wide", "mixer"]
    assert total.startswith("2 runs, 0 done")


@pytest.mark.parametrize(
    "words", [("--only", "mixer,wide", f"--study={FILE}"), (f"--study={FILE}", "--only", "mixer,wide")]
)
def test_a_report_of_some_parts_has_no_other(words: tuple[str, ...], cli: Cli) -> None:
    document = json.loads(cli("report", "--format", "json", *words).stdout)
    assert [(each["title"], each["ablations"]) for each in document["sections"]] == [("How wide?", [])]
    assert "vitreport study run my.toml --only mixer,wide" in cli("report", *words).stdout


def test_the_status_of_a_part_for_programs(cli: Cli) -> None:
    finish("mixer", seeds="2")
    told = json.loads(cli("study", "status", FILE, "--only", "mixer", "--json").stdout)
    expected = {"runs": 3, "states": {"done": 2, "new": 1}, "to_train": 1, "to_compile": None, "seconds": 1.5}
    assert told == {"schema_version": 1, "parts": [{"name": "mixer", **expected}], "all": expected}


def test_a_dry_run_counts_the_failed_runs_that_it_would_retry(cli: Cli) -> None:
    first, second = specs("mixer", seeds="2")
    write_run(Path("runs"), first)
    write_run(Path("runs"), second, None, error=ErrorRecord(kind="internal", message="no"))
    command = ("study", "run", FILE, "--only", "mixer", "--seeds", "2", "--dry-run", "--json")
    counts = [json.loads(cli(*command, *more).stdout)["all"]["to_train"] for more in ((), ("--retry-failed",))]
    assert counts == [0, 1]


def test_without_a_record_the_time_is_unknown_until_it_is_measured(cli: Cli) -> None:
    part = ("study", "status", FILE, "--only", "mixer", "--seeds", "1")
    assert cli(*part).stdout.splitlines()[-2].split()[-1] == "unknown"
    total = cli(*part).stdout.splitlines()[-1]
    assert total.startswith("1 run, 0 done; ")
    assert f"`vitreport study status {FILE} --measure` times a few steps" in total
    assert cli("study", "run", *part[2:], "--dry-run").stdout == cli(*part).stdout
    measured = json.loads(cli(*part, "--measure", "--json").stdout)["all"]
    assert (measured["seconds"] > 0, measured["to_compile"]) == (True, 0)
    assert not Path("runs").exists()


def test_a_study_is_run_and_goes_on_where_it_ended() -> None:
    """As a process, with processes of its own; the second time nothing is trained."""
    only = ("--only", "mixer,mixer/batch", "--seeds", "1", "--set", "limit=30")
    done = vitreport("study", "run", FILE, *only, timeout=240)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("state=done") == 3
    assert [line.split()[0] for line in done.stdout.splitlines()[:2]] == ["run", "my/mixer"]
    assert "my/mixer/batch\nbatch_size" in done.stdout
    assert len(list(Path("runs/sweeps").glob("*.json"))) == 1, "a run by itself is no sweep"
    again = vitreport("study", "run", FILE, *only, timeout=240)
    assert (again.exit_code, again.stdout, "state=done" in again.stderr) == (0, done.stdout, False)
    status = vitreport("study", "status", FILE, *only)
    assert status.stdout.splitlines()[-1] == "3 runs, 3 done"


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_part_without_its_folder_of_images_is_an_error(command: str, cli: Cli) -> None:
    own = '[runs.own]\nmodel = "mlp-mixer"\ndataset = "./nowhere"'
    Path(FILE).write_text(STUDY.partition("[[sections]]")[0].replace("[ablations", f"{own}\n[ablations", 1))
    if command == "run":
        for part in ("mixer", "wide", "mixer/batch"):
            finish(part)
    done = cli("study", command, FILE)
    assert done.exit_code == 3
    assert "mixer/batch" in done.stdout
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: left out: my/own (")
    assert "nowhere is not a directory; hint: give an image folder" in error
    assert done.stderr.count("warning: left out: my/own (") == (command == "run")


def test_parts_may_have_their_images_in_different_folders(cli: Cli) -> None:
    for folder in ("here/a", "there/b"):
        write_folder(Path(folder), size=8)
    own = [
        f'[runs.{Path(f).name}]\nmodel = "mlp-mixer"\ndataset = "./{f}"\nset = {{ patch_size = 4 }}'
        for f in ("here/a", "there/b")
    ]
    Path(FILE).write_text("\n".join(['title = "Two folders"', *own]))
    planned = plan_study(StudyRequest(FILE), facts_in(None))
    homes = [plan.trials[0].data_dir for plan in planned.plans.values()]
    assert homes == [Path("here").resolve(), Path("there").resolve()]
    assert cli("study", "run", FILE, "--dry-run").exit_code == 0


@pytest.mark.parametrize("by", ["option", "variable"])
def test_data_sets_are_searched_in_several_folders(by: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(Path("here/a"), size=8)
    write_folder(Path("there/b"), size=8)
    own = (f'[runs.{name}]\nmodel = "mlp-mixer"\ndataset = "{name}"\nset = {{ patch_size = 4 }}' for name in "ab")
    Path(FILE).write_text("\n".join(['title = "Two folders"', *own]))
    folders = ("--data-dir", "here", "--data-dir", "there") if by == "option" else ()
    if by == "variable":
        monkeypatch.setenv("VITREPORT_DATA_DIR", os.pathsep.join(["here", "there"]))
    done = cli("study", "status", FILE, *folders)
    assert (done.exit_code, done.stderr) == (0, "")
    if by == "option":
        planned = plan_study(StudyRequest(FILE), facts_in([Path("here"), Path("there")]))
        assert [str(plan.trials[0].data_dir) for plan in planned.plans.values()] == ["here", "there"]
