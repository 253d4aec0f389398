"""What `vitreport ablate` refuses before anything runs, and what a dry run says."""

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Cli
from tests.cli.small_sweep import BASE, written
from tests.records import small_spec, write_run
from vitreport.records.reader import Run, read_run
from vitreport.records.run import ErrorRecord
from vitreport.training import compilation
from vitreport.training.compilation import Gain

PAIRED = ("--zip", "mlp-mixer", "--dataset", "digits", "--param", "patch_size", "2,4", "--param", "embed_dim", "8,16")
PAIRS = ("--param", "patch_size", "2,4", "--param", "embed_dim", "8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no field is varied"),
        (("--param", "batch_size"), "empty value"),
        (("--param", "batch_size", "--seeds", "3"), "batch_size: '' contains an empty value (from --param)"),
        (("--param", "batch_size", "0,16"), "train.batch_size = 0"),
        (("--param", "batch_size", "16,"), "empty value"),
        (("--param", "batchsize", "16"), "did you mean batch_size"),
        (("--param", "seed", "1,2"), "a sweep has its own seeds"),
        (("--param", "batch_size", "16,32", "--param", "train.batch_size", "64"), "is varied twice"),
        (("--param", "lr", "1e-3,0.001"), "duplicate value 0.001 for learning_rate"),
        (("--zip", *PAIRS), "patch_size has 2, embed_dim has 1"),
        (
            ("--param", "batch_size", "16,32", "--baseline", "64"),
            "--baseline 64 is not among the values of the sweep; hint: use one of 16, 32",
        ),
        (
            (*PAIRED, "--baseline", "2"),
            "--baseline 2 is not among the values of the sweep; hint: use one of '2, 8', '4, 16'",
        ),
        (
            (*PAIRED[1:], "--baseline", "2"),
            "--baseline 2 is not among the values of the sweep; hint: use one of 2,8, 2,16, 4,8, 4,16",
        ),
        (("--param", "batch_size", "16", "--seeds", "0"), "must be 1 to 10,000 different whole numbers"),
        (("--param", "batch_size", "16", "--set", "seed=5"), "a sweep takes its seeds from --seeds"),
        (("--param", "batch_size", "16,32", "--seeds", "5001"), "10,002 trials, more than 10,000"),
        (("--param", "batch_size", "16", "--jobs", "10000"), "more than the"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_runs(
    arguments: tuple[str, ...], told: str, cli: Cli, tmp_path: Path
) -> None:
    done = cli("ablate", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("param", "values", "told"),
    [
        ("num_classes", "10,11", "data.num_classes = 11: digits has 10 classes"),
        ("model.arguments.drop_rate", "0.1,2", "dropout"),
    ],
)
def test_every_trial_is_checked_before_any_is_trained(
    param: str, values: str, told: str, cli: Cli, tmp_path: Path
) -> None:
    model = ("timm/resnet10t", "--dataset=digits", "--device=cpu", "--set=data.limit=100")
    done = cli("ablate", *model, "--seeds=1", "--param", param, values)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert list(tmp_path.glob("runs/*/run.json")) == []


def test_every_fault_is_told(cli: Cli) -> None:
    done = cli("ablate", "--param", "batch_size", "0,16,x", "--param", "optimizer", "adm,sgd")
    assert done.exit_code == 2
    faults = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(faults) == 3
    assert all("(from --param)" in line for line in faults)


def test_a_dry_run_tells_trials_time_and_disk_and_writes_nothing(cli: Cli) -> None:
    written({16: [0.5], 32: [0.5]})
    options = ("--device=cpu", "--threads=2", "--seeds=3", "--dry-run")
    command = ("ablate", *BASE, *options, "--param", "batch_size", "16,32")
    done = cli(*command)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:5] for line in lines[2:5]] == [
        ["16", "0", "done", small_spec(0, train={"batch_size": 16}).run_id],
        ["32", "0", "done", small_spec(0, train={"batch_size": 32}).run_id],
        ["16", "1", "new", "0:10:00", "records"],
    ]
    assert lines[-1].startswith("6 trials, 2 done; remaining: about 0:40:00 with 1 job and ")
    assert not Path("runs/sweeps").exists()
    plan = json.loads(cli(*command, "--json").stdout)
    assert plan["seconds"] == 2400
    assert [trial["state"] for trial in plan["trials"]] == ["done", "done", "new", "new", "new", "new"]


def test_a_dry_run_expects_no_more_jobs_than_trials(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreport.sweep.engines.local.usable_cores", lambda: 99)
    written({16: [0.5]})
    command = ("ablate", *BASE, "--device=cpu", "--threads=2", "--seeds=3", "--param", "batch_size", "16")
    assert "remaining: about 0:10:00 with 2 jobs and " in cli(*command, "--dry-run", "--jobs=9").stdout


def test_a_dry_run_says_which_difference_the_sweep_can_show(cli: Cli) -> None:
    written({16: [0.5]})
    command = ("ablate", *BASE, "--param", "batch_size", "16,32", "--baseline=16", "--seeds", "2", "--dry-run")
    expected = "2 seeds per value and 360 test images can show a difference of 4.7 pp (with a power of 80%), assuming "
    assert cli(*command).stdout.splitlines()[-2].startswith(expected)
    plan = json.loads(cli(*command, "--json").stdout)
    assert plan["smallest_difference"] == pytest.approx(0.047, abs=0.0005)


def test_without_a_record_some_steps_tell_the_time(cli: Cli) -> None:
    written({})
    options = ("--device=cpu", "--threads=2", "--seeds=1", "--dry-run", "--json")
    command = ("ablate", *BASE, *options, "--param", "batch_size", "32")
    (trial,) = json.loads(cli(*command).stdout)["trials"]
    assert trial["source"] == "a few steps"
    assert 0 < trial["seconds"] < 600
    assert not Path("runs").exists()
    write_run(Path("runs"), small_spec(7, train={"batch_size": 32}))
    (known,) = json.loads(cli(*command).stdout)["trials"]
    assert known["source"] == "records"
    assert known["disk_bytes"] == trial["disk_bytes"] > 0


def test_a_dry_run_says_how_many_trials_will_be_compiled(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the table of measured gains, whether the time of a trial is from a record or from a few steps."""
    written({16: [0.5]})
    command = (
        "ablate",
        *BASE,
        "--device=cpu",
        "--threads=2",
        "--seeds=2",
        "--param",
        "batch_size",
        "16,32",
        "--dry-run",
    )
    gain = Gain(training=2.0, evaluation=2.0, seconds=1e-9, flops_per_second=1.0)
    monkeypatch.setattr(compilation, "measured_gains", lambda: {("perceiver-io", "cpu", "float32"): gain})
    monkeypatch.setattr(compilation, "has_compiler", lambda device: True)
    for option, count in (("--compile=auto", 3), ("--compile=on", 3), ("--compile=off", 0)):
        plan = json.loads(cli(*command, option, "--json").stdout)
        found = [(each["source"], each["to_compile"]) for each in plan["trials"]]
        assert sorted(found[1:]) == [("a few steps", count > 0), ("a few steps", count > 0), ("records", count > 0)]
        assert found[0] == ("", None), "it is done"
        last = "compile: 3 of 3 missing; times from a few steps are without compiling"
        assert (cli(*command, option).stdout.splitlines()[-1] == last) is (count > 0)


def test_a_dry_run_reads_every_record_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    written({16: [0.5, 0.6], 32: [0.5]})
    counts = Counter[Path]()

    def counting(folder: Path) -> Run:
        counts[folder] += 1
        return read_run(folder)

    for place in ("cli.sweeps", "cli.commands.study", "sweep.plan"):
        monkeypatch.setattr(f"vitreport.{place}.read_run", counting)
    command = ("ablate", *BASE, "--device=cpu", "--param", "batch_size", "16,32", "--seeds=2", "--dry-run")
    assert cli(*command).exit_code == 0
    assert set(counts.values()) == {1}
    assert len(counts) == 3


def test_a_dry_run_counts_no_time_for_what_is_not_tried_again(cli: Cli) -> None:
    written({16: [0.5, None, 0.5]})
    damaged, failed = (small_spec(seed, train={"batch_size": 16}) for seed in (2, 3))
    Path("runs", damaged.run_id, "result.json").write_text("{")
    write_run(Path("runs"), failed, None, error=ErrorRecord(kind="internal", message="no"))
    command = ("ablate", *BASE, "--device=cpu", "--param", "batch_size", "16", "--dry-run")
    settled = "1 done, 1 diverged, 1 damaged, 1 failed"
    assert cli(*command, "--seeds=5").stdout.splitlines()[-1].startswith(f"5 trials, {settled}; remaining: about ")
    assert (
        cli(*command, "--seeds=4").stdout.splitlines()[-1]
        == f"4 trials, {settled}; nothing is left to train (use --retry-failed)"
    )
    assert cli(*command, "--seeds=3").stdout.splitlines()[-1].endswith("1 damaged; nothing is left to train")
    plan = json.loads(cli(*command, "--seeds=5", "--retry-failed", "--json").stdout)
    assert [trial["to_train"] for trial in plan["trials"]] == [False, False, False, True, True]
    assert [trial["seconds"] > 0 for trial in plan["trials"]] == [trial["to_train"] for trial in plan["trials"]]


def test_datasets_given_by_paths_may_lie_in_different_folders(cli: Cli, tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a/x", "a/y", "b/z")]
    for path in paths:
        write_images(Path(path))
    small = ("ablate", "mlp-mixer", "--set=patch_size=8", "--set=embed_dim=8", "--seeds=1", "--dry-run", "--json")
    done = cli(*small, "--param", "dataset", ",".join(paths))
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert [trial["values"] for trial in plan["trials"]] == [{"dataset": path} for path in paths]


def write_images(folder: Path) -> None:
    """A dataset of two classes."""
    for split in ("train", "test"):
        for name in ("cats", "dogs"):
            (folder / split / name).mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / split / name / f"{number}.png")


MODELS = ("--param", "model", "swin,timm/resnet10t")


@pytest.mark.parametrize("model", [(), ("timm/resnet10t",), ("swin",)])
def test_architectures_are_levels_with_the_presets_of_their_own(model: tuple[str, ...], cli: Cli) -> None:
    done = cli("ablate", *model, "--dataset=digits", *MODELS, "--seeds=1", "--device=cpu", "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["axes"] == ["model"]
    assert [(trial["values"], trial["run"]) for trial in plan["trials"]] == [
        ({"model": "swin"}, "swin-digits-ea4ce545-s0"),  # as the presets have it
        ({"model": "timm/resnet10t"}, "timm-resnet10t-digits-e496c844-s0"),
    ]
    assert plan["baseline"] == ({"model": model[0]} if model else None)


def test_the_faults_of_each_architecture_are_told(cli: Cli) -> None:
    done = cli("ablate", "--dataset=digits", "--param", "model", "swi,timm/no_such_model", "--dry-run")
    assert done.exit_code == 2
    assert "model.name = 'swi': unknown name (from --param); hint: did you mean swin?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--param", "batch_size", "16,32"), "hint: add the spec's values to the sweep, or use --baseline 16"),
        (MODELS, "hint: add the spec's values to the sweep, or use --baseline swin"),
        (("--param", "batch_size", "16,64"), ""),
        (("--param", "batch_size", "16,32", "--baseline", "16"), ""),
        (("--param", "batch_size", "16"), ""),
    ],
)
def test_a_sweep_without_its_baseline_says_so_before_it_trains(arguments: tuple[str, ...], told: str, cli: Cli) -> None:
    base: tuple[str, ...] = ("mlp-mixer", "--preset=mlp-mixer-digits", "--set=batch_size=64", "--set=lr=3e-4")
    if arguments == MODELS:
        base = ("mlp-mixer", "--dataset=digits")
    done = cli("ablate", *base, *arguments, "--seeds=1", "--device=cpu", "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert ("no baseline: the values in the spec are not" in done.stderr) == bool(told)
    assert told in done.stderr
