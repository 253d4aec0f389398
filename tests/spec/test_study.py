"""A study file of a user's own: what it may hold, and how its faults are told."""

from pathlib import Path

import pytest

from vitreport.data.sources import facts_in
from vitreport.errors import SpecError
from vitreport.spec.study import StudySpec, read_study, study_names
from vitreport.sweep.study_plan import StudyRequest, plan_study

SOUND = """
title = "Mixers"
[runs.small]
model = "mlp-mixer"
dataset = "digits"
[runs.large]
model = "mlp-mixer"
dataset = "digits"
set = { embed_dim = 64 }
[ablations.batch]
model = "mlp-mixer"
dataset = "digits"
params.batch_size = [16, 32]
"""
ABLATION = '[ablations.x]\nmodel = "swin"\ndataset = "digits"\n'


def written(text: str) -> StudySpec:
    Path("my.toml").write_text(text)
    return read_study("my.toml")


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        written(text)
    return caught.value.lines()


def test_every_study_that_comes_with_vitreport_is_sound() -> None:
    assert study_names()
    for name in study_names():
        assert read_study(name).title


@pytest.mark.parametrize(
    ("value", "fraction", "shown"),
    [
        ('"67.70%"', 0.677, "67.70%"),
        ('"0.6770"', 0.677, "67.70%"),
        ("0.677", 0.677, "67.7%"),
        ("0.5619", 0.5619, "56.19%"),
        ('"59%"', 0.59, "59%"),
        ("0.6", 0.6, "60%"),
        ("1", 1.0, "100%"),
        ("3e-5", 3e-5, "0.003%"),
    ],
)
def test_a_figure_keeps_the_digits_that_were_published(value: str, fraction: float, shown: str) -> None:
    (claim,) = written(f'{SOUND}\n[[claims]]\nof = "small"\nsource = ""\nvalue = {value}').claims
    assert claim.value
    assert (claim.value.fraction, claim.value.shown) == (fraction, shown)


@pytest.mark.parametrize("value", ["57.1", '"157%"', '"57,1%"', '"1.5"', "-0.1", '"inf"', "true", '""', "[0.5]"])
def test_what_is_no_accuracy_is_refused(value: str) -> None:
    (line,) = faults(f'{SOUND}\n[[claims]]\nof = "small"\nsource = ""\nvalue = {value}')
    assert "claims.0.value = " in line
    assert "must be a fraction from 0 to 1, or a percentage in quotes such as '67.70%'" in line


def test_parts_stand_in_the_order_of_the_sections() -> None:
    first = '[[sections]]\ntitle = "a"\nruns = ["large"]\n'
    second = '[[sections]]\ntitle = "b"\nablations = ["batch"]\nruns = ["small"]'
    assert list(written(SOUND + first + second).parts) == ["large", "small", "batch"]


def test_a_study_without_sections_is_one() -> None:
    study = written(SOUND)
    assert list(study.parts) == ["small", "large", "batch"]
    assert len(study.order) == 1


def test_combinations_are_named_as_claims_name_them() -> None:
    zipped = "zip = true\nparams.patch_size = [2, 4]\nparams.window_size = [4, 2]\n"
    text = f"{ABLATION}{zipped}variants.rate = {{ slow = {{ lr = 1e-4 }}, fast = {{}} }}"
    study = written('title = "x"\n' + text)
    assert study.ablations["x"].combinations() == {
        "2, 4, slow": ("2, 4", "slow"),
        "2, 4, fast": ("2, 4", "fast"),
        "4, 2, slow": ("4, 2", "slow"),
        "4, 2, fast": ("4, 2", "fast"),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("titel = 1", ["titel: unknown field", "did you mean title?"]),
        ("claims = 1", ["claims = 1: must be"]),
        ("[runs.x]\nmodel = 3", ["runs.x.model = 3: must be a valid string"]),
        ("[runs.x]\nmodle = 3", ["runs.x.modle: unknown field", "did you mean model?"]),
        ("[runs.x]\nepochs = 3", ["runs.x.epochs: unknown field", "write it as set = { epochs = ... }"]),
        ("[runs.x]\nparams.lr = [1]", ["runs.x.params: unknown field"]),
        (ABLATION, ["ablations.x: varies nothing"]),
        (ABLATION + "params.batchsize = [1]", ["ablations.x.params.batchsize: unknown", "mean batch_size"]),
        (ABLATION + "params.batch_size = []", ["ablations.x.params.batch_size = []: must have at least 1 item"]),
        (ABLATION + "params.batch_size = [1]\nbaseline = 2", ["x.baseline = '2': unknown combination", "one of 1"]),
        (ABLATION + "zip = true\nparams = { lr = [1], epochs = [1, 2] }", ["zip needs lists of equal length"]),
        (ABLATION.replace(".x]", ".small]") + "params.lr = [1]", ["runs.small: is the name of an ablation, too"]),
        ('[[claims]]\nof = "smal"\nsource = ""\nvalue = 1', ["claims.0.of = 'smal': unknown run", "mean small?"]),
        ('[[claims]]\nof = "small"\nsource = ""\nvalue = 2', ["claims.0.value = 2: must be a fraction from 0 to 1"]),
        ('[[claims]]\nof = "small"\nsource = ""', ["claims.0 = ", "must have exactly one of value, above,"]),
        ('[[claims]]\nof = "small"\nsource = ""\nvalue = 1\nlike = "large"', ["exactly one of value, above,"]),
        ('[[claims]]\nof = "small"\nsource = ""\nlike = "larg"', ["claims.0.like = 'larg': unknown run"]),
        ('[[claims]]\nof = "small"\nsource = ""\nat = 3\nvalue = 1', ["claims.0.at = '3'", "leave it out"]),
        ('[[claims]]\nof = "batch"\nsource = ""\nvalue = 1', ["claims.0.at: is missing", "one of 16, 32"]),
        ('[[claims]]\nof = "batch"\nsource = ""\nat = 17\nvalue = 1', ["claims.0.at = '17': unknown combination"]),
        ('[[claims]]\nof = "batch"\nsource = ""\nat = 16\nabove = 64', ["claims.0.above = '64': unknown combination"]),
        ('[[claims]]\nof = "small"\nsource = ""\nvalue = 1\nfault = "x"', ["claims.0.fault = 'x': unknown fault"]),
        ('[[claims]]\nof = "small"\nsource = ""\nvalue = 1\nfault = ["x"]', ["claims.0.fault = 'x': unknown fault"]),
        ('[[claims]]\nof = "small"\nsource = ""\nvalue = 1\nfault = 3', ["claims.0.fault = 3: must be"]),
        ('[[claims]]\nof = "small"\nsource = ""\nspread_below = "3%"', ["claims.0.of = 'small': unknown ablation"]),
        ('[[claims]]\nof = "batch"\nsource = ""\nat = 16\nspread_below = "3%"', ["must not have both spread_below"]),
        ('[[claims]]\nof = "batch"\nsource = ""\ngap_above = "5%"', ["claims.0.at: is missing"]),
        ('[[claims]]\nof = "small"\nsource = ""\nconverged_at = 0', ["claims.0.converged_at = 0: must be"]),
        ('[[claims]]\nof = "small"\nsource = ""\nvalue = 1\ngap_above = 0.1', ["exactly one of value, above,"]),
        ('[[sections]]\ntitle = "s"\nruns = ["smal"]', ["sections.0.runs = 'smal': unknown run"]),
        ('[[sections]]\ntitle = "s"\nablations = ["small"]', ["sections.0.ablations = 'small': unknown ablation"]),
        ('[[sections]]\ntitle = "s"\nruns = ["small", "small"]', ["runs.small: is in 2 sections"]),
        ('[[sections]]\ntitle = "s"\nruns = ["small", "large"]', ["ablations.batch: is in no sections"]),
        ("a = 1\na = 2", ["my.toml: ", "overwrite"]),
        (f"x = {'9' * 5000}", ["my.toml: "]),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place(text: str, told: list[str]) -> None:
    head, tables = SOUND.split("[", 1)
    whole = f"{head}{text}\n[{tables}" if not text.startswith("[") else f"{SOUND}\n{text}"
    lines = faults(whole)
    assert any(all(each in line for each in told) for line in lines), lines
    assert all("my.toml" in line for line in lines)


def test_every_problem_of_the_form_is_reported_at_once() -> None:
    """Names are checked when the form is sound."""
    first, second, third = 'of = "x"\nsource = ""', 'of = "small"\nvalue = 2', 'of = "y"\nsource = ""\nvalue = 0'
    lines = faults(f"{SOUND}\n[[claims]]\n{first}\n[[claims]]\n{second}\n[[claims]]\n{third}")
    assert [line.partition(" ")[0] for line in lines] == ["claims.0", "claims.1.value", "claims.1.source:"]


def test_every_unknown_name_is_reported_at_once() -> None:
    """A claim about an ablation with an unknown field has no further problem."""
    ablation = '[ablations.y]\nmodel = "swin"\ndataset = "digits"\nparams.lrr = [1]\n'
    claims = "".join(f'[[claims]]\nof = "{name}"\nat = 3\nsource = ""\nvalue = 0\n' for name in ("x", "y", "batch"))
    section = '[[sections]]\ntitle = "s"\nruns = ["z", "small", "large"]\nablations = ["y"]'
    assert [line.partition(" ")[0] for line in faults(SOUND + ablation + claims + section)] == [
        "ablations.y.params.lrr:",
        "claims.0.of",
        "claims.2.at",
        "sections.0.runs",
        "ablations.batch:",
    ]


@pytest.mark.parametrize("name", ["small-image", "nothing"])
def test_an_unknown_name_is_met_with_the_nearest(name: str) -> None:
    with pytest.raises(SpecError, match="unknown study") as caught:
        read_study(name)
    assert "small-images" in caught.value.lines()[0]


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SpecError, match=r"none\.toml is missing"):
        read_study("none.toml")


def test_a_quoted_path_is_the_field_itself(tmp_path: Path) -> None:
    text = SOUND.replace("embed_dim = 64", '"train.monitor_train" = true').replace("batch_size", '"train.batch_size"')
    (tmp_path / "my.toml").write_text(text)
    plans = plan_study(StudyRequest(str(tmp_path / "my.toml")), facts_in(None)).plans
    assert plans["large"].trials[0].spec.train.monitor_train
    assert [trial.spec.train.batch_size for trial in plans["batch"].trials[:2]] == [16, 32]
