"""Make the JSON Schemas of the files that users write: the spec of a run, and a study.

They describe files, not checked specs: fields that follow from the data set may be left out. Rules that depend on
several fields or on the images are checked by the program only.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from vitreport.spec.architectures.base import WEIGHTS_FILE
from vitreport.spec.architectures.timm import SETTLED_ELSEWHERE, TimmSpec
from vitreport.spec.augment import AugmentSpec
from vitreport.spec.data import DataSpec
from vitreport.spec.model import MODEL_SPECS
from vitreport.spec.run import RunSpec
from vitreport.spec.section import members
from vitreport.spec.study import RELATIONS, StudySpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OWN_KEYWORDS = ("added_later", "discriminator")  # of pydantic and of the specs; strict validators refuse them
PLAIN = "Plain"
FIGURES = (
    r"^(0?[0-9]{1,2}(\.[0-9]{1,10})?|100(\.0{1,10})?)%$",
    r"^(0{1,3}(\.[0-9]{1,10})?|0{0,2}1(\.0{1,10})?)$",
    r"^[0-9]{1,3}(\.[0-9]{1,10})?e-[0-9]{1,2}%?$",
)

Schema = dict[str, Any]


def run_schema() -> Schema:
    """Return the schema of a spec file, and of the spec.json of a run."""
    schema = _schema(RunSpec)
    known = schema["$defs"]
    schema["required"] = ["model"]
    schema["patternProperties"] = {"^schema_version$": True}  # in spec.json, where it is not a field
    schema["properties"]["data"]["default"] = {}
    _require(known["DataSpec"], without=("image_size", "num_classes"))
    known["DataSpec"]["properties"]["dataset"] = {
        "default": DataSpec.model_fields["dataset"].default,
        "description": "The name of a data set, or the path of a folder of images.",
        "minLength": 1,
        "title": "Dataset",
        "type": "string",
    }
    for architecture in MODEL_SPECS:
        own = known[architecture.__name__]
        _require(own, "name", without=architecture.derived({}, 32, 10))
        own["properties"]["pretrained"] = _pretrained(architecture)
    for kind in _told_apart_by_name():
        _require(known[kind.__name__], "name")
    known["MixtureSpec"]["properties"]["operations"]["minItems"] = 1
    known["TimmSpec"]["properties"]["arguments"] = _arguments(known["TimmSpec"]["properties"]["arguments"])
    known[PLAIN] = {
        "anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array", "items": {"$ref": f"#/$defs/{PLAIN}"}}]
    }
    return schema


def study_schema() -> Schema:
    """Return the schema of a study file."""
    schema = _schema(StudySpec)
    known = schema["$defs"]
    schema["anyOf"] = [_filled("runs"), _filled("ablations")]
    known["AblationSpec"]["anyOf"] = [_filled("params"), _filled("variants")]
    claim = known["ClaimSpec"]
    claim["oneOf"] = [{"required": [field]} for field in RELATIONS.values()]
    known["FigureSpec"] = {
        "anyOf": [
            {"type": "string", "anyOf": [{"pattern": pattern} for pattern in FIGURES]},
            {"type": "number", "minimum": 0, "maximum": 1},
        ],
        "description": known["FigureSpec"]["description"],
    }
    for field in RELATIONS.values():  # a relation that is not used is left out
        if "anyOf" in claim["properties"][field]:
            claim["properties"][field]["anyOf"].remove({"type": "null"})
    claim["properties"]["fault"] = {"anyOf": [{"type": "string"}, claim["properties"]["fault"]]}
    return schema


def _schema(root: type[BaseModel]) -> Schema:
    schema = {"$schema": DIALECT, **root.model_json_schema()}
    for table in _tables(schema):
        for keyword in OWN_KEYWORDS:
            table.pop(keyword, None)
    return schema


def _tables(value: Any) -> Iterator[Schema]:
    """Yield every table in a schema, itself included."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _tables(inner)


def _require(table: Schema, *names: str, without: Sequence[str] | Schema = ()) -> None:
    required = [name for name in table.get("required", ()) if name not in without]
    table["required"] = [*names, *(name for name in required if name not in names)]


def _told_apart_by_name() -> Iterator[type[BaseModel]]:
    """Yield the members of unions that must give their name: all but the default of a field."""
    yield from members(AugmentSpec)
    for field in RunSpec.model_fields.values():
        for kind in members(field.annotation):
            if "name" in kind.model_fields and not field.is_required() and type(field.default) is not kind:
                yield kind


def _pretrained(architecture: type[BaseModel]) -> Schema:
    own: list[Any] = [False, True] if architecture is TimmSpec else [False]
    pattern = f"^{WEIGHTS_FILE.pattern.removesuffix(chr(92) + 'Z')}$"
    return {
        "anyOf": [{"enum": own}, {"type": "string", "pattern": pattern}],
        "default": False,
        "title": "Pretrained",
    }


def _arguments(table: Schema) -> Schema:
    """Return the keywords for timm's constructor, without those that the spec sets elsewhere."""
    names = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"enum": list(SETTLED_ELSEWHERE)}}
    return {**table, "propertyNames": names, "additionalProperties": {"$ref": f"#/$defs/{PLAIN}"}}


def _filled(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"minProperties": 1}}}
