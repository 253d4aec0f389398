"""The JSON Schemas accept the files that the program accepts, and refuse those that it refuses."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.spec.validating import accepts
from vitreport.data.sources import facts_in
from vitreport.errors import SpecError
from vitreport.spec import load, study_file
from vitreport.spec.compose import Request, compose_request
from vitreport.spec.schema import run_schema, study_schema

ROOT = Path(__file__).parents[2]
RUN, STUDY = run_schema(), study_schema()
MIXER = 'model.name = "mlp-mixer"\n'
RESNET = '[model]\nname = "timm"\narchitecture = "resnet10t"\n'
STUDIED = 'title = "T"\nruns.a = { model = "swin", dataset = "digits" }\n'
ABLATED = 'title = "T"\n[ablations.a]\nmodel = "swin"\ndataset = "digits"\n'
CLAIMED = STUDIED + 'claims = [{ of = "a", source = "s", value = %s }]\n'

SOUND = [
    MIXER,
    f"#:schema ./spec.schema.json\n{MIXER}",
    f"schema_version = 1\n{MIXER}",
    f'{MIXER}data.dataset = "digits"\ndata.limit = 1000\ntrain = {{}}\n',
    f"{MIXER}optimizer.learning_rate = 1\n",
    f'{MIXER}optimizer = {{ name = "sgd", nesterov = true }}\nschedule.name = "cosine"\n',
    f'{MIXER}data.augment = [{{ name = "mixture", operations = [{{ name = "equalize" }}] }}]\n',
    f'{MIXER}data.mix = {{ mixup_alpha = 0.2 }}\ntrain.selection = "last"\n',
    f'[model]\nname = "swin"\npretrained = "sha256:{"0" * 64}"\n',
    'model = { name = "perceiver-io", dim = 3072, queries_dim = 10 }\n',
    f'{RESNET}pretrained = true\narguments = {{ act_layer = "silu", layers = [1, [2]], flag = true }}\n',
]

FAULTY = [
    "",
    "seed = 1\n",
    'model = "mlp-mixer"\n',
    "model.patch_size = 4\n",
    'model.name = "mixer"\n',
    f"{MIXER}model.pretrained = true\n",
    f'{MIXER}model.pretrained = "weights.pth"\n',
    f"{MIXER}batch_size = 3\n",
    f"{MIXER}lr = 0.1\n",
    f"{MIXER}train.epoch = 3\n",
    f'{MIXER}"train.epochs" = 3\n',
    f"{MIXER}train.epochs = 0\n",
    f'{MIXER}train.epochs = "3"\n',
    f"{MIXER}train.epochs = true\n",
    f"{MIXER}train = 3\n",
    f'{MIXER}train.precision = "float16"\n',
    f"{MIXER}train.label_smoothing = 1.0\n",
    f"{MIXER}seed = -1\n",
    f'{MIXER}optimizer.name = "adagrad"\n',
    f"{MIXER}optimizer.momentum = 0.9\n",
    f"{MIXER}optimizer.betas = [0.9]\n",
    f"{MIXER}optimizer.betas = [0.9, 1.0]\n",
    f"{MIXER}schedule.final_fraction = 0.1\n",
    f'{MIXER}data.dataset = ""\n',
    f"{MIXER}data.image_size = 4\n",
    f"{MIXER}data.augment = [{{}}]\n",
    f'{MIXER}data.augment = ["equalize"]\n',
    f'{MIXER}data.augment = [{{ name = "mixture", operations = [] }}]\n',
    f'{MIXER}data.augment = [{{ name = "mixup" }}]\n',
    '[model]\nname = "timm"\n',
    f"{RESNET}arguments = {{ num_classes = 3 }}\n",
    f'{RESNET}arguments = {{ "no keyword" = 3 }}\n',
    f"{RESNET}arguments = {{ nested = {{ a = 1 }} }}\n",
    '[model]\nname = "timm"\narchitecture = "a/b"\n',
]

SOUND_STUDIES = [
    STUDIED,
    f"#:schema ./study.schema.json\n{STUDIED}",
    f"{ABLATED}params.batch_size = [16, 32]\n",
    f"{ABLATED}variants.size.small = {{ embed_dim = 32 }}\n",
    *(CLAIMED % value for value in ('"97.50%"', '"100%"', '"0.6770"', '"5e-1%"', "0.975", "1", "0")),
    f'{STUDIED}sections = [{{ title = "S", runs = ["a"] }}]\n',
]

FAULTY_STUDIES = [
    "",
    'title = "T"\n',
    'title = "T"\nruns = {}\n',
    STUDIED.replace('"T"', '""'),
    'title = "T"\nruns.a = { model = "swin" }\n',
    'title = "T"\nruns.a = { model = "swin", dataset = "digits", sets = {} }\n',
    f"schema_version = 1\n{STUDIED}",
    ABLATED,
    f"{ABLATED}params.batch_size = []\n",
    f"{ABLATED}params.batch_size = 16\n",
    *(CLAIMED % value for value in ('"97.5 %"', "97.5", "-0.1", "true", "[0.5]")),
    f'{STUDIED}claims = [{{ of = "a", source = "s" }}]\n',
    f'{STUDIED}claims = [{{ of = "a", source = "s", value = 0.5, above = "a" }}]\n',
]


def is_sound_spec(text: str) -> bool:
    Path("a.toml").write_text(text)
    try:
        compose_request(Request(spec_file=Path("a.toml")), facts_in(None))
    except SpecError:
        return False
    return True


def is_sound_study(text: str) -> bool:
    Path("a.toml").write_text(text)
    try:
        study_file.read_study("./a.toml")
    except SpecError:
        return False
    return True


@pytest.mark.parametrize(("specs", "sound"), [(SOUND, True), (FAULTY, False)], ids=["sound", "faulty"])
def test_the_schema_accepts_the_specs_that_the_program_accepts(specs: list[str], sound: bool) -> None:
    for text in specs:
        assert (is_sound_spec(text), accepts(RUN, tomllib.loads(text))) == (sound, sound), text


@pytest.mark.parametrize(
    ("studies", "sound"), [(SOUND_STUDIES, True), (FAULTY_STUDIES, False)], ids=["sound", "faulty"]
)
def test_the_schema_accepts_the_studies_that_the_program_accepts(studies: list[str], sound: bool) -> None:
    for text in studies:
        assert (is_sound_study(text), accepts(STUDY, tomllib.loads(text))) == (sound, sound), text


def test_the_schema_accepts_what_comes_with_the_program() -> None:
    for file in load.PRESETS.glob("*.toml"):
        assert accepts(RUN, tomllib.loads(file.read_text())), file
    for file in study_file.FOLDER.glob("*.toml"):
        assert accepts(STUDY, tomllib.loads(file.read_text())), file
    for file in ROOT.glob("runs/*/spec.json"):
        assert accepts(RUN, json.loads(file.read_text())), file


@pytest.mark.parametrize("schema", [RUN, STUDY], ids=["run", "study"])
def test_a_schema_has_no_keywords_of_other_dialects(schema: dict[str, Any]) -> None:
    assert keywords(schema) <= KNOWN


KNOWN = {
    *("$schema", "$defs", "$ref", "title", "description", "default", "examples", "type", "const", "enum", "not"),
    *(
        "anyOf",
        "oneOf",
        "properties",
        "patternProperties",
        "required",
        "additionalProperties",
        "propertyNames",
        "minProperties",
    ),
    *("items", "prefixItems", "minItems", "maxItems", "pattern", "minLength", "maxLength"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}


def keywords(schema: Any) -> set[str]:
    """The keywords of a schema and of those in it; the names of properties and definitions are none."""
    if isinstance(schema, list):
        return set().union(*map(keywords, schema))
    if not isinstance(schema, dict):
        return set()
    found = set(schema)
    for keyword, argument in schema.items():
        if keyword in ("properties", "patternProperties", "$defs"):
            found |= set().union(*map(keywords, argument.values()))
        elif keyword not in ("default", "const", "enum", "examples", "required"):
            found |= keywords(argument)
    return found
