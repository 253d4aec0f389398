from pathlib import Path

import pytest

import vitreport
from tests.data.makers import write_folder
from vitreport.analysis.groups import Group
from vitreport.data.registry import DATASETS
from vitreport.data.sources import facts_in
from vitreport.errors import SpecError
from vitreport.formatting import Estimate
from vitreport.spec.compose import Request, compose_request
from vitreport.spec.load import preset_facts, preset_for, preset_names, read_preset
from vitreport.spec.run import RunSpec

PRESETS = pytest.mark.parametrize("name", preset_names())
DATA_DIR = Path("data")
RUNS = Path(__file__).parents[2] / "runs"


def resolved(name: str) -> RunSpec:
    """A preset by its name alone, over an image folder where its dataset has no reader of its own."""
    dataset = read_preset(name).values["data"]["dataset"]
    if dataset not in DATASETS and not (DATA_DIR / dataset).exists():
        write_folder(DATA_DIR / dataset, count=1, size=32)
    return compose_request(Request(preset=name), facts_in([DATA_DIR])).spec


@PRESETS
def test_a_preset_resolves_and_is_named_after_its_model_and_data_set(name: str) -> None:
    spec = resolved(name)
    pair = f"{spec.model.whole_label}-{spec.data.dataset}"
    if name == f"{spec.data.dataset}-quick":  # whatever model is best
        pair = spec.data.dataset
    else:
        assert preset_for(spec.model.whole_label, spec.data.dataset) == pair
    assert name == pair or name.startswith(f"{pair}-")


@pytest.mark.parametrize(("dataset", "data_dirs"), [("cifar10", [Path()]), ("./cifar10", None)])
def test_a_data_set_given_by_its_path_takes_the_preset_of_its_name(dataset: str, data_dirs: list[Path] | None) -> None:
    Path("cifar10").mkdir()
    found = compose_request(Request(model="perceiver-io", dataset=dataset), facts_in(data_dirs))
    assert found.spec == compose_request(Request(preset="perceiver-io-cifar10"), facts_in(None)).spec


def test_a_pair_without_a_preset_has_none() -> None:
    assert preset_for("swin", "imagenet") is None


@pytest.mark.parametrize(
    ("architecture", "tag"),
    [("swin_base_patch4_window7_224", "ms_in22k"), ("mixer_b16_224", "miil_in21k"), ("tnt_s_patch16_224", "in1k")],
)
def test_an_architecture_of_timm_takes_the_preset_of_its_whole_name(architecture: str, tag: str) -> None:
    untagged, tagged = (
        compose_request(Request(model=f"timm/{name}", dataset="cifar10"), facts_in(None))
        for name in (architecture, f"{architecture}.{tag}")
    )
    assert set(untagged.origins.values()) >= {f"preset timm-{architecture}-cifar10"}
    assert tagged.spec.model.pretrained is False
    assert [origin for origin in tagged.origins.values() if origin.startswith("preset")] == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("perceiver-io-cifar1", "perceiver-io-cifar10"),
        ("../presets/perceiver-io-digits", "perceiver-io-digits"),
        ("", "vitreport models list"),
    ],
)
def test_an_unknown_preset_is_met_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_preset(name)
    (problem,) = caught.value.problems
    assert problem.message == "unknown preset"
    assert hint in problem.hint


@pytest.fixture(scope="module")
def groups() -> dict[str, Group]:
    return {group.spec_id: group for group in vitreport.analyze(vitreport.load_runs(RUNS)).groups}


def on_record(name: str, groups: dict[str, Group]) -> tuple[Estimate, float]:
    """The test accuracy of a preset, and the median seconds of a run."""
    group = groups[resolved(name).group]
    assert group.test
    assert group.cost
    assert group.cost.seconds
    return group.test, group.cost.seconds


@pytest.mark.parametrize("name", [name for name in preset_names() if name.endswith("-digits")])
def test_the_header_of_a_preset_for_the_digits_gives_what_is_on_record(name: str, groups: dict[str, Group]) -> None:
    test, seconds = on_record(name, groups)
    accuracy = f"{test.value:.2%} test accuracy, the mean of seeds 1 to 3"
    interval = f"(95% interval {test.low:.2%} to {test.high:.2%})"
    assert preset_facts(name) == [f"Measured: {accuracy} {interval}, {seconds:.0f} seconds of one core."]


def test_what_is_said_of_the_quick_recipe_is_on_record(groups: dict[str, Group]) -> None:
    test, seconds = on_record("cifar10-quick", groups)
    assert test.n == 1
    facts = f"{test.value:.1%} test accuracy of one run ({test.low:.1%} to {test.high:.1%} for other test images)"
    assert f"Measured: {facts}, {seconds / 60:.0f} minutes on two cores." in preset_facts("cifar10-quick")
    published, _ = on_record("perceiver-io-cifar10", groups)
    guide, readme = (
        " ".join((RUNS.parent / page).read_text(encoding="utf-8").split())
        for page in ("docs/guides/recipes.md", "README.md")
    )
    assert f"{test.value:.1%} test accuracy (one run)" in guide
    assert f"reaches {published.value:.1%} (three runs)" in guide
    assert f"reached {test.value:.1%} on CIFAR-10 in {seconds / 60:.0f} minutes" in readme
