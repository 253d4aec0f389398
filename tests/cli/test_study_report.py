"""`vitreport report --study` as its users run it, on a small study of their own."""

import json
from pathlib import Path

from tests.cli.conftest import Cli
from tests.cli.small_study import FILE, finish, specs
from tests.cli.small_study import study as study
from tests.records import write_run
from vitreport.data.sources import facts_in
from vitreport.sweep.plan import write_sweep
from vitreport.sweep.study_plan import StudyRequest, plan_study


def test_what_has_not_been_run_is_reported_with_its_command(cli: Cli) -> None:
    done = cli("report", "--study", FILE)
    assert (done.exit_code, done.stderr) == (0, f"there are no runs of {FILE} in runs\n")
    assert done.stdout.startswith("# Mixers of digits\n\nThere is no finished run yet.")
    assert "- “How wide?”: Does a wider mixer learn more?\n- “Which batch?”" in done.stdout
    assert f"Run the rest of the study:\n\n```sh\nvitreport study run {FILE}\n```" in done.stdout
    assert "<summary>4 claims without a run</summary>" in done.stdout


def test_a_report_judges_the_claims(cli: Cli) -> None:
    finish("mixer")
    finish("wide")
    found = json.loads(cli("report", "--study", FILE, "--format", "json").stdout)
    outcomes = {(each["claim"]["part"], each["claim"]["published"]): each["outcome"] for each in found["verdicts"]}
    assert outcomes == {
        ("mixer", "99.00%"): "below",
        ("my/mixer/batch", "above 20"): "not run",
        ("mixer", "above MLP-Mixer on Digits, wide"): "undecided",
        ("wide", "50%"): "not comparable",
    }
    assert "How wide?" in cli("report", "--study", FILE, "--format", "html").stdout


def test_a_claim_is_in_the_section_of_its_run_or_ablation(cli: Cli) -> None:
    finish("mixer")
    finish("mixer/batch")
    document = cli("report", "--study", FILE).stdout
    of_runs, of_ablation = (
        document.partition(f"## {each}\n")[2].partition("\n## ")[0] for each in ("How wide?", "Which batch?")
    )
    assert (
        "| MLP-Mixer on Digits, mixer | 99.00% | 55.4% (41.9 to 68.8) | -43.6 | below | the published value is outside"
        in of_runs
    )
    told = "“small batches are better” | above 20 | +0.0 (-12.3 to +12.3) pp |"
    assert f"| MLP-Mixer on Digits, batch_size 10, {told}" in of_ablation
    assert "2 claims without a run" in document.partition("\n## Published and measured\n")[2]


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
    assert "there are no runs of my.toml in runs" in cli("report", "--study", FILE, "--seeds", "7..8").stderr


def test_a_smaller_study_is_another_one(cli: Cli) -> None:
    """Its runs are no answer to claims about the study as it is."""
    finish("mixer")
    smaller = ("--set", "limit=30", "--seeds", "0..1")
    document = cli("report", "--study", FILE, *smaller).stdout
    assert "There is no finished run yet." in document
    assert f"```sh\nvitreport study run {FILE} --set limit=30 --seeds 0..1\n```" in document


def test_only_seeds_that_were_asked_for_are_missing(cli: Cli) -> None:
    """The sweep on record says which; a report without --seeds does not count against the usual three."""
    for number in (0, 1):
        finish("mixer/batch", seeds=f"{number}..{number}")
    (planned,) = plan_study(StudyRequest(FILE, ["mixer/batch"], "2"), facts_in(None)).plans.values()
    assert "1 seed missing" in cli("report", "--study", FILE).stdout
    write_sweep(Path("runs"), planned)
    told = cli("report", "--study", FILE).stdout
    assert "missing" not in told
    assert "1 seed missing" in cli("report", "--study", FILE, "--seeds", "3").stdout


def test_a_section_without_runs_takes_one_line(cli: Cli) -> None:
    finish("mixer")
    document = cli("report", "--study", FILE).stdout
    assert "\n## How wide?\n" in document
    assert "\n## Which batch?\n" not in document
    assert "- “Which batch?”\n" in document


def test_what_has_no_run_is_named_once_and_fills_no_table(cli: Cli) -> None:
    (plan,) = plan_study(StudyRequest("small-images", ["perceiver-io/cifar10"], "1"), facts_in(None)).plans.values()
    write_run(Path("runs"), plan.trials[0].spec, 0.5)
    document = cli("report", "--study", "small-images").stdout
    first, _, rest = document.partition("\n## ")
    assert "| architecture | CIFAR-10 |\n" in first
    assert "not run |" not in first
    assert "\nNot run yet: Perceiver, MLP-Mixer, " in first
    assert "\n- Not run yet: Perceiver IO on STL-10, Perceiver IO on Tiny ImageNet" in rest
