"""From run folders to numbers."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.designs import design
from tests.analysis.summaries import RUNS, by_batch_size, only_group, summary
from tests.records import CLASSES, DIVERGED, spec, write_run, write_seeds
from tests.spec.composing import composed
from vitreport.analysis.references import architecture_title, model_word
from vitreport.analysis.representatives import Planned
from vitreport.analysis.runs import summarize_run
from vitreport.analysis.summarize import Outline
from vitreport.data.sources import facts_in
from vitreport.intervals import PROPORTION, t_interval, wilson_interval
from vitreport.records.folders import find_group, run_folders, strays
from vitreport.records.reader import read_run
from vitreport.report.figures.curves import splits_figure
from vitreport.spec.compose import Request, compose_request
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.run import RunSpec


def test_seeds_become_one_mean_with_a_t_interval() -> None:
    write_seeds(RUNS, [0.5, 0.52, 0.54])
    group = only_group()
    assert group.test is not None
    assert group.test.value == pytest.approx(0.52)
    assert (group.test.method, group.test.n) == ("t", 3)
    assert (group.test.low, group.test.high) == pytest.approx(t_interval([0.5, 0.52, 0.54], PROPORTION))
    assert group.seeds == (0, 1, 2)


def test_a_single_run_has_the_interval_of_its_images() -> None:
    write_seeds(RUNS, [0.5])
    group = only_group()
    assert group.test is not None
    assert (group.test.method, group.test.n, group.test.images) == ("wilson", 1, 10_000)
    assert (group.test.low, group.test.high) == wilson_interval(5000, 10_000)
    assert group.gap is not None
    assert group.gap.method == "newcombe"
    assert group.converged is not None
    assert group.converged.low is None


def test_an_architecture_is_described_by_the_first_line_of_its_docstring() -> None:
    write_seeds(RUNS, [0.5])
    (architecture,) = summary().architectures
    assert architecture.about.startswith("Perceiver IO (Jaegle et al. 2021, arXiv:2107.14795): latent vectors attend")
    for each in ARCHITECTURES.values():
        line = (each.__doc__ or "").partition("\n")[0]
        assert line.endswith(".")
        assert not [word for word in ("default", "`", "S/16") if word in line]


def test_of_two_attempts_at_a_seed_the_newest_counts_and_is_no_second_seed() -> None:
    write_run(RUNS, spec(), 0.5)
    write_run(RUNS, spec(), 0.6, suffix="-r2")
    group = only_group()
    assert [run.id for run in group.runs] == [f"{spec().run_id}-r2"]
    assert group.test
    assert group.test.value == pytest.approx(0.6)
    write_run(RUNS, spec(), None, suffix="-r3", error=DIVERGED)
    assert (only_group().state, only_group().test) == ("diverged", None)
    assert [folder.name for folder in find_group(only_group().id, RUNS)] == [run.id for run in only_group().runs]


def test_runs_that_saw_other_images_are_another_result() -> None:
    write_run(RUNS, spec(seed=0), 0.5)
    write_run(RUNS, spec(seed=1), 0.6, images="7a" * 32)
    found = summary()
    assert [group.test and group.test.n for group in found.groups] == [1, 1]
    assert [dataset.id for dataset in found.datasets] == ["cifar10 (6f6f6f6f)", "cifar10 (7a7a7a7a)"]
    assert len({group.id for group in found.groups}) == 2


def test_details_are_means_over_the_seeds() -> None:
    write_seeds(RUNS, [0.5, 0.52], train={"epochs": 4, "monitor_test": True})
    group, details = only_group(), only_group().details
    assert details is not None
    assert [(curve.split, curve.metric, curve.epochs, curve.n) for curve in group.curves] == [
        (split, metric, (1, 2, 3, 4), 2) for metric in ("accuracy", "loss") for split in ("train", "val", "test")
    ]
    assert list(details.classes) == list(CLASSES)
    first = details.classes[CLASSES[0]]
    assert first.recall and first.recall.value == pytest.approx(0.61)  # noqa: PT018
    assert first.precision == pytest.approx((600 / 1200 + 620 / 1200) / 2)
    assert first.f1 == pytest.approx((600 / 1100 + 620 / 1100) / 2)
    assert group.balanced_accuracy == pytest.approx(0.51)
    assert details.confusion is not None
    assert [sum(row) for row in details.confusion.counts] == [2000] * 10


def test_times_and_memory_are_those_of_runs_that_did_not_share_a_process() -> None:
    write_run(RUNS, spec(seed=0), seconds=100.0)
    for seed in (1, 2):
        write_run(RUNS, spec(seed=seed), seconds=900.0, device="a shared GPU", trials_per_job=4)
    write_run(RUNS, spec(seed=0, train={"batch_size": 20}), trials_per_job=2)
    alone, shared = (group.cost for group in sorted(summary().groups, key=lambda group: -len(group.seeds)))
    assert alone
    assert shared
    measured = (alone.seconds, alone.images_per_second, alone.peak_memory_bytes, alone.device)
    assert measured == (100, 5000, 10**9, "CPU")
    assert (shared.seconds, shared.images_per_second, shared.latency_ms, shared.peak_memory_bytes) == (None,) * 4
    assert shared.parameters == alone.parameters


def test_the_training_curve_is_that_of_the_images_measured_again() -> None:
    folder = write_run(RUNS, spec(train={"epochs": 4}), 0.5)
    assert [each.is_running for each in only_group().curves if each.split == "train"] == [True, True]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    again = [line | {"splits": line["splits"] | {"train_eval": line["splits"]["val"]}} for line in lines]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in again))
    group = only_group()
    train, val = (group.curve(split, "accuracy") for split in ("train", "val"))
    assert train is not None
    assert val is not None
    assert (train.mean, train.is_running) == (val.mean, False)
    (figure,) = splits_figure(group)
    assert "training is measured after each epoch, without augmentation and dropout." in figure.caption


def test_a_run_without_a_result_says_how_far_it_came() -> None:
    write_run(RUNS, spec(train={"epochs": 6}), None, error=DIVERGED)
    group = only_group()
    (run,) = group.runs
    assert (group.state, group.test, run.epoch, run.epochs, run.note) == ("diverged", None, 3, 6, DIVERGED.message)


def test_groups_that_differ_in_one_field_are_an_ablation() -> None:
    write_seeds(RUNS, [0.5, 0.51], train={"batch_size": 128})
    write_seeds(RUNS, [0.6, 0.61], train={"batch_size": 32})
    write_seeds(RUNS, [0.4, 0.41], train={"batch_size": 32}, optimizer={"learning_rate": 0.1})
    found = {ablation.axes: ablation for ablation in summary().ablations}
    assert {axes: [level.labels for level in each.levels] for axes, each in found.items()} == {
        ("batch_size",): [("32",), ("128",)],
        ("learning_rate",): [("0.0003",), ("0.1",)],
    }
    levels = found[("batch_size",)].levels
    assert found[("batch_size",)].baseline == 0
    compared = levels[1].difference
    assert compared is not None
    assert compared.value == pytest.approx(-0.1)
    assert (compared.method, compared.n) == ("welch", 2)


def test_a_seed_that_diverged_leaves_no_comparison() -> None:
    write_seeds(RUNS, [0.5, 0.51], train={"batch_size": 128})
    write_seeds(RUNS, [0.6, 0.61], train={"batch_size": 32})
    write_run(RUNS, spec(seed=2, train={"batch_size": 32}), None, error=DIVERGED)
    (ablation,) = summary().ablations
    assert [level.difference for level in ablation.levels] == [None, None]


def test_a_design_names_what_is_missing() -> None:
    write_seeds(RUNS, [0.5], train={"batch_size": 128})
    missing = spec(train={"batch_size": 64})
    cells = ((("128",), spec(train={"batch_size": 128}).run_id), (("64",), missing.run_id))
    swept = design(("batch_size",), cells, ("128",))
    (ablation,) = summary(Outline(sweeps=(swept,))).ablations
    states = [(level.labels, level.state, level.missing) for level in ablation.levels]
    assert states == [(("64",), "not run", 1), (("128",), "done", 0)]
    assert ablation.baseline == 1


def test_a_level_on_other_images_is_not_compared_with_the_baseline() -> None:
    write_seeds(RUNS, [0.5, 0.51, 0.505], train={"batch_size": 16})
    write_seeds(RUNS, [0.6, 0.61, 0.605], train={"batch_size": 32}, images="7a" * 32)
    outline = Outline(sweeps=(by_batch_size(16, 32),))
    assert [level.difference for level in summary(outline).ablations[0].levels] == [None, None]
    assert summary(outline).ablations[0].ends is None
    write_seeds(RUNS, [0.6, 0.61, 0.605], train={"batch_size": 32}, changes={"suffix": "-r2"})
    difference = summary(outline).ablations[0].levels[1].difference
    assert difference
    assert difference.value == pytest.approx(0.1)


def test_a_seed_on_other_images_hides_no_level_and_a_new_attempt_is_not_missing() -> None:
    write_seeds(RUNS, [0.5, 0.51], changes={"suffix": "-r2"}, train={"batch_size": 16})
    odd = write_run(RUNS, spec(seed=2, train={"batch_size": 16}), 0.52, images="7a" * 32)
    (level,) = summary(Outline(sweeps=(by_batch_size(16),))).ablations[0].levels
    assert (level.state, level.missing, level.accuracy and level.accuracy.n) == ("done", 0, 2)
    pair = Planned("perceiver-io", "cifar10", odd.name.removesuffix("-s2"), "vitreport train")
    (cell,) = summary(Outline(pairs=(pair,))).pairs
    assert cell.group
    assert cell.group.seeds == (0, 1)


def test_a_curve_with_gaps_has_no_best_epoch_and_one_that_rises_no_fall() -> None:
    folder = write_run(RUNS, spec(train={"monitor_test": True, "epochs": 4}), 0.5)
    metrics = folder / "metrics.jsonl"
    lines = metrics.read_text().splitlines(keepends=True)
    metrics.write_text("".join(lines[:3]))
    (before,) = map(summarize_run, map(read_run, run_folders(RUNS)))
    assert (before.best_test, before.converged) == (None, None)
    rising = [json.loads(line) for line in lines]
    for epoch, line in enumerate(rising):
        line["splits"]["train"]["loss"] = 2.0 + epoch
    metrics.write_text("".join(json.dumps(line) + "\n" for line in rising))
    (after,) = map(summarize_run, map(read_run, run_folders(RUNS)))
    assert (after.best_test is None, after.converged) == (False, None)


PACKAGE_TNT = {"name": "tnt", "implementation": "transformer-in-transformer", "dim_head": 32}


@pytest.mark.parametrize(
    "changed",
    [
        spec(),
        spec("swin", train={"batch_size": 64, "clip_norm": 1.0}, seed=3),
        spec("mlp-mixer", optimizer={"name": "sgd", "learning_rate": 0.1, "nesterov": True}),
        spec("perceiver-io", data={"augment": [{"name": "random_crop", "padding": 2}, {"name": "horizontal_flip"}]}),
        spec("tnt", schedule={"name": "cosine", "warmup_epochs": 2.0}, data={"limit": 500}),
        composed({"model": PACKAGE_TNT, "data": {"dataset": "digits"}}).spec,
        spec("tnt", schedule={"name": "cosine", "interval": "epoch", "lag_epochs": 1}),
    ],
    ids=lambda changed: changed.run_id,
)
def test_the_command_of_a_run_trains_that_run(changed: RunSpec) -> None:
    write_run(RUNS, changed, 0.5)
    assert run_id_of(only_group().command) == changed.run_id


def run_id_of(command: str) -> str:
    """What the words of a command would train."""
    words = shlex.split(command)
    assert words[:2] == ["vitreport", "train"]
    sets = [words[index + 1] for index, word in enumerate(words) if word == "--set"]
    seed = [f"seed={words[words.index('--seed') + 1]}"] if "--seed" in words else []
    if words[2] == "--spec":
        request = Request(spec_file=Path(words[3]), assignments=[*sets, *seed])
    else:
        request = Request(words[2], words[4], assignments=[*sets, *seed])
    return compose_request(request, facts_in(None)).spec.run_id


def test_a_file_that_contradicts_itself_is_damaged() -> None:
    folder = write_run(RUNS, spec(), 0.5)
    result = folder / "result.json"
    result.write_text(result.read_text().replace('"correct": 5000,', '"correct": 9000,', 1))
    (seen,) = [summarize_run(read_run(folder))]
    assert [each.place for each in seen.damage] == [f"{folder.name}/result.json"]
    assert (seen.state, dict(seen.splits)) == ("damaged", {})


def test_the_spec_of_another_run_is_damage_and_places_nothing() -> None:
    folder = write_run(RUNS, spec(), 0.5)
    text = (folder / "spec.json").read_text()
    (folder / "spec.json").write_text(text.replace('"batch_size": 128', '"batch_size": 129'))
    found = summary()
    assert (found.groups, [run.id for run in found.unplaced]) == ((), [folder.name])
    assert "is the spec of" in found.damage[0].reason


def test_links_and_empty_folders_of_runs_are_told() -> None:
    RUNS.mkdir()
    (RUNS / "elsewhere").symlink_to("/etc")
    (RUNS / spec().run_id).mkdir()
    (RUNS / "sweeps").mkdir()
    assert [name for name, _ in strays(RUNS)] == sorted(["elsewhere", spec().run_id])


def test_an_architecture_of_timm_is_called_as_it_is_typed() -> None:
    assert architecture_title("timm-mixer_b16_224") == model_word("timm-mixer_b16_224") == "timm/mixer_b16_224"
    assert (architecture_title("swin"), model_word("swin")) == ("Swin Transformer", "swin")


@pytest.mark.parametrize(
    ("path", "values"),
    [("train.batch_size", (256, 16, 1024, 8)), ("optimizer.learning_rate", (1e-2, 1e-5, 3e-4, 0.5))],
)
def test_groups_stand_in_the_order_of_what_sets_them_apart(path: str, values: tuple[float, ...]) -> None:
    section, _, field = path.partition(".")
    for value in values:
        sections: dict[str, Any] = {section: {field: value}}
        write_run(RUNS, spec(**sections))
    standard, *others = summary().groups
    assert standard.label == ""
    assert [group.fields[path] for group in others] == sorted(set(values) - {standard.fields[path]})


def test_as_many_seeds_as_were_meant_are_enough_whichever_they_are() -> None:
    for seed in (5, 6, 7):
        write_run(RUNS, spec(seed=seed, train={"batch_size": 16}))
    (level,) = summary(Outline(sweeps=(by_batch_size(16),))).ablations[0].levels
    assert (level.missing, level.accuracy and level.accuracy.n) == (0, 3)
