"""The JSON Schema of a report, made of the types, docstrings and comments of `Document`."""

import inspect
import json
import re
from dataclasses import is_dataclass
from functools import cache, reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import GenerateJsonSchema

from vitreport.analysis.groups import Group
from vitreport.report.json_format import Document, keys_of
from vitreport.spec.sweep import ValueSpec

PUBLISHED = Path(__file__).parents[2] / "docs" / "_static" / "report.schema.json"
COMMENT = re.compile(r"^    (\w+): .*?  # (.*)$", re.MULTILINE)


class Schema(GenerateJsonSchema):
    """No field has a title beside its name."""

    def field_title_should_be_set(self, _: Any) -> bool:
        return False


@cache
def model_of(kind: type) -> type[BaseModel]:
    """All keys of an object are there, and no others; a comment or a docstring describes each."""
    comments = dict(COMMENT.findall(inspect.getsource(kind)))
    made: dict[str, Any] = {}
    for key in keys_of(kind):
        found, comment = get_type_hints(kind).get(key), comments.get(key)
        if isinstance(computed := getattr(kind, key, None), property):
            found, comment = get_type_hints(computed.fget)["return"], computed.__doc__
        words = f"{comment[0].upper()}{comment[1:].removesuffix('.')}." if comment else None
        made[key] = (type_of(found), Field(description=words))
    return create_model(kind.__name__, __doc__=kind.__doc__, __config__=ConfigDict(extra="forbid"), **made)


def type_of(hint: Any, *, is_part: bool = True) -> Any:
    """The type of a value: a model in place of each dataclass, and outside of lists an id in place of a group."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return reduce(or_, map(type_of, get_args(hint)))
    if hint is Group and is_part:
        return str
    if origin and origin is not Literal:
        return origin[tuple(type_of(each, is_part=False) for each in get_args(hint))]
    is_object = isinstance(hint, type) and (is_dataclass(hint) or hint is ValueSpec)
    return model_of(hint) if is_object else hint


def report_schema() -> dict[str, Any]:
    found = model_of(Document).model_json_schema(mode="serialization", schema_generator=Schema)
    whole = {"$schema": Schema.schema_dialect, **found, "title": "The JSON of a report by vitreport"}
    schema: dict[str, Any] = json.loads(json.dumps(whole).replace("None", "null"))
    return schema


def document_of(text: str) -> dict[str, Any]:
    """A document that the published schema allows."""
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator(json.loads(PUBLISHED.read_text(encoding="utf-8"))).validate(document)
    return document
