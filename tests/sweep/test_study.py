import pytest

from vitreport.data.sources import facts_in
from vitreport.errors import SpecError
from vitreport.spec.study import read_study, study_names
from vitreport.sweep.plan import Plan
from vitreport.sweep.study_plan import StudyRequest, plan_study

ABLATIONS = [(study, name) for study in study_names() for name in read_study(study).ablations]


def plans(study: str, *only: str, assignments: tuple[str, ...] = ()) -> list[Plan]:
    asked = StudyRequest(study, only, assignments=assignments)
    return list(plan_study(asked, facts_in(None)).plans.values())


@pytest.mark.parametrize(("study", "name"), ABLATIONS, ids=lambda text: text)
def test_every_ablation_resolves_and_has_something_to_compare_with(study: str, name: str) -> None:
    (plan,) = plans(study, name)
    values = dict.fromkeys(trial.values for trial in plan.trials)
    assert len(plan.trials) == 3 * len(values) >= 6
    assert plan.baseline in values
    assert plan.name == f"{study}/{name}"


@pytest.mark.parametrize("study", study_names())
def test_the_whole_study_is_all_its_parts(study: str) -> None:
    assert [plan.name for plan in plans(study)] == [f"{study}/{name}" for name in read_study(study).parts]


def test_what_the_user_sets_is_stronger_than_what_the_study_sets() -> None:
    (published,) = plans("small-images", "perceiver-io/learning-rate")
    (short,) = plans("small-images", "perceiver-io/learning-rate", assignments=("epochs=1",))
    assert {trial.spec.train.epochs for trial in published.trials} == {12}
    assert {trial.spec.train.epochs for trial in short.trials} == {1}


@pytest.mark.parametrize(("study", "only"), [("small-image", []), ("small-images", ["perceiver-io/batch"])])
def test_an_unknown_name_is_met_with_the_nearest(study: str, only: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        plans(study, *only)
    assert "did you mean" in caught.value.lines()[0]
