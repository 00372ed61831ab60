"""Reads a tree by its shape and collects every mistake on the way."""

from dataclasses import replace
from typing import Any

from exporter.config.document import Listing, Mapping, Node, Scalar
from exporter.config.kinds import Boolean, Integer, Kind, Nullable, Seconds, Share, Unfit, Unlimited
from exporter.config.problem import Problems, shown, suggestion
from exporter.config.shapes import Field, Item, Listed, Named, Section, Shape, Variants


class _Nothing:
    """Stands for a value that is unfit or was left out."""


NOTHING = _Nothing()


class Walker:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def read(self, node: Node, shape: Shape, path: str) -> Any:
        """The value: an Item for a section, a list for a list; NOTHING where it is unfit or left empty."""
        match shape:
            case Section():
                return self._section(node, shape, path)
            case Named():
                return self._named(node, shape, path)
            case Variants():
                return self._variant(node, shape, path)
            case Listed():
                return self._listed(node, shape, path)
            case _:
                return self._single(node, shape, path)

    def _section(self, node: Node, section: Section, path: str) -> Any:
        mapping = _filled(node)
        if not isinstance(mapping, Mapping):
            return self._refuse(node, path, section.requirement)
        before = len(self._problems.errors)
        item = Item(path, node.position)
        for key, value in mapping.entries:
            self._entry(item, section, key, value)
        self._require(item, section)
        item.sound = len(self._problems.errors) == before
        return item

    def _named(self, node: Node, named: Named, path: str) -> Any:
        mapping = _filled(_every(node, named))
        if not isinstance(mapping, Mapping):
            return self._refuse(node, path, named.requirement)
        if isinstance(node, Mapping) and not node.entries:
            return self._refuse(node, path, named.requirement, "an empty mapping")
        fields = tuple(Field(name, named.section, "") for name in named.names)
        return self._section(mapping, Section(fields), path)

    def _variant(self, node: Node, variants: Variants, path: str) -> Any:
        """Where the type is unknown, nothing can be said of the other keys."""
        mapping = _filled(node)
        if not isinstance(mapping, Mapping):
            return self._refuse(node, path, variants.requirement)
        found = _value(mapping, "type")
        if found is None:
            self._problems.add(node.position, f"{path}.type", f"is missing; must be {variants.types.requirement}")
            return NOTHING
        chosen = self.read(found, variants.types, f"{path}.type")
        return NOTHING if chosen is NOTHING else self._section(node, variants.sections[chosen], path)

    def _listed(self, node: Node, listed: Listed, path: str) -> Any:
        if isinstance(node, Scalar) and node.is_null and not listed.minimum:
            return []
        if not isinstance(node, Listing):
            return self._refuse(node, path, listed.requirement)
        count = len(node.items)
        if count < listed.minimum or (listed.maximum is not None and count > listed.maximum):
            got = f"{count} of them" if count else "an empty list"
            return self._refuse(node, path, listed.requirement, got)
        values = [self.read(item, listed.item, f"{path}[{index}]") for index, item in enumerate(node.items)]
        if listed.ascending:
            self._ascend(node, values, path)
        return [value for value in values if value is not NOTHING]

    def _ascend(self, node: Listing, values: list[Any], path: str) -> None:
        highest = None
        for index, (item, value) in enumerate(zip(node.items, values, strict=True)):
            if value is NOTHING:
                continue
            if highest is not None and value <= highest:
                self._refuse(item, f"{path}[{index}]", f"greater than the one before ({highest:g})", f"{value:g}")
            highest = value

    def _single(self, node: Node, kind: Kind, path: str) -> Any:
        if not isinstance(node, Scalar):
            return self._refuse(node, path, kind.requirement)
        if node.is_null:
            return None if isinstance(kind, Nullable) else self._refuse(node, path, kind.requirement)
        if node.quoted and isinstance(kind, Integer | Seconds | Share | Boolean | Unlimited):
            # Go's YAML, and with it every other exporter, takes quotes to mean a text.
            return self._refuse(node, path, f"{kind.requirement}, without quotes", shown(node.text, quoted=True))
        value = kind.read(node)
        if not isinstance(value, Unfit):
            return value
        got = shown(value.got) if value.got is not None else shown(node.text, quoted=node.quoted)
        return self._refuse(node, path, value.requirement, got + value.hint)

    def _entry(self, item: Item, section: Section, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._problems.add(key.position, item.path, f"must have keys that are plain text, got {_got(key)}")
            return
        path = item.path_of(shown(key.text))
        field = section.find(key.text)
        if key.text in item.keys:
            self._problems.add(key.position, path, f"given twice (first at line {item.keys[key.text].line})")
        elif field is None:
            self._problems.add(key.position, path, _unknown(key, section))
        read = NOTHING if field is None else self.read(value, field.shape, path)
        if key.text in item.keys:
            return
        item.keys[key.text], item.places[key.text] = key.position, value.position
        if read is not NOTHING:
            item.values[key.text] = read

    def _require(self, item: Item, section: Section) -> None:
        for field in section.fields:
            if field.required and field.name not in item.keys:
                message = f"is missing; must be {field.shape.requirement}"
                self._problems.add(item.position, item.path_of(field.name), message)

    def _refuse(self, node: Node, path: str, requirement: str, got: str | None = None) -> _Nothing:
        self._problems.add(node.position, path, f"must be {requirement}, got {got or _got(node)}")
        return NOTHING


def _filled(node: Node) -> Node:
    """A section of which nothing is written counts as empty: often all its keys are commented out."""
    return Mapping(node.position, ()) if isinstance(node, Scalar) and node.is_null else node


def _every(node: Node, named: Named) -> Node:
    """The word for all names, written out."""
    if not isinstance(node, Scalar) or node.text != named.every:
        return node
    empty = Scalar(node.position, "", quoted=False)
    return Mapping(node.position, tuple((replace(empty, text=name), empty) for name in named.names))


def _value(mapping: Mapping, name: str) -> Node | None:
    values = (value for key, value in mapping.entries if isinstance(key, Scalar) and key.text == name)
    return next(values, None)


def _unknown(key: Scalar, section: Section) -> str:
    if key.text == "<<" and not key.quoted:
        return "merge keys are not supported; write the keys out, or use an alias for a whole value"
    return f"unknown key; allowed: {', '.join(section.names)}{suggestion(key.text, section.names)}"


def _got(node: Node) -> str:
    """What stands there in one word. The text itself is not repeated: in place of a section it may be a key."""
    if isinstance(node, Scalar):
        if node.is_null:
            return "null" if node.text else "nothing"
        return "a single value"
    return "a mapping" if isinstance(node, Mapping) else "a list"
