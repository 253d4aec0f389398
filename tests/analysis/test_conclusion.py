"""What a report concludes from its findings."""

from vitreport.analysis.conclusion import MAX_SENTENCES, conclusion
from vitreport.analysis.summary import Finding


def test_findings_are_grouped_by_what_they_show() -> None:
    rules = ("to settle", "no difference", "convergence", "best", "tie", "difference")
    assert conclusion([Finding(rule, rule) for rule in rules]) == {
        "Shown": ["best", "difference"],
        "Not shown": ["no difference", "tie"],
        "What would be needed": ["to settle"],
    }
    assert conclusion([Finding("large gap", "It fits.")]) == {}


def test_what_is_left_out_is_counted() -> None:
    found = [Finding("difference", f"{number} differs.", place="an ablation") for number in range(7)]
    assert conclusion(found) == {"Shown": ["0 differs.", "1 differs.", "5 more: see above."]}
    assert conclusion([*found, Finding("best", "It is.")])["Shown"][0] == "It is."
    assert conclusion(found[:MAX_SENTENCES]) == {"Shown": ["0 differs.", "1 differs.", "2 differs."]}
