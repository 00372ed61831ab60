"""HTML made of nested calls. Text is escaped where it enters; only what `element` made is taken as it is."""

from html import escape

_VOID = frozenset(("input", "link", "meta"))


class Markup(str):
    """HTML that is finished."""

    __slots__ = ()


Child = str | Markup | None


def element(tag: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """`class_` is class, `for_` is for. True gives an attribute without a value; None and False leave it out."""
    shown = "".join(_attribute(name, value) for name, value in attributes.items())
    opened = f"<{tag}{shown}>"
    return Markup(opened if tag in _VOID else f"{opened}{join(*children)}</{tag}>")


def join(*children: Child) -> Markup:
    return Markup("".join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Markup) else escape(child)


def _attribute(name: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
