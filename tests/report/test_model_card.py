"""The model card is one that huggingface_hub reads, and says how sure its number is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st

from tests.records import DIVERGED, spec, write_run, write_seeds
from tests.report.test_markup import HOSTILE
from vitreport.analysis.summarize import summarize
from vitreport.errors import SpecError
from vitreport.formatting import printable
from vitreport.records.folders import run_folders
from vitreport.report.markdown_text import quoted
from vitreport.report.render import render_model_card
from vitreport.report.sections import make_page

RUNS = Path("runs")
QUICK = {"epochs": 6}


def card_of(*names: str) -> str:
    folders = [folder for folder in run_folders(RUNS) if not names or folder.name in names]
    return render_model_card(make_page(summarize(folders)))


def parsed(card: str) -> Any:
    return ModelCard(card, ignore_metadata_errors=False).data


def test_the_hub_reads_the_mean_over_seeds() -> None:
    write_seeds(RUNS, [0.562, 0.558, 0.570], train=QUICK)
    card = card_of()
    data = parsed(card)
    (result,) = data.eval_results
    assert (result.task_type, result.dataset_type, result.dataset_name, result.dataset_split) == (
        "image-classification",
        "cifar10",
        "CIFAR-10",
        "test",
    )
    assert (result.metric_type, result.metric_name) == ("accuracy", "accuracy, mean over 3 seeds")
    assert result.metric_value == pytest.approx(0.563333, abs=1e-6)
    assert data.model_name == "-".join(run_folders(RUNS)[0].name.split("-")[:-1])
    assert (data.library_name, data.datasets, data.metrics) == ("vitreport", ["cifar10"], ["accuracy"])
    assert data.tags == ["vitreport", "image-classification", "perceiver-io"]
    assert data.license is None
    assert "Test accuracy 56.3% (54.8 to 57.9, n = 3). 95% confidence intervals (3 seeds each): over seeds" in card
    group = run_folders(RUNS)[0].name.removesuffix("-s0")
    assert f"all seeds are averaged. Classify images with\n\n```sh\nvitreport predict {group} IMAGE\n```\n" in card
    assert f'model = vitreport.load_model("{group}")\n' in card
    assert "for seed in 0 1 2; do vitreport train perceiver-io --dataset cifar10 --set " in card


def test_a_single_run_says_so() -> None:
    first, _ = write_seeds(RUNS, [0.562, 0.558], train=QUICK)
    card = card_of(first.name)
    (result,) = parsed(card).eval_results
    assert (result.metric_value, result.metric_name) == (0.562, "accuracy, single run")
    assert "Test accuracy 56.2% (55.2 to 57.2, single run)." in card
    assert "- Single runs: 1 of 1 result" in card
    assert f"vitreport eval {first.name}\n" in card
    assert (
        f"contains the weights of its best epoch. Classify images with\n\n```sh\nvitreport predict {first.name} IMAGE"
        in card
    )


def test_it_tells_the_bytes_and_what_limits_the_number() -> None:
    record = write_run(RUNS, spec(train=QUICK), 0.5)
    data = summarize([record]).datasets[0]
    card = card_of()
    for said in (
        data.fingerprint[:16],
        "archive cifar-10-python.tar.gz (md5 verified)",
        "| as published |",
        "1,504,662 param",
    ):
        assert said in card
    assert "not the published images" not in card
    assert "airplane, automobile, bird" in card
    assert "| batch_size | 128 |" in card


def test_runs_without_a_result_are_counted() -> None:
    write_seeds(RUNS, [0.562, 0.558], train=QUICK)
    write_run(RUNS, spec(seed=2, train=QUICK), None, error=DIVERGED)
    assert "Test accuracy 56.0% (53.5 to 58.5, n = 2); 1 of 3 seeds diverged." in card_of()


def test_a_card_is_about_one_group() -> None:
    write_run(RUNS, spec(train=QUICK), 0.5)
    write_run(RUNS, spec("swin", train=QUICK), 0.5)
    with pytest.raises(SpecError, match=r"one group with a test accuracy, not .* and "):
        card_of()


def test_a_card_needs_a_result() -> None:
    write_run(RUNS, spec(train=QUICK), None, status="interrupted")
    with pytest.raises(SpecError, match="one group with a test accuracy, not perceiver-io"):
        card_of()


@pytest.mark.parametrize("name", HOSTILE)
def test_foreign_names_break_neither_metadata_nor_page(name: str) -> None:
    run_spec = spec(train=QUICK)
    folder = write_run(RUNS, run_spec, 0.5)
    page = make_page(summarize([folder]))
    (dataset,) = page.summary.datasets
    hostile = replace(page, summary=replace(page.summary, datasets=(replace(dataset, title=name, classes=(name,)),)))
    card = render_model_card(hostile)
    assert parsed(card).eval_results[0].dataset_name == printable(name)
    assert card.count("\n---\n") == 1


@given(st.text() | st.sampled_from(HOSTILE))
def test_a_scalar_of_yaml_is_read_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"- name: {quoted(text)}\n") == [{"name": printable(text)}]
