"""`vitreport study` and `vitreport report --study` as their users run them, on a small study of their own."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import Completed, vitreport
from tests.data.makers import write_folder
from tests.records import write_run
from vitreport.data.sources import facts_in
from vitreport.records.run import ErrorRecord
from vitreport.spec.run import RunSpec
from vitreport.spec.study_file import study_names
from vitreport.sweep.record import write_sweep
from vitreport.sweep.studies import StudyRequest, plan_study

SMALL = "image_size = 8, patch_size = 4, embed_dim = 8, num_blocks = 1, limit = 40, epochs = 1, batch_size = 18"
STUDY = f"""
title = "Mixers of digits"

claims = [
    {{ of = "mixer", value = "99.00%", source = "a paper" }},
    {{ of = "mixer/batch", at = 10, above = 20, source = "a paper", says = "small batches are better" }},
    {{ of = "mixer", above = "wide", source = "a paper" }},
    {{ of = "wide", value = 0.5, source = "a paper", fault = "leak" }},
]

[faults]
leak = "the paper chose by its test images"

[runs]
mixer = {{ model = "mlp-mixer", dataset = "digits", set = {{ {SMALL} }} }}
wide = {{ model = "mlp-mixer", dataset = "digits", set = {{ {SMALL.replace("embed_dim = 8", "embed_dim = 16")} }} }}

[ablations."mixer/batch"]
model = "mlp-mixer"
dataset = "digits"
set = {{ {SMALL.replace("epochs", "train.epochs")} }}
params.batch_size = [10, 20]

[[sections]]
title = "How wide?"
question = "Does a wider mixer learn more?"
runs = ["wide", "mixer"]

[[sections]]
title = "Which batch?"
ablations = ["mixer/batch"]
"""
FILE = "my.toml"


@pytest.fixture(autouse=True)
def study(own_folders: Path) -> None:
    Path(FILE).write_text(STUDY)


def specs(name: str, *, seeds: str = "3") -> list[RunSpec]:
    (plan,) = plan_study(StudyRequest(FILE, [name], seeds), facts_in(None)).available.values()
    return [trial.spec for trial in plan.trials]


def finish(name: str, *, seeds: str = "3") -> list[Path]:
    return [write_run(Path("runs"), spec, 0.5 + 0.05 * spec.seed, seconds=1.5) for spec in specs(name, seeds=seeds)]


def refused(done: Completed, *said: str) -> None:
    assert (done.exit_code, done.stdout) == (2, "")
    assert [text for text in said if text not in done.stderr] == []
    assert "Traceback" not in done.stderr


def test_the_studies_are_listed(cli: Cli) -> None:
    listed = json.loads(cli("study", "list", "--json").stdout)
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
    assert "mixer reaches 99.00% a paper" in shown
    assert "wide reaches 50% a paper leak" in shown
    assert "mixer is above wide a paper" in shown
    told = json.loads(cli("study", "show", FILE, "--json").stdout)
    assert [section["title"] for section in told["sections"]] == ["How wide?", "Which batch?"]


def test_the_status_counts_what_is_there(cli: Cli) -> None:
    finish("mixer")
    diverged = ErrorRecord(kind="diverged", message="diverged at epoch 1")
    write_run(Path("runs"), specs("wide")[0], error=diverged)
    done = cli("study", "status", FILE)
    assert (done.exit_code, done.stderr) == (0, "")
    *lines, total = done.stdout.splitlines()
    assert total == "12 runs, 3 done; the others take about 0:00:12, one at a time"
    assert [line.split() for line in lines] == [
        ["run", "or", "ablation", "runs", "done", "missing", "diverged", "time"],
        ["How", "wide?"],
        ["wide", "3", "0", "2", "1", "0:00:03"],
        ["mixer", "3", "3", "0", "0"],
        ["Which", "batch?"],
        ["mixer/batch", "6", "0", "6", "0", "0:00:09"],
    ]


def test_runs_of_several_parts_are_counted_once(cli: Cli) -> None:
    again = STUDY.replace("params.batch_size = [10, 20]", "params.batch_size = [18, 20]").replace("at = 10", "at = 18")
    Path(FILE).write_text(again)
    *lines, total = cli("study", "status", FILE, "--only", "mixer", "--only", "mixer/batch").stdout.splitlines()
    assert sum(int(line.split()[1]) for line in lines if line.startswith("  ")) == 9
    assert total.startswith("6 runs (3 shared), 0 done")


def test_the_status_of_a_part_for_programs(cli: Cli) -> None:
    finish("mixer", seeds="2")
    told = json.loads(cli("study", "status", FILE, "--only", "mixer", "--json").stdout)
    expected = {"runs": 3, "states": {"done": 2, "new": 1}, "to_train": 1, "seconds": 1.5}
    assert told == {"parts": [{"name": "mixer", **expected}], "all": expected}


def test_without_a_record_the_time_is_unknown_until_it_is_measured(cli: Cli) -> None:
    part = ("study", "status", FILE, "--only", "mixer", "--seeds", "1")
    assert cli(*part).stdout.splitlines()[-2].split()[-1] == "unknown"
    total = cli(*part).stdout.splitlines()[-1]
    assert total.startswith("1 run, 0 done; ")
    assert f"`vitreport study status {FILE} --only mixer --seeds 1 --measure`" in total
    assert cli("study", "run", *part[2:], "--dry-run").stdout == cli(*part).stdout
    assert json.loads(cli(*part, "--measure", "--json").stdout)["all"]["seconds"] > 0
    assert not Path("runs").exists()


def test_a_study_is_run_and_goes_on_where_it_ended() -> None:
    """As a process, with processes of its own; the second time nothing is trained."""
    only = ("--only", "mixer", "--only", "mixer/batch", "--seeds", "1", "--set", "limit=30")
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


LACKING = """
[runs.photographs]
model = "mlp-mixer"
dataset = "cifar10"
[runs.more]
model = "swin"
dataset = "cifar10"
[runs.own]
model = "mlp-mixer"
dataset = "./nowhere"
"""


@pytest.fixture
def lacking() -> tuple[str, ...]:
    """The study with runs that have no images and that stand before the others; how it is run."""
    Path(FILE).write_text(STUDY.partition("[[sections]]")[0].replace("[ablations", f"{LACKING}\n[ablations", 1))
    Path("data").mkdir()
    Path("data/cifar-10-python.tar.gz").write_text("<html>not found</html>")
    return ("study", "run", FILE, "--seeds", "1", "--data-dir", "data")


def test_what_lacks_its_images_is_told_with_the_results_of_the_rest(lacking: tuple[str, ...], cli: Cli) -> None:
    Path(FILE).write_text(Path(FILE).read_text().replace("mixer = ", "mixed = ").replace('"mixer"', '"mixed"'))
    finish("mixer/batch", seeds="1")
    done = cli(*lacking, *(word for name in ("photographs", "own", "mixer/batch") for word in ("--only", name)))
    assert done.exit_code == 3, done.stderr
    assert "my/mixer/batch\nbatch_size" in done.stdout
    *_, folder, archive = done.stderr.splitlines()
    assert folder.startswith("error: ")
    assert "nowhere is not a folder; left out: my/own; hint: give a folder of images" in folder
    assert archive.startswith("error: data/cifar-10-python.tar.gz")


def test_a_trial_that_failed_weighs_more_than_images_that_are_missing(lacking: tuple[str, ...], cli: Cli) -> None:
    failed = ErrorRecord(kind="internal", message="a bug")
    write_run(Path("runs"), specs("mixer", seeds="1")[0], error=failed)
    done = cli(*lacking, "--only", "mixer", "--only", "photographs")
    assert done.exit_code == 7
    assert "warning: my/photographs is left out: data/cifar-10-python.tar.gz" in done.stderr


@pytest.mark.parametrize("name", ["photographs", "own"])
def test_a_part_by_itself_tells_what_its_images_lack(name: str, lacking: tuple[str, ...], cli: Cli) -> None:
    done = cli(*lacking, "--only", name)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "left out" not in done.stderr


def test_the_status_tells_which_folders_are_missing(lacking: tuple[str, ...], cli: Cli) -> None:
    done = cli("study", "status", FILE)
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: my/own: ")
    assert "nowhere is not a folder; hint: give a folder of images" in done.stderr
    assert "photographs" in done.stdout


def test_parts_may_have_their_images_in_different_folders(cli: Cli) -> None:
    for folder in ("here/a", "there/b"):
        write_folder(Path(folder), size=8)
    own = [
        f'[runs.{Path(f).name}]\nmodel = "mlp-mixer"\ndataset = "./{f}"\nset = {{ patch_size = 4 }}'
        for f in ("here/a", "there/b")
    ]
    Path(FILE).write_text("\n".join(['title = "Two folders"', *own]))
    planned = plan_study(StudyRequest(FILE), facts_in(None))
    assert [plan.data_dir for plan in planned.available.values()] == [Path("here").resolve(), Path("there").resolve()]
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
        assert [str(plan.data_dir) for plan in planned.available.values()] == ["here", "there"]


def test_what_has_not_been_run_is_reported_with_its_command(cli: Cli) -> None:
    done = cli("report", "--study", FILE)
    assert (done.exit_code, done.stderr) == (0, f"there are no runs of {FILE} in runs: the folder does not exist\n")
    assert done.stdout.startswith("# Mixers of digits\n\nThere is no finished run yet.")
    for name in ("mixer", "wide", "mixer/batch"):
        assert f"`vitreport study run {FILE} --only {name}`" in done.stdout
    assert done.stdout.index("## How wide?") < done.stdout.index("## Which batch?") < done.stdout.index("## Published")


def test_a_report_judges_the_claims(cli: Cli) -> None:
    finish("mixer")
    finish("wide")
    found = json.loads(cli("report", "--study", FILE, "--format", "json").stdout)
    outcomes = {each["claim"]["statement"]: each["outcome"] for each in found["verdicts"]}
    assert outcomes == {
        "mixer reaches 99.00%": "below",
        "mixer/batch: small batches are better": "not run",
        "mixer is above wide": "within interval",
        "wide reaches 50%": "not comparable",
    }
    assert "Runs: How wide?" in cli("report", "--study", FILE, "--format", "html").stdout


def test_a_report_shows_the_seeds_that_it_names_only(cli: Cli) -> None:
    """Each with all its attempts; without names it shows all that there are, not only the usual three."""
    finish("mixer", seeds="0..4")
    write_run(Path("runs"), specs("mixer")[1], 0.75, suffix="-r2")

    def shown(*seeds: str) -> tuple[int, list[int], float]:
        found = json.loads(cli("report", "--study", FILE, "--format", "json", *seeds).stdout)
        (group,) = found["groups"]
        seeds_shown = [run["seed"] for run in group["runs"]]
        return found["runs"], seeds_shown, round(group["test"]["value"], 2)

    assert shown() == (6, [0, 1, 2, 3, 4], 0.64)
    assert shown("--seeds", "3") == (4, [0, 1, 2], 0.62)
    assert shown("--seeds", "1..1") == (2, [1], 0.75)
    assert (
        "there are no runs of my.toml with --seeds 7..8 in runs"
        in cli("report", "--study", FILE, "--seeds", "7..8").stderr
    )


def test_a_smaller_study_is_another_one(cli: Cli) -> None:
    """Its runs are no answer to claims about the study as it is."""
    finish("mixer")
    smaller = ("--set", "limit=30", "--seeds", "0..1")
    document = cli("report", "--study", FILE, *smaller).stdout
    assert "There is no finished run yet." in document
    assert f"`vitreport study run {FILE} --only mixer --set limit=30 --seeds 0..1`" in document


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("study", "show", "small"), ["unknown study 'small'; hint: did you mean small-images? A file"]),
        (("study", "show", "none.toml"), ["none.toml is missing"]),
        (("study", "status", FILE, "--only", "mixr"), ["--only = 'mixr': no such part of the study", "mean mixer"]),
        (("study", "run", FILE, "--set", "epoch=1"), ["epoch: unknown field (from --set)", "did you mean epochs"]),
        (("study", "run", FILE, "--set", "seed=1"), ["seed: is given by --seeds"]),
        (("study", "run", FILE, "--seeds", "none"), ["--seeds = 'none': names no seeds"]),
        (("ablate", "--study", FILE, "--only", "mixer"), ["--only = 'mixer': no such part"]),
        (("report", "--study", FILE, "mixer"), ["runs cannot be named with --study: mixer"]),
        (("report", "--set", "epochs=1"), ["--set and --seeds need --study"]),
        (("report", "--seeds", "3"), ["--set and --seeds need --study"]),
    ],
)
def test_a_wrong_request_is_refused(arguments: tuple[str, ...], said: list[str], cli: Cli) -> None:
    done = cli(*arguments)
    refused(done, *said)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('model = "mlp-mixer"', 'model = "mlp-mixr"'), ["ablations.\"mixer/batch\".model = 'mlp-mixr': unknown name"]),
        (("limit = 40", "limt = 40"), ["runs.mixer.set.limt: unknown field", "did you mean limit"]),
        (("limit = 40", "limit = 0"), ["runs.mixer.set.limit = 0: must be"]),
        (("limit = 40", "seed = 4"), ["runs.mixer.set.seed: is given by --seeds in a sweep"]),
        (('dataset = "digits"\nset', 'dataset = "digist"\nset'), ["'digist': unknown data set", "mean digits?"]),
        (
            ('"digits", set', '"digits", preset = "swin-digits", set'),
            ["runs.mixer.preset = swin-digits: is a recipe of"],
        ),
        (('"digits", set', '"digits", preset = "mixer-digits", set'), ["runs.mixer.preset = 'mixer-digits': unknown"]),
        (("[10, 20]", "[10, -3]"), ['ablations."mixer/batch".params.batch_size = -3: must be']),
        (("patch_size = 4", "patch_size = 3"), ["runs.mixer.set.patch_size"]),
    ],
)
def test_a_fault_of_a_part_is_told_by_its_place_in_the_file(change: tuple[str, str], said: list[str], cli: Cli) -> None:
    Path(FILE).write_text(STUDY.replace(*change))
    done = cli("study", "status", FILE)
    refused(done, *said)
    assert all("(from my.toml)" in line for line in done.stderr.splitlines())


FAULTY = """
titel = "Twelve faults"
claims = [
    { of = "mixr", value = 0.5, source = "a paper" },
    { of = "mixer", value = 57.1, source = "a paper", fault = "leek" },
    { of = "mixer", value = 0.5, sourse = "a paper" },
]
[faults]
leak = "the paper chose by its test images"
[runs]
mixer = { model = "mlp-mixer", dataset = "digits", set = { limt = 3, epochs = "ten" } }
swin = { modle = "swin", dataset = "digits" }
tnt = { model = "tnt", dataset = "digist", preset = "tnt-digit" }
[ablations.batch]
model = "swin"
dataset = "digist"
params = { batch_size = [0, 16], lerning_rate = [1e-3] }
[[sections]]
title = "All"
runs = ["mixer", "swim", "tnt"]
"""
FAULTS = {
    "titel": "mean title?",
    "title": "is missing",
    "claims.0.of = 'mixr'": "mean mixer?",
    "claims.1.value = 57.1": "must be",
    "claims.1.fault = 'leek'": "mean leak?",
    "claims.2.source": "is missing",
    "claims.2.sourse": "mean source?",
    "runs.mixer.set.limt": "mean limit?",
    "runs.mixer.set.epochs = 'ten'": "must be",
    "runs.swin.model": "is missing",
    "runs.swin.modle": "mean model?",
    "runs.tnt.preset = 'tnt-digit'": "mean tnt-digits",
    "runs.tnt.dataset = 'digist'": "mean digits?",
    "ablations.batch.dataset = 'digist'": "mean digits?",
    "ablations.batch.params.batch_size = 0": "must be",
    "ablations.batch.params.lerning_rate": "mean learning_rate?",
    "sections.0.runs = 'swim'": "mean swin?",
    "ablations.batch": "is in no section",
}


@pytest.mark.parametrize("command", [("show",), ("status",), ("run", "--dry-run")], ids=lambda words: words[0])
def test_every_fault_of_a_file_is_told_at_once(command: tuple[str, ...], cli: Cli) -> None:
    """Its structure, the names in it and the fields and values of its runs, each with its place."""
    Path(FILE).write_text(FAULTY)
    done = cli("study", command[0], FILE, *command[1:])
    refused(done, *FAULTS.values())
    found = [line.removeprefix("error: ").partition(": ")[0] for line in done.stderr.splitlines()]
    assert sorted(found) == sorted(FAULTS)


def test_what_is_asked_for_is_told_with_the_faults_of_the_file(cli: Cli) -> None:
    Path(FILE).write_text(STUDY.replace("limit = 40", "limt = 40"))
    done = cli("study", "status", FILE, "--only", "mixr", "--only", "wide", "--seeds", "x", "--set", "epoch=1")
    told = ["--only = 'mixr': no such part of the study", "runs.wide.set.limt", "--seeds = 'x'", "epoch: unknown field"]
    refused(done, *told)
    assert len(done.stderr.splitlines()) == len(told)


def test_only_seeds_that_were_asked_for_are_missing(cli: Cli) -> None:
    """The sweep on record says which; a report without --seeds does not count against the usual three."""
    for number in (0, 1):
        finish("mixer/batch", seeds=f"{number}..{number}")
    (planned,) = plan_study(StudyRequest(FILE, ["mixer/batch"], "2"), facts_in(None)).available.values()
    assert "1 seed missing" in cli("report", "--study", FILE).stdout
    write_sweep(Path("runs"), planned)
    told = cli("report", "--study", FILE).stdout
    assert "missing" not in told
    assert "1 seed missing" in cli("report", "--study", FILE, "--seeds", "3").stdout
