"""Studies as tables: those that there are, and what one consists of."""

from vitreport.analysis.outline import statement_of
from vitreport.cli.console import print_json, print_sentence, print_table, print_text
from vitreport.data.sources import facts_in
from vitreport.formatting import printable, toml_value
from vitreport.spec.compose import flat
from vitreport.spec.study import PartSpec, SectionSpec, StudySpec
from vitreport.spec.study_file import read_study, study_names
from vitreport.spec.sweep import shown_level
from vitreport.sweep.studies import StudyRequest, plan_study


def show_studies(*, as_json: bool) -> None:
    studies = {name: read_study(name) for name in study_names()}
    if as_json:
        print_json([{"name": name, **_counts(study)} for name, study in studies.items()])
        return
    rows = [(name, *map(str, _counts(study).values())) for name, study in studies.items()]
    print_table(["study", "title", "runs", "ablations", "claims"], rows, right=["runs", "ablations", "claims"])


def show_study(name: str, *, as_json: bool) -> None:
    """Its sections, then its claims."""
    study = plan_study(StudyRequest(name), facts_in(None)).study  # with every problem of its runs
    if as_json:
        print_json({"name": name, **study.model_dump(mode="json")})
        return
    print_text(printable(study.title))
    for section in study.order:
        _show_section(study, section)
    if study.claims:
        print_text("\nPublished")
        rows = [(statement_of(study, claim), claim.source, ", ".join(claim.fault)) for claim in study.claims]
        print_table(["claim", "source", "fault"], rows)
    if study.faults:
        print_text("\nFaults of what was published: such claims are not comparable")
        print_table(["", ""], list(study.faults.items()))


def _show_section(study: StudySpec, section: SectionSpec) -> None:
    print_text(f"\n{printable(section.title)}")
    if section.question:
        print_sentence(printable(section.question))
    names = (*section.runs, *section.ablations)
    print_table(["run or ablation", "what is trained"], [(name, _described(study.parts[name])) for name in names])


def _described(part: PartSpec) -> str:
    """perceiver-io on cifar10, epochs = 12, by batch_size: 16; 32; 64"""
    preset = [f"preset {part.preset}"] if part.preset else []
    changed = [f"{name} = {toml_value(value)}" for name, value in flat(part.set).items()]
    varied = [f"{axis.name}: {'; '.join(shown_level([value.label]) for value in axis.values)}" for axis in part.axes()]
    by = [f"by {' x '.join(varied)}"] if varied else []
    return ", ".join([f"{part.model} on {part.dataset}", *preset, *changed, *by])


def _counts(study: StudySpec) -> dict[str, str | int]:
    return {
        "title": study.title,
        "runs": len(study.runs),
        "ablations": len(study.ablations),
        "claims": len(study.claims),
    }
