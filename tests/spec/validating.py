"""As much of JSON Schema as the schemas of specs and studies use; any other keyword is an error."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
NOTES = {"$schema", "$defs", "title", "description", "default", "examples"}
OF_OBJECTS = {"properties", "patternProperties", "required", "additionalProperties", "propertyNames", "minProperties"}
OF_ARRAYS = {"items", "prefixItems", "minItems", "maxItems"}
OF_TEXTS = {"pattern", "minLength", "maxLength"}
OF_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
KINDS = {"object": OF_OBJECTS, "array": OF_ARRAYS, "string": OF_TEXTS, "number": OF_NUMBERS}


def accepts(schema: Any, value: Any, root: Mapping[str, Any] | None = None) -> bool:
    """Whether a schema accepts a JSON value."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    return all(
        _holds(keyword, argument, schema, value, root)
        for keyword, argument in schema.items()
        if keyword not in NOTES and _concerns(keyword, value)
    )


def _concerns(keyword: str, value: Any) -> bool:
    kind = next((kind for kind, keywords in KINDS.items() if keyword in keywords), None)
    return kind is None or TYPES[kind](value)


def _holds(keyword: str, argument: Any, schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    def inner(schema: Any, value: Any) -> bool:
        return accepts(schema, value, root)

    if keyword in OF_OBJECTS:
        return _fits_object(keyword, argument, schema, value, inner)
    if keyword in OF_ARRAYS:
        return _fits_array(keyword, argument, schema, value, inner)
    if keyword in OF_TEXTS | OF_NUMBERS:
        return _measures(keyword, argument, value)
    holds: dict[str, Callable[[], bool]] = {
        "$ref": lambda: inner(root["$defs"][argument.removeprefix("#/$defs/")], value),
        "type": lambda: any(TYPES[kind](value) for kind in ([argument] if isinstance(argument, str) else argument)),
        "const": lambda: type(value) is type(argument) and bool(value == argument),
        "enum": lambda: any(type(value) is type(each) and value == each for each in argument),
        "not": lambda: not inner(argument, value),
        "anyOf": lambda: any(inner(each, value) for each in argument),
        "oneOf": lambda: sum(inner(each, value) for each in argument) == 1,
    }
    return holds[keyword]()


Inner = Callable[[Any, Any], bool]


def _fits_object(keyword: str, argument: Any, schema: Mapping[str, Any], value: dict[str, Any], inner: Inner) -> bool:
    match keyword:
        case "properties":
            return all(inner(argument[name], item) for name, item in value.items() if name in argument)
        case "patternProperties":
            return all(inner(each, value[name]) for each in argument.values() for name in _matching(argument, value))
        case "required":
            return set(argument) <= value.keys()
        case "additionalProperties":
            known = {*schema.get("properties", ()), *_matching(schema.get("patternProperties", ()), value)}
            return all(inner(argument, value[name]) for name in value.keys() - known)
        case "propertyNames":
            return all(inner(argument, name) for name in value)
    return len(value) >= int(argument)


def _matching(patterns: Iterable[str], value: Iterable[str]) -> list[str]:
    return [name for name in value if any(re.search(pattern, name) for pattern in patterns)]


def _fits_array(keyword: str, argument: Any, schema: Mapping[str, Any], value: list[Any], inner: Inner) -> bool:
    match keyword:
        case "prefixItems":
            return all(inner(each, item) for each, item in zip(argument, value, strict=False))
        case "items":
            return all(inner(argument, item) for item in value[len(schema.get("prefixItems", ())) :])
    return len(value) >= argument if keyword == "minItems" else len(value) <= int(argument)


def _measures(keyword: str, argument: Any, value: Any) -> bool:
    match keyword:
        case "pattern":
            return re.search(argument, value) is not None
        case "minLength":
            return len(value) >= int(argument)
        case "maxLength":
            return len(value) <= int(argument)
        case "minimum":
            return bool(value >= argument)
        case "maximum":
            return bool(value <= argument)
        case "exclusiveMinimum":
            return bool(value > argument)
    return bool(value < argument)
