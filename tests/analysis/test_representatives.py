"""The group of runs that stands for an architecture on a dataset."""

from unittest.mock import patch

import pytest

from tests.analysis.summaries import RUNS, summary
from tests.records import DIVERGED, spec, write_run, write_seeds
from tests.spec.composing import composed
from vitreport.analysis.representatives import Planned
from vitreport.analysis.studies import outline_of_sweeps
from vitreport.analysis.summarize import Outline
from vitreport.data.sources import facts_in
from vitreport.spec.compose import Request, compose, compose_request
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import read_axes
from vitreport.sweep.plan import plan_ablation


@pytest.mark.parametrize(("selection", "expected"), [("val", 32), ("last", 16)])
def test_of_what_a_study_has_of_a_pair_the_best_on_the_validation_split_stands(selection: str, expected: int) -> None:
    """Without a validation split the first does."""
    pairs = []
    for size, accuracy in ((16, 0.5), (32, 0.6)):
        fraction = 0.1 if selection == "val" else 0.0
        train = {"batch_size": size, "selection": selection}
        own = spec(train=train, data={"validation_fraction": fraction})
        pairs.append(Planned("perceiver-io", "cifar10", write_run(RUNS, own, accuracy).name.removesuffix("-s0"), ""))
    (cell,) = summary(Outline(pairs=tuple(pairs))).pairs
    assert cell.group
    assert cell.group.fields["train.batch_size"] == expected


def test_where_no_group_stands_for_a_pair_each_is_told_by_what_differs() -> None:
    for size in (16, 32):
        write_seeds(RUNS, [0.5, 0.51], train={"batch_size": size})
    outline = Outline(pairs=(Planned("perceiver-io", "cifar10", "perceiver-io-cifar10-00000000", "vitreport train"),))
    assert {group.label for group in summary(outline).groups} == {"batch_size 16", "batch_size 32"}
    assert {group.details for group in summary(outline).groups} == {None}


def test_the_test_accuracy_does_not_choose_what_stands_for_a_pair() -> None:
    """Without a validation split the one with most seeds stands, however bad it is."""
    own = {"validation_fraction": 0.0}
    write_seeds(RUNS, [0.3, 0.31, 0.32], data=own, train={"selection": "last", "batch_size": 32})
    write_seeds(RUNS, [0.9, 0.91], data=own, train={"selection": "last", "batch_size": 64})
    (cell,) = summary().pairs
    assert cell.group is not None
    assert cell.group.fields["train.batch_size"] == 32
    assert "most seeds" in cell.chosen


def test_a_lucky_seed_represents_nothing_where_a_group_has_several() -> None:
    write_seeds(RUNS, [0.5, 0.51], train={"batch_size": 32})
    write_seeds(RUNS, [0.9], train={"batch_size": 64})
    (pair,) = summary().pairs
    assert pair.group
    assert (pair.group.fields["train.batch_size"], pair.chosen) == (32, "the only one with several seeds")
    write_seeds(RUNS, [0.6, 0.61], train={"batch_size": 16})
    (pair,) = summary().pairs
    assert pair.group
    assert (pair.group.fields["train.batch_size"], pair.chosen) == (16, "the best of 2 on the validation split")


def test_the_preset_stands_for_its_pair() -> None:
    preset = compose_request(Request("perceiver-io", "cifar10"), facts_in(None)).spec
    write_run(RUNS, preset, 0.5)
    write_seeds(RUNS, [0.9, 0.91])
    (cell,) = summary().pairs
    assert cell.group is not None
    assert [run.id for run in cell.group.runs] == [preset.run_id]
    assert cell.chosen == "the preset's settings"


def test_the_only_group_with_results_is_not_called_the_best() -> None:
    write_seeds(RUNS, [0.5], train={"batch_size": 32})
    write_run(RUNS, spec(train={"batch_size": 64}), None)
    (pair,) = summary().pairs
    assert pair.chosen == "the only one with results"


def test_groups_of_an_architecture_compose_its_defaults_once() -> None:
    for size in (16, 32, 64):
        write_seeds(RUNS, [0.5], train={"batch_size": size})
    with patch("vitreport.analysis.train_commands.compose", wraps=compose) as composing:
        commands = [group.command for group in summary().groups]
    assert len(set(commands)) == 3
    assert composing.call_count <= 1


def test_pairs_that_nobody_ran_are_cells_too() -> None:
    write_seeds(RUNS, [0.5])
    write_seeds(RUNS, [0.5], model="swin", dataset="stl10", data={"image_size": 32}, images="7a" * 32)
    cells = {(cell.architecture, cell.dataset): cell for cell in summary().pairs}
    assert len(cells) == 4
    assert cells["swin", "cifar10"].group is None
    assert cells["swin", "cifar10"].command == "vitreport train swin --dataset cifar10"


def test_a_study_has_the_pairs_in_its_own_order() -> None:
    write_seeds(RUNS, [0.5])
    planned = (
        Planned("swin", "cifar10", "swin-cifar10-00000000", "do this"),
        Planned("perceiver-io", "cifar10", "", ""),
    )
    found = summary(Outline(pairs=planned))
    assert [(cell.architecture, cell.group, cell.command) for cell in found.pairs] == [
        ("swin", None, "do this"),
        ("perceiver-io", None, ""),
    ]


def test_a_group_with_diverged_seeds_represents_no_other() -> None:
    write_seeds(RUNS, [0.9], train={"batch_size": 64})
    for seed in (1, 2):
        write_run(RUNS, spec(seed=seed, train={"batch_size": 64}), None, error=DIVERGED)
    write_seeds(RUNS, [0.5, 0.51, 0.52], train={"batch_size": 32})
    (pair,) = summary().pairs
    assert pair.group
    assert (pair.group.fields["train.batch_size"], pair.chosen) == (32, "the only one without diverged runs")
    planned = [
        Planned("perceiver-io", "cifar10", spec(train={"batch_size": size}).group, "vitreport train")
        for size in (64, 32)
    ]
    (pair,) = summary(Outline(pairs=tuple(planned))).pairs
    assert pair.group
    assert pair.group.fields["train.batch_size"] == 32


LONG = [f"vit_small_patch16_224.augreg_in21k{end}" for end in ("", "_ft_in1k")]


def long_named(architecture: str, dataset: str = "cifar10") -> RunSpec:
    return composed({"model": {"name": "timm", "architecture": architecture}, "data": {"dataset": dataset}}).spec


def test_architectures_whose_run_ids_are_cut_alike_are_two() -> None:
    """They share the model part of their ids, but no row, no ablation, and no command."""
    for each in (*map(long_named, LONG), long_named("hf_hub:timm", "digits")):
        write_run(RUNS, each)
    assert len({spec.model.id_label for spec in map(long_named, LONG)}) == 1
    found = summary()
    titles = ["timm/hf_hub-timm", *(f"timm/{name}" for name in LONG)]
    assert sorted(each.title for each in found.architectures) == titles
    assert [ablation.name for ablation in found.ablations] == []
    assert {pair.command.split()[2] for pair in found.pairs if pair.dataset == "digits"} == {
        "timm/hf_hub:timm",
        *(f"timm/{name}" for name in LONG),
    }


def test_a_sweep_over_architectures_that_are_cut_alike_names_both() -> None:
    (axis,) = read_axes([("model", ",".join(f"timm/{name}" for name in LONG))], "--param")
    plan = plan_ablation(Request(dataset="digits"), [axis], [0, 1], facts_in(None))
    assert plan.name == f"timm-{LONG[0]}/timm-{LONG[1]} on digits by model"
    outline = outline_of_sweeps([plan])
    assert {each.architecture for each in outline.pairs} == {f"timm-{name}" for name in LONG}
