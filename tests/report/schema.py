"""The JSON Schema of a report, made of the types and comments of `Document`."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DataclassSchema, ModelSchema

from vitreport.report.json_format import Document

PUBLISHED = Path(__file__).parents[2] / "docs" / "_static" / "report.schema.json"
COMMENT = re.compile(r"^    (\w+): .*?  # (.*)$", re.MULTILINE)


class Schema(GenerateJsonSchema):
    """All keys are there, and no others; the comment of a field describes it."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        return self._closed(schema["cls"], super().model_schema(schema))

    def dataclass_schema(self, schema: DataclassSchema) -> JsonSchemaValue:
        return self._closed(schema["cls"], super().dataclass_schema(schema))

    def field_title_should_be_set(self, _: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    @staticmethod
    def _closed(kind: type, found: JsonSchemaValue) -> JsonSchemaValue:
        comments = dict(COMMENT.findall(inspect.getsource(kind)))
        for name, field in found["properties"].items():
            if name in comments:
                field["description"] = f"{comments[name][0].upper()}{comments[name][1:]}."
        return found | {"required": list(found["properties"]), "additionalProperties": False}


def report_schema() -> dict[str, Any]:
    found = TypeAdapter(Document).json_schema(mode="serialization", schema_generator=Schema)
    whole = {"$schema": Schema.schema_dialect, **found, "title": "The JSON of a report by vitreport"}
    schema: dict[str, Any] = json.loads(json.dumps(whole).replace("None", "null"))
    return schema


def document_of(text: str) -> dict[str, Any]:
    """A document that the published schema allows."""
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator(json.loads(PUBLISHED.read_text(encoding="utf-8"))).validate(document)
    return document
