"""A Markdown linter finds nothing in what is written."""

from pathlib import Path

import pytest
from pymarkdown.api import PyMarkdownApi

from tests.records import spec, write_run
from tests.report.pictured import add_mistakes
from tests.report.rendering import GOLDEN, page_of
from tests.report.study import write_study
from vitreport.analysis.summarize import summarize
from vitreport.report.inject import BEGIN, END, as_part, write_document
from vitreport.report.markdown import render_markdown
from vitreport.report.render import render_model_card
from vitreport.report.sections import make_page

ONE_LINE = "md013"  # a paragraph, a table row and a caption each are one line, however long
ALLOWED_TAGS = "picture,source,img,details,summary,!--"  # what Markdown has no words for: dark images, folds


def complaints(path: Path) -> list[str]:
    linter = PyMarkdownApi().disable_rule_by_identifier(ONE_LINE).enable_extension_by_identifier("front-matter")
    linter.set_string_property("plugins.md033.allowed_elements", ALLOWED_TAGS)
    found = linter.scan_path(str(path))
    assert found.critical_errors == []
    assert found.pragma_errors == []
    return [f"{each.line_number}: {each.rule_id} {each.rule_description}" for each in found.scan_failures]


def complaints_of(text: str) -> list[str]:
    Path("document.md").write_text(text, encoding="utf-8")
    return complaints(Path("document.md"))


def test_the_golden_report_is_clean() -> None:
    assert complaints(GOLDEN / "study.md") == []


def test_reports_of_other_kinds_are_clean() -> None:
    """Without figures, without runs, of one run with its gallery, and its card."""
    write_study(Path("study"))
    run = add_mistakes(write_run(Path("runs"), spec(train={"epochs": 2}), 0.5))
    one = make_page(summarize([run]))
    texts = {
        "bare": render_markdown(page_of(Path("study"))),
        "empty": render_markdown(make_page(summarize([])), assets="a/"),
        "one": render_markdown(one, assets="a/"),
        "card": render_model_card(one),
    }
    assert [(name, complaint) for name, text in texts.items() for complaint in complaints_of(text)] == []


def test_a_readme_with_a_report_in_it_is_clean() -> None:
    """The report begins at the second level, and again where it is made anew."""
    write_study(Path("study"))
    readme = Path("README.md")
    readme.write_text(f"# A study\n\nIts results:\n\n{BEGIN}\n{END}\n\n## License\n\nFree.\n")
    for _ in range(2):
        write_document(readme, as_part(render_markdown(page_of(Path("study")), assets="a/")), is_part=True)
    assert complaints(readme) == []


@pytest.mark.parametrize("text", ["# A\n\n\n## B\n", "# A\n\n### B\n", "# A\n\n<b>x</b>\n", "# A\ntext \n"])
def test_the_linter_would_complain(text: str) -> None:
    assert complaints_of(text)
