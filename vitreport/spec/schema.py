"""Make the JSON Schemas of the files that users write: the spec of a run, and a study.

They describe files, not checked specs: fields that follow from the dataset may be left out. Rules that depend on
several fields or on the images, and the range of figures, are checked by the program only.
"""

import json
from typing import Any

from pydantic import BaseModel

from vitreport.spec.run import RunSpec
from vitreport.spec.study import StudySpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OWN_KEYWORDS = ("added_later", "derived", "discriminator")  # strict validators refuse them

Schema = dict[str, Any]


def run_schema() -> Schema:
    """Return the schema of a spec file, and of the spec.json of a run."""
    schema = _schema(RunSpec)
    schema["required"] = ["model"]
    schema["patternProperties"] = {"^schema_version$": True}  # in spec.json, where it is not a field
    defaults = {type(field.default).__name__ for field in RunSpec.model_fields.values()}
    for kind, section in schema["$defs"].items():
        if "const" in section["properties"].get("name", {}) and kind not in defaults:  # a member of a union
            section["required"] = ["name", *section["required"]]
    return schema


def study_schema() -> Schema:
    """Return the schema of a study file."""
    return _schema(StudySpec)


def _schema(root: type[BaseModel]) -> Schema:
    schema = {"$schema": DIALECT, **root.model_json_schema()}
    for section in schema["$defs"].values():
        fields = section["properties"]
        section["required"] = [name for name in section.get("required", ()) if not fields[name].get("derived")]
    cleaned: Schema = json.loads(json.dumps(schema), object_hook=_without_own_keywords)
    return cleaned


def _without_own_keywords(table: Schema) -> Schema:
    return {keyword: value for keyword, value in table.items() if keyword not in OWN_KEYWORDS}
