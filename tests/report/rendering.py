"""The fixture study as documents, for golden files and comparisons."""

from dataclasses import replace
from pathlib import Path

from vitreport.analysis.claims import Claim
from vitreport.analysis.summarize import summarize
from vitreport.records.folders import run_folders
from vitreport.report.csv_format import render_csv
from vitreport.report.json_format import render_json
from vitreport.report.latex import render_latex
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import Page, make_page

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_NAMES = ("study.md", "study.tex")  # the others have a column for every field of a spec
CLAIMS = (
    Claim("Perceiver IO on CIFAR-10", "56.2%", "README", "perceiver-io-cifar10-d91c8aac", value=0.562, digits=1),
    Claim("Perceiver IO on STL-10", "47.5%", "README", "perceiver-io-stl10-175e9e88", value=0.475, digits=1),
    Claim("Swin", "77.1%", "log", "swin-cifar10-ffffffff", value=0.771, digits=1, command="vitreport train swin"),
    Claim("Dropout", "like none", "README", "perceiver-cifar10-00000000", faults=("it was off after one epoch",)),
)


def page_of(runs_dir: Path) -> Page:
    """With a stand-in for what the specs say of the architectures, which is not the report's own."""
    summary = summarize(run_folders(runs_dir))
    architectures = tuple(replace(each, about=f"About {each.title}.") for each in summary.architectures)
    return make_page(replace(summary, architectures=architectures), CLAIMS)


def documents(runs_dir: Path) -> dict[str, str]:
    """Every format of the fixture study, by the name of its file."""
    page = page_of(runs_dir)
    return {
        "study.md": render_markdown(page, assets="study/"),
        "study.tex": render_latex(page),
        "study.csv": render_csv(page),
        "study.json": render_json(page),
    }
