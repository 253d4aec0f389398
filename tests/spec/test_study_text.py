"""Texts of a study: references to numbers, what is wrong with them, and what their Markdown may contain."""

from pathlib import Path

import pytest

from vitreport.errors import SpecError
from vitreport.spec.study import read_study
from vitreport.spec.study_text import QUANTITIES, Operand, Reference, read_prose

LEVELS = {
    "net": [""],
    "net/wide": [""],
    "at home at night": [""],
    "batch": ["16", "32"],
    "rate": ["0.001", "1e-05"],
    "patch": ["4, 2", "8, 2"],
    "dropout": ["none", "dropout only"],
    "broken": None,
    "two  blanks": [""],
    "{braces}": ["a  b"],
    "a": [""],
    "a b": [""],
    "b c": [""],
    "c": [""],
    "rate at 0.001": [""],
}
STUDY = """
title = "Mixers"
{texts}
[runs.small]
model = "mlp-mixer"
dataset = "digits"
[ablations.batch]
model = "mlp-mixer"
dataset = "digits"
params.batch_size = [16, 32]
"""


def operands(text: str) -> list[Operand]:
    pieces, problems = read_prose(text, LEVELS)
    assert problems == []
    (found,) = (piece for piece in pieces if isinstance(piece, Reference))
    return list(found.operands)


def problems(text: str) -> list[str]:
    return [str(problem).removeprefix(" = ") for problem in read_prose(text, LEVELS)[1]]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{accuracy net}", [("net", "")]),
        ("{accuracy net/wide}", [("net/wide", "")]),
        ("{  train\naccuracy   net }", [("net", "")]),
        ("{accuracy at home at night}", [("at home at night", "")]),
        ("{accuracy batch at 16}", [("batch", "16")]),
        ("{accuracy rate at 1e-3}", [("rate", "0.001")]),
        ("{accuracy rate at 0.00001}", [("rate", "1e-05")]),
        ("{accuracy patch at 8, 2}", [("patch", "8, 2")]),
        ("{accuracy patch at (8,2)}", [("patch", "8, 2")]),
        ("{accuracy dropout at dropout only}", [("dropout", "dropout only")]),
        ("{accuracy broken at 9}", [("broken", "9")]),
        ("{difference net net/wide}", [("net", ""), ("net/wide", "")]),
        ("{difference at home at night net}", [("at home at night", ""), ("net", "")]),
        ("{difference dropout at dropout only dropout at none}", [("dropout", "dropout only"), ("dropout", "none")]),
        ("{difference patch at 8, 2 net}", [("patch", "8, 2"), ("net", "")]),
        ('{accuracy "two  blanks"}', [("two  blanks", "")]),
        ('{accuracy "{braces}" at "a  b"}', [("{braces}", "a  b")]),
        ('{difference "a b" "c"}', [("a b", ""), ("c", "")]),
        ('{difference a "b c"}', [("a", ""), ("b c", "")]),
        ('{accuracy "rate" at 0.001}', [("rate", "0.001")]),
        ('{accuracy "rate at 0.001"}', [("rate at 0.001", "")]),
    ],
)
def test_a_reference_names_a_run_or_a_level(text: str, named: list[tuple[str, str]]) -> None:
    assert operands(text) == [Operand(*each) for each in named]


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_word_of_the_table_is_understood(name: str) -> None:
    pieces, found = read_prose(f"{{{name} net{' net/wide' if QUANTITIES[name].operands > 1 else ''}}}", LEVELS)
    assert (found, [each.quantity for each in pieces if isinstance(each, Reference)]) == ([], [QUANTITIES[name]])


def test_doubled_braces_are_braces() -> None:
    pieces, found = read_prose("{{accuracy net}} {{}} {{{accuracy net}}}", LEVELS)
    assert found == []
    text = "".join(piece if isinstance(piece, str) else "N" for piece in pieces)
    assert text == "{accuracy net} {} {N}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{acuracy net}", "{acuracy net}: unknown number 'acuracy'; hint: did you mean accuracy or train accuracy?"),
        ("{test loss net}", "{test loss net}: unknown number 'test loss'; hint: use one of accuracy, train accuracy"),
        ("{}", "{}: is empty; hint: use one of accuracy, "),
        ("{accuracy}", "{accuracy}: needs the name of a run or ablation; hint: write {accuracy A}"),
        ("{difference net}", "{difference net}: needs the names of two runs or levels; hint: write {difference A B}"),
        ("{accuracy nett}", "{accuracy nett}: unknown run or ablation 'nett'; hint: did you mean net?"),
        ("{accuracy batch}", "{accuracy batch}: batch needs a level: batch at LEVEL; hint: use one of 16, 32"),
        ("{accuracy batch at 64}", "{accuracy batch at 64}: unknown level '64' of batch; hint: use one of 16, 32"),
        ("{accuracy net at 3}", "{accuracy net at 3}: net is a run and has no level '3'; hint: leave out “at 3”"),
        ("{difference nett net}", "{difference nett net}: unknown run or ablation 'nett'"),
        ("{difference net nett}", "{difference net nett}: unknown run or ablation 'nett'"),
        ("{difference net batch at 64}", "{difference net batch at 64}: unknown level '64' of batch"),
        ("{difference batch at 64 net}", "{difference batch at 64 net}: unknown level '64' of batch"),
        ("{difference " + "at " * 5000 + "}", "{difference " + "at " * 129 + "a: has more than 100 words"),
        ("{accuracy net at}", "{accuracy net at}: unknown run or ablation 'net at'"),
        ("{difference a a}", "{difference a a}: names the same run or level twice; hint: name two different ones"),
        ("{difference batch at 16 batch at 16.0e0}", "{difference batch at 16 batch at 16.0e0}: unknown level"),
        ("{difference rate at 1e-3 rate at 0.001}", "{difference rate at 1e-3 rate at 0.001}: is ambiguous"),
        (
            "{difference a b c}",
            '{difference a b c}: is ambiguous: "a" "b c" or "a b" "c"; hint: put the names in double',
        ),
        (
            "{accuracy rate at 0.001}",
            '{accuracy rate at 0.001}: is ambiguous: "rate at 0.001" or "rate" at "0.001"; hint: put the names in',
        ),
        ("{accuracy two  blanks}", "{accuracy two blanks}: unknown run or ablation 'two blanks'; hint: did you mean"),
        ("a } b", "}: is a single brace; hint: write {{ and }} for braces; put a name"),
        ("a {accuracy net", "{: is a single brace"),
        (r"$\frac{1}{2}$", "{1}: unknown number '1'"),
        ("## A", "##: a heading must begin with ###; hint: the report has those above it"),
        ("A\n---", "-: a heading must begin with ###"),
        ("- ### A", "###: a heading must begin with ###"),
        ("a <b>c</b>", r"<b>: HTML is not allowed; hint: use Markdown; write \< for a literal <"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>: HTML is not allowed"),
        ("<!-- vitreport:end -->", "<!-- vitreport:end -->: HTML is not allowed"),
        ("![a](https://example.org/a.png)", "https://example.org/a.png: images are not allowed"),
        ("[a](javascript:alert)", "javascript:alert: is a link that is not allowed; hint: use http, https,"),
        ("[a](&#106;avascript:alert)", "javascript:alert: is a link that is not allowed"),
        ("<data:text/html,x>", "data:text/html,x: is a link that is not allowed"),
        ("[a]\n\n[a]: vbscript:x", "vbscript:x: is a link that is not allowed"),
        ("[a]: javascript:x", "javascript:x: is a link that is not allowed"),
        ("[a]: https://example.org\n[a]: data:x", "data:x: is a link that is not allowed"),
        ("[a](//example.org)", "//example.org: is a link that is not allowed"),
        ("> " * 101 + "<img onerror=x>", ": is nested too deeply; hint: use at most 20 levels"),
        ("[" * 101 + "[a](javascript:x)", ": is nested too deeply"),
        ("<{accuracy net} onclick=x>", "<{accuracy net} onclick=x>: HTML is not allowed"),
        ("<{accuracy net}=x>", "<{accuracy net}=x>: HTML is not allowed"),
        ("<a {accuracy net}>", "<a {accuracy net}>: HTML is not allowed"),
        ("`{accuracy net}`", "{accuracy net}: must be in running text; hint: a number cannot be in code, in HTML or"),
        ("~~~{accuracy net}\n{gap net}\n~~~", "{gap net}: must be in running text"),
        ("    {gap net}", "{gap net}: must be in running text"),
        ("[a]({seeds net})", "{seeds net}: must be in running text"),
        ("[a](b '{seeds net}')", "{seeds net}: must be in running text"),
        ("[a]: {seeds net}", "{seeds net}: must be in running text"),
        ("```sh\nls", ": a block of code is not closed"),
    ],
)
def test_a_fault_is_told_with_its_words(text: str, told: str) -> None:
    assert any(line.startswith(told) for line in problems(text)), problems(text)


@pytest.mark.parametrize(
    "text",
    [
        "*{accuracy net}* [{gap net}](a) <3 & {epochs net}\n{seeds net}. a\n\n### {difference net net/wide}",
        "- " * 10 + "**[a](b)**\n\n[c]: d 'e'",
        "### A\n\n- **b** `<b>` ~~c~~\n\n> 1 < 2 & 3 > 2\n\n```html\n<b>{{x}}</b>\n## no heading\n```",
        "[a](https://example.org) [b](docs/b.md#c) <https://example.org> [c](mailto:me@example.org)",
        "| a | b |\n|---|---:|\n| {accuracy net} | {gap net} |",
        "    indented code {{}}",
        "{epochs net}. # A",
        "\\<b>",
        "",
    ],
)
def test_sound_markdown_has_no_problem(text: str) -> None:
    assert problems(text) == []


def test_every_fault_of_every_text_is_reported_with_those_of_names() -> None:
    texts = 'introduction = "{acuracy small} {accuracy batch at 64}"\nconclusion = """\n# End\n{accuracy smal}"""'
    section = '[[sections]]\ntitle = "s"\ntext = "<i>"\nruns = ["smal"]\nablations = ["batch"]'
    Path("my.toml").write_text(STUDY.format(texts=texts) + section)
    with pytest.raises(SpecError) as caught:
        read_study("my.toml")
    assert [line.partition(":")[0] for line in caught.value.lines()] == [
        "sections.0.runs = 'smal'",
        "introduction = {acuracy small}",
        "introduction = {accuracy batch at 64}",
        "sections.0.text = <i>",
        "conclusion = {accuracy smal}",
        "conclusion = #",
        "runs.small",
    ]
    assert all("(from my.toml)" in line for line in caught.value.lines())


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (r"\n  a  \r\n\tb\u202e\u001b[31m \n\n", "  a  \n\tb\ufffd\ufffd[31m"),
        (r"    code\n \t\nb \nc  ", "    code\n\nb\nc"),
        (r"1\u202f%\u00a0\U0001f469\u200d\U0001f52c", "1\u202f%\xa0\U0001f469\u200d\U0001f52c"),
    ],
)
def test_a_text_keeps_what_markdown_or_a_script_needs(typed: str, kept: str) -> None:
    """Control characters and single blanks at the ends of lines are neither; two blanks break the line."""
    Path("my.toml").write_text(STUDY.format(texts=f'introduction = "{typed}"'))
    assert read_study("my.toml").introduction == kept


def test_a_very_long_text_is_refused() -> None:
    lines = "a line of the text\n" * 1100
    Path("my.toml").write_text(STUDY.format(texts=f'introduction = """{lines}"""'))
    with pytest.raises(SpecError) as caught:
        read_study("my.toml")
    assert "introduction" in caught.value.lines()[0]
