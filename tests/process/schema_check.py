"""A small validator of JSON Schema: the keywords that `tally schema` uses, and no other."""
import re

KNOWN = {"$schema", "title", "description", "type", "properties", "required", "additionalProperties", "items", "minItems",
         "maxItems", "uniqueItems", "contains", "enum", "const", "anyOf", "pattern", "minLength", "maxLength", "minimum", "maximum"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def of_type(name, value):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def faults(schema, value, at="event"):
    """What is wrong with `value`, as texts that name the place."""
    found = []
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError("the schema has keywords that this validator does not know: %s" % ", ".join(sorted(unknown)))

    def wrong(text):
        found.append("%s %s" % (at, text))

    if "type" in schema and not of_type(schema["type"], value):
        wrong("is no %s" % schema["type"])
        return found
    if "enum" in schema and value not in schema["enum"]:
        wrong("is none of %s" % ", ".join(schema["enum"]))
    if "const" in schema and value != schema["const"]:
        wrong("is not %s" % schema["const"])
    if "anyOf" in schema and all(faults(one, value, at) for one in schema["anyOf"]):
        wrong("is none of the forms")
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value, re.A):
            wrong("does not match %s" % schema["pattern"])
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            wrong("is too short or too long")
    if of_type("integer", value) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        wrong("is out of range")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            wrong("has too few or too many elements")
        if schema.get("uniqueItems") and len({repr(one) for one in value}) != len(value):
            wrong("has an element twice")
        if "contains" in schema and all(faults(schema["contains"], one) for one in value):
            wrong("lacks an element that it must have")
        for i, one in enumerate(value):
            found += faults(schema.get("items", {}), one, "%s[%d]" % (at, i))
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                wrong("lacks %s" % name)
        for name, one in value.items():
            if name in properties:
                found += faults(properties[name], one, at + "." + name)
            elif schema.get("additionalProperties") is False:
                wrong("has no field %s" % name)
    return found
