"""stdout carries the product and nothing else; stderr suits who reads it."""

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import Cli
from tests.cli.surface import commands
from tests.cli.test_ablate import written
from tests.commands import TINY, command, vitreport
from tests.data.makers import write_folder
from tests.records import small_spec, write_run
from vitreport.cli import console
from vitreport.cli.live.training import LineView, LiveView, QuietTrainingView, choose_view
from vitreport.cli.main import run
from vitreport.files import write_json
from vitreport.formatting import counted
from vitreport.records.correct_images import packed
from vitreport.records.reader import Run, read_run
from vitreport.spec.fields import field_paths
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.presets import preset_names

TRAIN = ("train", "perceiver-io", "--dataset", "digits", *TINY)
EPOCHS = 3
STUDY = f"""
title = "A study of one run"
[runs.digits]
model = "perceiver-io"
dataset = "digits"
[runs.digits.set]
{chr(10).join(option.removeprefix("--set=") for option in TINY[:-2])}
train.batch_size = 20
train.epochs = 3
"""
COLOR = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")
HIDE_CURSOR, SHOW_CURSOR, ERASE_LINE = "\x1b[?25l", "\x1b[?25h", "\x1b[2K"
WITH_JSON = {
    "train": TRAIN[1:],
    "ablate": (*TRAIN[1:4], *TINY[:-2], "--set=epochs=3", "--param", "batch_size", "20", "--seeds=1", "--dry-run"),
    "eval": ("perceiver",),
    "runs list": (),
    "runs show": ("perceiver",),
    "runs diff": ("perceiver", "perceiver"),
    "spec check": ("my.toml",),
    "spec show": ("swin",),
    "spec fields": (),
    "datasets list": (),
    "datasets verify": ("digits",),
    "models": (),
    "models show": ("mlp-mixer", "--set", "embed_dim=8", "--set", "num_blocks=1"),
    "study list": (),
    "study show": ("study.toml",),
    "study status": ("study.toml",),
    "study run": ("study.toml", "--seeds=1"),
    "doctor": (),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run, a spec and the decoded digits."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "my.toml").write_text('model.name = "swin"')
    (folder / "study.toml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("VITREPORT_CACHE_DIR", str(folder / "cache"))
        assert run([*TRAIN, "--quiet"]) == 0
    return folder


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    monkeypatch.setenv("VITREPORT_CACHE_DIR", str(home / "cache"))
    return home


def only_run(runs_dir: Path) -> Run:
    (folder,) = runs_dir.iterdir()
    return read_run(folder)


def test_training_prints_its_folder_and_tells_each_epoch_on_one_line(cli: Cli) -> None:
    done = cli(*TRAIN)
    trained = only_run(Path("runs"))
    assert (done.exit_code, done.stdout) == (0, f"{trained.folder}\n")
    lines = [parsed(line) for line in done.stderr.splitlines() if line.startswith("epoch=")]
    told = [(line["epoch"], line["step"], line["train_loss"], line["val_accuracy"]) for line in lines]
    assert told == [
        (str(epoch.epoch), str(epoch.step), f"{epoch.splits['train'].loss:.4f}", f"{epoch.splits['val'].accuracy:.4f}")
        for epoch in trained.epochs
    ]
    assert len(told) == EPOCHS
    assert {key for line in lines for key in line} == {
        *("epoch", "step", "learning_rate", "train_loss", "train_accuracy", "val_loss", "val_accuracy"),
        *("images_per_second", "seconds", "peak_memory", "best_epoch"),
    }


def parsed(line: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in line.split(" "))


def test_the_summary_gives_the_interval_of_a_single_run(cli: Cli) -> None:
    stderr = cli(*TRAIN).stderr
    result = only_run(Path("runs")).result
    assert result is not None
    assert f"the weights are those of epoch {result.selected.epoch} (best validation accuracy)" in stderr
    assert re.search(r"\ntest +\d\.\d{4} +\d+\.\d\d% \(.*% to .*%, single run\)\n", stderr)


def test_verbose_tells_where_each_value_comes_from(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITREPORT_CLIP_NORM", "2")
    lines = cli(*TRAIN, "--verbose").stderr.splitlines()
    told = {line for line in lines if " = " in line}
    assert {"train.clip_norm = 2.0 (VITREPORT_CLIP_NORM)", 'data.dataset = "digits" (command line)'} <= told
    assert f"runs in {Path('runs').absolute()}" in lines


def test_quiet_leaves_the_folder_alone(cli: Cli) -> None:
    done = cli(*TRAIN, "-q")
    assert (done.stdout, done.stderr) == (f"{only_run(Path('runs')).folder}\n", "")


def test_a_finished_run_says_so_and_prints_the_same(at_home: Path, cli: Cli) -> None:
    done = cli(*TRAIN)
    trained = only_run(Path("runs"))
    assert done.stdout == f"{trained.folder}\n"
    assert done.stderr.startswith(f"run {trained.id} is done already; --force trains it again in a new folder\n")


def test_every_command_with_json_is_tried_here() -> None:
    having = {words for words, each in commands().items() if any("--json" in param.opts for param in each.params)}
    assert having == set(WITH_JSON)


@pytest.mark.parametrize("words", WITH_JSON)
def test_json_is_json_and_all_of_stdout(words: str, at_home: Path, cli: Cli) -> None:
    done = cli(*words.split(), *WITH_JSON[words], "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout, parse_constant=pytest.fail) is not None


def test_json_of_training_is_its_result(at_home: Path, cli: Cli) -> None:
    told = json.loads(cli(*TRAIN, "--json").stdout)
    trained = only_run(Path("runs"))
    assert trained.result is not None
    assert told == {"id": trained.id, "folder": str(trained.folder), **trained.result.model_dump(mode="json")}


def test_every_field_is_listed_with_what_is_allowed(cli: Cli) -> None:
    listed = json.loads(cli("spec", "fields", "--json").stdout)
    found = {f"{each['section']}.{field['name']}" for each in listed for field in each["fields"]}
    named = {f"{each['section']}.name" for each in listed if each["name"]}
    assert {path for path in field_paths() if not path.startswith("model.") and path != "seed"} <= found | named
    told = [" ".join(line.split()) for line in cli("spec", "fields", "data.augment").stdout.splitlines()]
    assert (
        'data.augment, "random_rotation": Turn about the centre by an angle from `degrees`, counter-clockwise.' in told
    )
    assert "degrees [number, number] -360 to 360 [-15.0, 15.0]" in told


def test_a_section_that_does_not_exist_is_met_with_the_nearest(cli: Cli) -> None:
    done = cli("spec", "fields", "augment")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: there is no section augment; hint: did you mean data.augment?\n"


def test_a_shown_spec_is_toml(cli: Cli) -> None:
    assert tomllib.loads(cli("spec", "show", "swin").stdout)["model"]["name"] == "swin"


def test_a_checked_spec_prints_its_id(at_home: Path, cli: Cli) -> None:
    done = cli("spec", "check", "my.toml")
    assert re.fullmatch(r"swin-cifar10-[0-9a-f]{8}-s0\n", done.stdout)
    assert done.stderr == "my.toml: a sound spec of swin on cifar10\n"


def run_of(seed: int, accuracy: float = 0.5) -> Path:
    """Two of these differ in their seeds alone."""
    return write_run(Path("runs"), small_spec(seed), accuracy, seconds=1.5)


def test_two_runs_are_told_apart_by_what_differs(cli: Cli) -> None:
    first, second = (run_of(seed).name for seed in (0, 1))
    assert cli("runs", "diff", first, first).stdout == "no difference\n"
    header, line = cli("runs", "diff", first, second).stdout.splitlines()
    assert header.split() == [first, second]
    assert line.split() == ["seed", "0", "1"]
    assert json.loads(cli("runs", "diff", first, second, "--json").stdout) == {"seed": [0, 1]}


def test_what_was_measured_is_told_with_its_difference(cli: Cli) -> None:
    first, second = run_of(0), run_of(1, 0.25)
    result = json.loads((second / "result.json").read_text())
    result["selected"]["splits"]["test"] |= {"loss": 1.25}
    (second / "result.json").write_text(json.dumps(result))
    record = json.loads((second / "run.json").read_text())
    record["cost"]["parameters"] = 3000
    record["seconds"] = 2.76543
    (second / "run.json").write_text(json.dumps(record))
    header, *lines = [line.split() for line in cli("runs", "diff", first.name, second.name).stdout.splitlines()]
    assert header == [first.name, second.name, "difference"]
    assert ["seed", "0", "1"] in lines
    assert ["cost.parameters", "1,504,662", "3,000", "-1,501,662"] in lines
    assert ["selected.splits.test.accuracy", "50.00%", "25.00%", "-25.00", "points"] in lines
    assert ["selected.splits.test.loss", "1.2000", "1.2500", "+0.0500"] in lines
    assert ["environment.seconds", "1.5", "2.8", "+1.3"] in lines


def test_test_images_that_were_trained_on_are_told_at_each_training(cli: Cli) -> None:
    root = write_folder(Path("pets"), count=10)
    for number in range(4):
        (root / "test" / "dog" / f"000{number}.png").write_bytes((root / "train" / "cat" / "0000.png").read_bytes())
    small = ("--set=patch_size=4", "--set=embed_dim=8", "--set=num_blocks=1", "--epochs=1", "--batch-size=9")
    told = "warning: 4 of the 20 test images are also training images: the test accuracy will be too high"
    for seed in (0, 1):
        done = cli("train", "mlp-mixer", "--dataset", "./pets", *small, f"--seed={seed}")
        assert done.exit_code == 0, done.stderr
        assert told in done.stderr.splitlines()
        assert json.loads(Path(done.stdout.strip(), "run.json").read_text())["data"]["overlap"] == 4
    assert "- Test images of pets that are also training images: 4; " in cli("report").stdout


def test_the_last_epoch_is_told_only_where_another_was_selected(cli: Cli) -> None:
    first, second = run_of(0), with_right(run_of(1), 171, "selected")
    result = json.loads((second / "result.json").read_text())
    told = []
    for right in (180, 171, 169):
        result["last"]["splits"]["test"]["correct"] = right
        (second / "result.json").write_text(json.dumps(result))
        stdout = cli("runs", "diff", first.name, second.name).stdout
        told.append([line.split(".")[0] for line in stdout.splitlines() if "accuracy" in line])
    assert told == [["selected"], ["selected"], ["selected", "last"]]


def with_right(run: Path, right: int, *epochs: str) -> Path:
    """So many of 360 images, 36 a class, those of the first classes."""
    result = json.loads((run / "result.json").read_text())
    for epoch in epochs:
        result[epoch]["splits"]["test"]["correct"] = right
    result["test"] |= {"per_class_correct": [min(36, max(0, right - 36 * n)) for n in range(10)], "confusion": None}
    write_json(run / "result.json", result)
    return run


def with_correct(run: Path, right: int) -> Path:
    """The first of 360 images."""
    result = json.loads((with_right(run, right, "selected", "last") / "result.json").read_text())
    write_json(run / "result.json", result | {"correct": packed([place < right for place in range(360)])})
    return run


@pytest.mark.parametrize(
    ("right", "told"),
    [
        (180, None),
        (183, "on these test images these two runs are not shown to differ (McNemar's exact test, p = 0.25)"),
        (190, "on these test images these two runs differ (McNemar's exact test, p = 0.002)"),
    ],
)
def test_two_runs_are_compared_image_by_image(cli: Cli, right: int, told: str | None) -> None:
    names = [with_correct(run_of(seed), (180, right)[seed]).name for seed in (0, 1)]
    *_, line, last = cli("runs", "diff", *names).stdout.splitlines()
    found = json.loads(cli("runs", "diff", *names, "--json").stdout).get("test_images_right_alone")
    if told:
        assert (line.split(), found) == (["test_images_right_alone", "0", str(right - 180)], [0, right - 180])
        assert last == f"{told}; the spread between seeds is not known"
    else:
        assert (last.split()[0], found) == ("seed", None)


def test_runs_on_other_images_are_not_compared(cli: Cli) -> None:
    first, second = (with_correct(run_of(seed), 180 + seed) for seed in (0, 1))
    record = json.loads((second / "run.json").read_text())
    record["data"]["fingerprint"] = "0" * 64
    write_json(second / "run.json", record)
    assert "test images" not in cli("runs", "diff", first.name, second.name).stdout


TABLES = [("models",), ("datasets", "list"), ("runs", "list"), ("runs", "show", "perceiver"), ("eval", "perceiver")]


@pytest.mark.parametrize("arguments", TABLES, ids=" ".join)
def test_a_pipe_gets_no_control_codes_and_no_folded_lines(
    arguments: tuple[str, ...], at_home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = cli(*arguments).stdout
    monkeypatch.setenv("COLUMNS", "20")
    narrow = cli(*arguments)
    assert (narrow.exit_code, narrow.stdout.count("\n")) == (0, wide.count("\n"))
    assert "\x1b" not in narrow.stdout + narrow.stderr
    assert [line for line in narrow.stdout.splitlines() if line != line.rstrip()] == []


def test_one_thread_is_one(cli: Cli) -> None:
    write_run(Path("runs"), small_spec(), fingerprint={"threads": "1"})
    assert "CPU, 1 thread\n" in cli("runs", "show", "perceiver").stdout
    assert [counted(count, "thread") for count in (1, "1", 2, 2000, "?")] == [
        "1 thread",
        "1 thread",
        "2 threads",
        "2,000 threads",
        "? threads",
    ]


def test_the_list_of_models_is_folded_and_whole(cli: Cli) -> None:
    lines = cli("models").stdout.splitlines()
    assert max(map(len, lines)) <= 120
    assert [line.split()[0] for line in lines[1:] if not line.startswith(" ")] == list(ARCHITECTURES)
    assert {word.strip(",") for line in lines for word in line.split()} >= set(preset_names())


def test_a_table_has_one_line_for_each_row(cli: Cli) -> None:
    for seed in range(3):
        write_run(Path("runs"), small_spec(seed))
    assert len(cli("runs", "list", "--each").stdout.splitlines()) == 1 + 3
    assert len(cli("runs", "list").stdout.splitlines()) == 1 + 1


@pytest.mark.parametrize(
    ("variables", "option", "colored"),
    [
        ({}, "auto", False),
        ({"FORCE_COLOR": "1"}, "auto", True),
        ({"FORCE_COLOR": "1"}, "never", False),
        ({"NO_COLOR": "1"}, "always", True),
        ({"NO_COLOR": "1"}, "auto", False),
    ],
)
def test_colors_are_asked_for_or_left_out(
    variables: Mapping[str, str], option: str, colored: bool, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shown = cli("--color", option, "models").stdout + cli("--color", option, "runs", "show", "x").stderr
    assert bool(COLOR.search(shown)) == colored
    assert "\x1b" not in COLOR.sub("", shown)


def test_forced_colors_do_not_turn_a_log_into_a_live_view(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stderr = cli(*TRAIN).stderr
    assert COLOR.sub("", stderr).count("\nepoch=") == EPOCHS
    assert "\x1b" not in COLOR.sub("", stderr)


@pytest.mark.parametrize("arguments", [("spec", "schema"), ("--help",), ("runs", "list")], ids=" ".join)
def test_a_closed_stdout_is_no_error(arguments: tuple[str, ...]) -> None:
    write_run(Path("runs"), small_spec())
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}  # as for most users: what is short is written at the end
    done = subprocess.run(
        command(*arguments), stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False, env=environment
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_stream_without_unicode_gets_what_it_can_show(home: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = vitreport("runs", "show", "perceiver", "--runs-dir", str(home / "runs"), environment=environment)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "train accuracy" in done.stdout
    assert "???" in done.stdout


class Terminal:
    """A process on a terminal of 30 lines of so many characters, and what it has written there."""

    def __init__(self, *arguments: str, width: int = 100, **environment: str) -> None:
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
        bare = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command(*arguments),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**bare, "TERM": "xterm-256color", **environment},
            start_new_session=True,
        )
        os.close(follower)
        self.screen = ""

    def read_until(self, text: str) -> None:
        while text not in self.screen:
            self.screen += os.read(self._leader, 65536).decode()

    def close(self) -> int:
        """Read to the end; the exit code."""
        try:
            while more := os.read(self._leader, 65536):
                self.screen += more.decode()
        except OSError:  # Linux says so when the process has closed its side
            pass
        os.close(self._leader)
        return self.process.wait(timeout=60)


def test_a_terminal_shows_the_training_live_and_keeps_the_summary(home: Path) -> None:
    terminal = Terminal(*TRAIN, VITREPORT_CACHE_DIR=str(home / "cache"))
    assert terminal.close() == 0
    assert terminal.screen.count(HIDE_CURSOR) == terminal.screen.count(SHOW_CURSOR) == 1
    live, _, kept = terminal.screen.partition(SHOW_CURSOR)
    for shown in ("epoch", f"/{EPOCHS}", "images/s", "learning rate"):
        assert shown in CONTROL.sub("", live)
    assert kept.count(ERASE_LINE) >= len(("epoch", "step", "splits", "footer"))
    lines = [line for line in CONTROL.sub("", kept).replace("\r", "").split("\n") if line]
    assert lines[0].startswith("finished in ")
    assert lines[-2].startswith("next: vitreport eval ")
    assert lines[-1] == f"runs/{only_run(Path('runs')).id}"
    assert "epoch=" not in terminal.screen


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (100, ["run", "state", "epochs", "val", "test", "time", "started"]),
        (80, ["run", "state", "epochs", "val", "test", "time"]),
        (60, ["run", "state", "val", "test"]),
        (20, ["run", "state", "test"]),
    ],
)
def test_ids_stay_whole_on_a_narrow_terminal(width: int, columns: list[str]) -> None:
    names = sorted(write_run(Path("runs"), small_spec(train={"batch_size": size})).name for size in (1, 2, 3))
    terminal = Terminal("runs", "list", width=width, NO_COLOR="1")
    assert terminal.close() == 0
    header, *lines = CONTROL.sub("", terminal.screen).replace("\r", "").splitlines()
    assert header.split() == columns
    assert [line.split()[0] for line in lines] == names


def test_what_belongs_together_stays_on_one_line_of_a_narrow_terminal(cli: Cli) -> None:
    written({16: [0.50, 0.63], 128: [0.4, 0.52]})
    sweep = ("ablate", "--spec", "base.json", "--param", "batch_size", "16,128", "--seeds", "2", "--baseline", "128")
    terminal = Terminal(*sweep, width=80, NO_COLOR="1")
    assert terminal.close() == 0
    header, *lines = CONTROL.sub("", terminal.screen.partition("batch_size\r\n")[2]).replace("\r", "").splitlines()
    assert header.startswith("batch_size ")
    assert "56.5% (0.0% to 100.0%, n = 2)" in lines[0]
    plain = cli(*sweep).stdout.splitlines()
    assert max(map(len, lines)) <= 80 < len(plain[-1])
    told = lines[[line.startswith("Perceiver IO on Digits") for line in lines].index(True) :]
    assert " ".join(told) == plain[-1]
    assert all(any(whole in line for line in told) for whole in ("n = 2", "p = ", " to +"))


@pytest.mark.parametrize("kind", ["warning", "error", "next"])
def test_what_goes_wrong_is_folded_between_words_and_what_may_be_copied_is_not(kind: str) -> None:
    line = f"{kind}: {'long-' * 8}id: it is tried again after: {'/folder' * 7} is full"
    terminal = Console(file=io.StringIO(), width=40)
    with terminal.capture() as capture:
        console.note(line, terminal)
    lines = capture.get().splitlines()
    assert " ".join(lines) == line
    assert lines == [line] if kind == "next" else all(len(each) <= 40 or " " not in each for each in lines)


def test_an_interrupt_gives_the_cursor_back(home: Path) -> None:
    terminal = Terminal(*TRAIN, "--epochs", "100000", VITREPORT_CACHE_DIR=str(home / "cache"))
    terminal.read_until("images/s")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.close() == 130
    assert terminal.screen.rindex(SHOW_CURSOR) > terminal.screen.rindex(HIDE_CURSOR)
    assert re.search(r"error: .*stopped by SIGINT", CONTROL.sub("", terminal.screen.partition(SHOW_CURSOR)[2]))


@pytest.mark.parametrize(("kind", "view"), [("xterm-256color", LiveView), ("dumb", LineView)])
def test_only_a_terminal_that_can_redraw_gets_the_live_view(
    kind: str, view: type[QuietTrainingView], monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", kind)
    with os.fdopen(leader), os.fdopen(follower, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert type(choose_view(quiet=False)) is view
        assert type(choose_view(quiet=True)) is QuietTrainingView
