"""Resolves the schema that records are written with against ours, by Avro's rules (1.12
specification, Schema Resolution) and by what the values mean.

Whatever others register, what comes out is a schema that Java's Avro parses: names are made anew,
and only what decides how bytes are read is left. So two schemas that differ in their words, in
their names, or in fields behind the last one that we read, have the same resolution.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastavro import parse_schema

from pipelines.base.errors import ContractError

Tree = Any  # a schema as JSON has it: a name, a union's list, or an object

MOST_DIGITS = 38  # of Spark's decimals
LONGEST_CAUSE = 200
LARGEST_FIXED = 1_000  # bytes; a fixed is made before its bytes are there
DEEPEST = 200  # brackets within each other; Java's parser of JSON has a bound, and its stack
PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TIMES = {
    "int": {"date", "time-millis"},
    "long": {
        "time-micros",
        *(f"{local}timestamp-{unit}" for local in ("", "local-") for unit in ("millis", "micros", "nanos")),
    },
}
# What is read as ours, by Avro's own promotions: ours → theirs.
PROMOTED = {
    "long": {"int"},
    "float": {"int", "long"},
    "double": {"int", "long", "float"},
    "string": {"bytes"},
    "bytes": {"string"},
}
# What is read as theirs, because Spark makes the same type of it: ours → theirs.
TAKEN_OVER = {
    "string": {"enum"},
    "enum": {"enum"},
    "bytes": {"fixed"},
    "fixed": {"fixed"},
    "timestamp-micros": {"timestamp-millis"},
    "timestamp-millis": {"timestamp-micros"},
}
SQL = {
    **{name: name for name in ("boolean", "int", "float", "double", "string", "date")},
    "long": "bigint",
    "bytes": "binary",
    "fixed": "binary",
    "enum": "string",
    **{f"timestamp-{unit}": "timestamp" for unit in ("millis", "micros")},
    **{f"local-timestamp-{unit}": "timestamp_ntz" for unit in ("millis", "micros")},
}


class Unreadable(ContractError):
    """Why records of a schema cannot be read with ours."""


class NotAvro(Unreadable):
    """Why a schema is not even one of Avro's that we understand."""


@dataclass(frozen=True)
class Resolution:
    """The schemas to decode with, theirs and ours, as JSON; and, where a decimal of ours is decoded
    wide enough for theirs, the SQL types of a record that is decoded so, and of ours.
    """

    writer: str
    reader: str
    wide_and_ours: tuple[str, str] | None = None


def inlined(schema: str, references: Sequence[str]) -> str:
    """Return a schema as JSON with the types in it that it only names; `references` define them,
    each behind those that it needs itself. Raises NotAvro.
    """
    if not references:
        return schema
    names: dict[str, Tree] = {}
    with _understood():
        for reference in references:
            _parsed(reference, names)
        return json.dumps(_defined(_parsed(schema, names), names, set()))


@lru_cache(maxsize=4096)
def resolution(writer: str, reader: str) -> Resolution:
    """Return how records written with `writer` are read with `reader`, both JSON.

    Raises NotAvro where the writer's schema is not understood, Unreadable where its records cannot
    be read: they lack a field that we need, or a field is of another type, or means something else.
    """
    names: dict[str, Tree] = {}
    with _understood():
        written, ours = _parsed(writer, names), _parsed(reader, {}, expand=True)
        walk = _Walk(names)
        theirs, adapted = walk.value(written, ours, "the record", at_the_end=True)
        texts = json.dumps(theirs), json.dumps(adapted)
    if max(map(_depth, texts)) > DEEPEST:
        raise Unreadable("its types are nested too deeply")
    return Resolution(*texts, (_sql_type(adapted), _sql_type(ours)) if walk.is_wider else None)


@contextmanager
def _understood() -> Iterator[None]:
    """Turn whatever fails inside into NotAvro: what anybody may register breaks a parser in any
    way.
    """
    try:
        yield
    except Unreadable:
        raise
    except Exception as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise NotAvro(f"it is no Avro schema that can be understood ({cause[:LONGEST_CAUSE]})") from error


def _parsed(schema: str, names: dict[str, Tree], expand: bool = False) -> Tree:
    """Return a schema with full names, and add the types that it defines to `names`."""
    # Default values are no matter of a writer's; Java's parser does not look at them either.
    text = json.loads(schema)
    if isinstance(text, dict) and "$schema" in text:
        raise NotAvro("it is JSON schema, not Avro")
    tree = parse_schema(text, names, expand=expand, _write_hint=False, _ignore_default_error=True)
    if wrong := PRIMITIVES & names.keys():
        raise NotAvro(f"it has a type of its own called {wrong.pop()}")
    return tree


def _defined(tree: Tree, names: Mapping[str, Tree], seen: set[str]) -> Tree:
    """Return a schema in which every type of `names` is defined where it is first named."""
    if isinstance(tree, list):
        return [_defined(each, names, seen) for each in tree]
    if isinstance(tree, str):
        return _defined(names[tree], names, seen) if tree in names and tree not in seen else tree
    seen.add(tree.get("name", ""))
    parts = {part: _defined(tree[part], names, seen) for part in ("items", "values") if part in tree}
    if "fields" in tree:
        parts["fields"] = [{**field, "type": _defined(field["type"], names, seen)} for field in tree["fields"]]
    return {**tree, **parts}


def _meaning(tree: Tree) -> str:
    """Return what values of a type mean: its logical type where we know it and it is valid, or else
    its type.
    """
    if not isinstance(tree, dict):
        return "union" if isinstance(tree, list) else str(tree)
    kind, logical = tree["type"], tree.get("logicalType")
    if logical == "decimal" and kind in ("bytes", "fixed"):
        return "decimal" if _is_valid_decimal(tree) else str(kind)
    if kind in TIMES and logical in TIMES[kind]:
        return str(logical)
    return "record" if kind == "error" else str(kind)


def _is_valid_decimal(tree: Tree) -> bool:
    precision, scale = tree.get("precision"), tree.get("scale", 0)
    whole = isinstance(precision, int) and isinstance(scale, int)
    return whole and 0 <= scale <= precision and 0 < precision <= _digits(tree)


def _digits(tree: Tree) -> float:
    """Return how many digits the numbers of a decimal's type can have at most."""
    return math.floor(math.log10(2) * (8 * tree["size"] - 1)) if tree["type"] == "fixed" else math.inf


def _sql_type(tree: Tree) -> str:
    """Return the type that Spark makes of a schema of ours."""
    if isinstance(tree, list):
        return _sql_type(_only(tree))
    meaning = _meaning(tree)
    if meaning == "record":
        fields = [f"`{field['name']}`:{_sql_type(field['type'])}" for field in tree["fields"]]
        return f"struct<{','.join(fields)}>"
    if meaning == "array":
        return f"array<{_sql_type(tree['items'])}>"
    if meaning == "map":
        return f"map<string,{_sql_type(tree['values'])}>"
    if meaning == "decimal":
        return f"decimal({tree['precision']},{tree.get('scale', 0)})"
    return SQL[meaning]


def _only(union: Sequence[Tree]) -> Tree:
    """Return what a union of ours may hold beside null."""
    (only,) = (each for each in union if _meaning(each) != "null")
    return only


def _depth(text: str) -> int:
    """Return how many brackets a JSON text has within each other, at most."""
    depth = deepest = 0
    for bracket in re.findall(r"[][{}]", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


class _Walk:
    """One walk through two schemas at once; `is_wider` says whether it met a decimal that is
    decoded wider than ours. What it returns of each pair of types is theirs and ours, to decode
    with.
    """

    def __init__(self, names: Mapping[str, Tree]) -> None:
        self.names = names
        self.is_wider = False
        self.made = 0
        self.skipped_types: dict[str, tuple[str, bool]] = {}

    def value(self, theirs: Tree, ours: Tree, where: str, at_the_end: bool = False) -> tuple[Tree, Tree]:
        """Resolve two types; `at_the_end` says that no byte is read behind this value."""
        theirs = self._definition(theirs)
        if isinstance(theirs, list):
            return self._union(theirs, ours, where, at_the_end)
        if isinstance(ours, list):
            if _meaning(theirs) == "null":
                return "null", self._as_it_is(ours)
            theirs, other = self.value(theirs, _only(ours), where, at_the_end)
            return theirs, [each if _meaning(each) == "null" else other for each in ours]
        meaning, wanted = _meaning(theirs), _meaning(ours)
        if meaning == wanted == "record":
            return self._record(theirs, ours, where, at_the_end)
        if meaning == wanted and meaning in ("array", "map"):
            return self._container(theirs, ours, where, "items" if meaning == "array" else "values")
        if meaning == wanted == "decimal":
            return self._decimal(theirs, ours, where)
        if meaning in TAKEN_OVER.get(wanted, ()):
            return self._taken_over(theirs, where)
        if meaning == wanted or meaning in PROMOTED.get(wanted, ()):
            return _physical(theirs), self._as_it_is(ours)
        raise Unreadable(f"{where} is {meaning}, ours is {wanted}")

    def _record(self, theirs: Tree, ours: Tree, where: str, at_the_end: bool) -> tuple[Tree, Tree]:
        written = [field["name"] for field in theirs["fields"]]
        wanted = {field["name"]: field for field in ours["fields"]}
        renamed = [field for field in ours["fields"] if field["name"] not in written]
        wanted |= {alias: field for field in renamed for alias in field.get("aliases", ()) if alias not in wanted}
        last = max((place for place, name in enumerate(written) if name in wanted), default=-1)
        theirs_then: list[Tree] = []
        ours_then: dict[str, Tree] = {}
        for field in theirs["fields"][: last + 1] if at_the_end else theirs["fields"]:
            target = wanted.get(field["name"])
            if target is None or target["name"] in ours_then:
                theirs_then.append({"name": self._name(), "type": self._skipped(field["type"], _at(where, field), ())[0]})
                continue
            read, adapted = self.value(field["type"], target["type"], _at(where, field))
            theirs_then.append({"name": target["name"], "type": read})
            ours_then[target["name"]] = {"name": target["name"], "type": adapted}
        for field in ours["fields"]:
            if field["name"] not in ours_then:
                ours_then[field["name"]] = self._filled(field, where)
        name = self._name()
        in_order = [ours_then[field["name"]] for field in ours["fields"]]
        return {"type": "record", "name": name, "fields": theirs_then}, {"type": "record", "name": name, "fields": in_order}

    def _filled(self, field: Tree, where: str) -> Tree:
        """Return a field of ours that they do not write."""
        if "default" not in field:
            raise Unreadable(f"{_at(where, field)} is not there, and ours has no default")
        return {"name": field["name"], "type": self._as_it_is(field["type"]), "default": field["default"]}

    def _container(self, theirs: Tree, ours: Tree, where: str, part: str) -> tuple[Tree, Tree]:
        read, adapted = self.value(theirs[part], ours[part], f"{where}[]")
        kind = theirs["type"]
        return {"type": kind, part: read}, {"type": kind, part: adapted}

    def _decimal(self, theirs: Tree, ours: Tree, where: str) -> tuple[Tree, Tree]:
        """Resolve two decimals: another scale, or more digits, are decoded as theirs, as wide as
        can be, because Spark cuts a number of up to 18 digits to 64 bits.
        """
        scale, digits = theirs.get("scale", 0), theirs["precision"]
        alike = theirs["type"] == ours["type"] == "bytes" and scale == ours.get("scale", 0)
        if alike and digits <= ours["precision"]:
            return "bytes", self._as_it_is(ours)
        precision = min(MOST_DIGITS, _digits(theirs))
        if scale > precision:
            raise Unreadable(f"{where} has {scale} digits behind the point, more than can be decoded")
        self.is_wider = True
        read = _physical(theirs) if theirs["type"] == "bytes" else self._fixed(theirs, where)
        of_type = read if isinstance(read, dict) else {"type": read}
        return read, {**of_type, "logicalType": "decimal", "precision": precision, "scale": scale}

    def _taken_over(self, theirs: Tree, where: str) -> tuple[Tree, Tree]:
        """Resolve a type of which Spark makes what it makes of ours."""
        if theirs["type"] == "enum":
            read = self._enum(theirs, where)
        elif theirs["type"] == "fixed":
            read = self._fixed(theirs, where)
        else:
            return theirs["type"], {"type": theirs["type"], "logicalType": theirs["logicalType"]}
        return read, read

    def _union(self, theirs: Sequence[Tree], ours: Tree, where: str, at_the_end: bool) -> tuple[Tree, Tree]:
        """Resolve a union of theirs: a record is read where it holds a branch that can be, and is
        undecodable where it holds another one.
        """
        branches: list[Tree] = []
        readable: list[Tree] = []
        refusals: list[Unreadable] = []
        for each in theirs:
            if isinstance(each, list):
                raise Unreadable(f"{where} is a union within a union")
            if _meaning(each) == "null":
                branches.append("null")
                continue
            before = dict(self.skipped_types)
            try:
                read, adapted = self.value(each, ours, where, at_the_end)
            except Unreadable as error:
                refusals.append(error)
                read = adapted = None
            if adapted is None or (readable and adapted != readable[0]):
                # Java must not find it like ours; and what was named in it is not there.
                self.skipped_types = before
                branches.append({"type": "fixed", "name": self._name(), "size": 1})
            else:
                branches.append(read)
                readable.append(adapted)
        if not readable and refusals:
            raise refusals[0]
        if not readable and not isinstance(ours, list):
            raise Unreadable(f"{where} is always null, ours never")
        return _distinct(branches, where), readable[0] if readable else self._as_it_is(ours)

    def _skipped(self, theirs: Tree, where: str, inside: tuple[str, ...]) -> tuple[Tree, bool]:
        """Return a type of theirs that we do not read, as that which takes the same bytes; and
        whether it may take none.
        """
        theirs = self._definition(theirs)
        if isinstance(theirs, list):
            return _distinct([self._skipped(each, where, inside)[0] for each in theirs], where), False
        kind = theirs if isinstance(theirs, str) else theirs["type"]
        if kind in ("record", "error"):
            return self._skipped_record(theirs, where, inside)
        if kind in ("array", "map"):
            part = "items" if kind == "array" else "values"
            element, is_empty = self._skipped(theirs[part], where, inside)
            if is_empty and kind == "array":
                # A few bytes would be a number of them for which Java counts for years.
                raise Unreadable(f"{where} is an array of what takes no bytes")
            return {"type": kind, part: element}, False
        if kind == "fixed":
            return {"type": "fixed", "name": self._name(), "size": _size(theirs, where)}, theirs["size"] == 0
        if kind == "enum":
            return {"type": "enum", "name": self._name(), "symbols": ["_"]}, False
        return _physical(theirs), kind == "null"

    def _skipped_record(self, theirs: Tree, where: str, inside: tuple[str, ...]) -> tuple[Tree, bool]:
        of = theirs["name"]
        if of in inside:
            # Java skips it by a function that calls itself, as deep as the data are; a stack that
            # is too small ends the whole process.
            raise Unreadable(f"{where} has a type that contains itself, before the last field that we read")
        if of in self.skipped_types:
            return self.skipped_types[of]
        parts = [self._skipped(field["type"], _at(where, field), (*inside, of)) for field in theirs["fields"]]
        name, is_empty = self._name(), all(empty for _, empty in parts)
        self.skipped_types[of] = name, is_empty
        fields = [{"name": f"_{place}", "type": part} for place, (part, _) in enumerate(parts)]
        return {"type": "record", "name": name, "fields": fields}, is_empty

    def _as_it_is(self, ours: Tree) -> Tree:
        """Return a type of ours as it is, with names that nothing else here has."""
        if isinstance(ours, list):
            return [self._as_it_is(each) for each in ours]
        if isinstance(ours, str):
            return ours
        adapted = {key: ours[key] for key in ("type", "logicalType", "precision", "scale", "symbols", "size") if key in ours}
        adapted |= {part: self._as_it_is(ours[part]) for part in ("items", "values") if part in ours}
        if "name" in ours:
            adapted["name"] = self._name()
        if "fields" in ours:
            defaults = ("name", "default")
            adapted["fields"] = [
                {**{key: field[key] for key in defaults if key in field}, "type": self._as_it_is(field["type"])}
                for field in ours["fields"]
            ]
        return adapted

    def _enum(self, theirs: Tree, where: str) -> Tree:
        symbols = theirs["symbols"]
        if len(set(symbols)) < len(symbols) or not all(SYMBOL.fullmatch(symbol) for symbol in symbols):
            raise Unreadable(f"{where} has symbols that Java's Avro refuses")
        return {"type": "enum", "name": self._name(), "symbols": symbols}

    def _fixed(self, theirs: Tree, where: str) -> Tree:
        if _size(theirs, where) > LARGEST_FIXED:
            raise Unreadable(f"{where} takes {theirs['size']} bytes, more than {LARGEST_FIXED}")
        return {"type": "fixed", "name": self._name(), "size": theirs["size"]}

    def _definition(self, theirs: Tree) -> Tree:
        return self.names.get(theirs, theirs) if isinstance(theirs, str) else theirs

    def _name(self) -> str:
        self.made += 1
        return f"__{self.made}"


def _at(where: str, field: Tree) -> str:
    return str(field["name"]) if where == "the record" else f"{where}.{field['name']}"


def _physical(theirs: Tree) -> str:
    """Return the primitive type whose bytes a type has."""
    return str(theirs if isinstance(theirs, str) else theirs["type"])


def _size(theirs: Tree, where: str) -> int:
    size = theirs["size"]
    if not isinstance(size, int) or not 0 <= size < 2**31:
        raise Unreadable(f"{where} is of {size} bytes")
    return size


def _distinct(branches: list[Tree], where: str) -> list[Tree]:
    """Return a union's branches; raises Unreadable where Java's Avro would refuse it."""
    kinds = {_kind(each) for each in branches if not isinstance(each, list)}
    if not kinds or len(kinds) < len(branches):
        raise Unreadable(f"{where} is a union that has a type twice, or none, or a union in it")
    return branches


def _kind(branch: Tree) -> str:
    """Return what a branch of a union must not share with another: its name, or its type."""
    return str(branch if isinstance(branch, str) else branch.get("name", branch["type"]))
