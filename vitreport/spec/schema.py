"""Make the JSON Schemas of the files that users write: the spec of a run, and a study.

They describe files, not checked specs: fields that follow from the data set may be left out. Rules that depend on
several fields or on the images are checked by the program only.
"""

from typing import Any

from pydantic import BaseModel

from vitreport.spec.run import RunSpec
from vitreport.spec.study import RELATIONS, StudySpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OWN_KEYWORDS = (
    "added_later",
    "derived",
    "discriminator",
)  # of pydantic and of the specs; strict validators refuse them
FIGURES = (
    r"^(0?[0-9]{1,2}(\.[0-9]{1,10})?|100(\.0{1,10})?)%$",
    r"^(0{1,3}(\.[0-9]{1,10})?|0{0,2}1(\.0{1,10})?)$",
    r"^[0-9]{1,3}(\.[0-9]{1,10})?e-[0-9]{1,2}%?$",
)

Schema = dict[str, Any]


def run_schema() -> Schema:
    """Return the schema of a spec file, and of the spec.json of a run."""
    schema = _schema(RunSpec)
    schema["required"] = ["model"]
    schema["patternProperties"] = {"^schema_version$": True}  # in spec.json, where it is not a field
    schema["properties"]["data"]["default"] = {}
    defaults = {type(field.default).__name__ for field in RunSpec.model_fields.values()}
    for kind, section in schema["$defs"].items():
        if "const" in section["properties"].get("name", {}) and kind not in defaults:  # a member of a union
            section["required"] = ["name", *section.get("required", ())]
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
    for section in schema["$defs"].values():
        derived = [name for name, field in section.get("properties", {}).items() if field.get("derived")]
        if "required" in section:
            section["required"] = [name for name in section["required"] if name not in derived]
    _strip(schema)
    return schema


def _strip(value: Any) -> None:
    """Remove the keywords of other dialects from every table in a schema."""
    if isinstance(value, dict):
        for keyword in OWN_KEYWORDS:
            value.pop(keyword, None)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _strip(inner)


def _filled(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"minProperties": 1}}}
