"""Which merge fields content needs a value of, and how many recipients lack one.

A field with a default needs none, nor does one that a condition or loop around it asks for. What is named in a design
counts too, since the HTML is made of it. In text that is assigned to a name, the field itself counts.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import fields as parts_of
from typing import Any

from liquid.ast import ConditionalBlockNode
from liquid.ast import Node as LiquidNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression as LiquidExpression

from broadcasts import audience
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute, Broadcast, Message, Template

from .content import TEMPLATED
from .expressions.parser import CallNode, Literal, Name, Node, Property
from .extras import extra_texts
from .names import VALUES
from .templates import CompiledTemplate, compile_template

ASKING = (IfNode, UnlessNode, CaseNode, ForNode, ConditionalBlockNode)
URNS = {"urns.mailto": "contact.email", "urns.tel": "contact.phone"}


@dataclass(frozen=True)
class LackingField:
    """A merge field that content needs a value of."""

    name: str  # as Liquid writes it, and the condition `lacks` takes it
    label: str
    count: int  # of recipients without a value
    places: list[str]  # such as en.subject


def needed_fields(owner: Message | Template) -> dict[str, list[str]]:
    """Return {merge field: places} that a message or template needs a value of, in all its languages."""
    found: dict[str, list[str]] = {}
    message = owner if isinstance(owner, Message) else None
    for content in owner.translations.all():
        sources = {name: source for name in TEMPLATED if (source := getattr(content, name))}
        with suppress(InvalidInput):  # which saving tells
            sources |= extra_texts(message, content)
        for place, source in sources.items():
            try:
                template = compile_template(place, source, owner.syntax, html=place == "html")
            except InvalidInput:
                continue
            for name in dict.fromkeys(_needed(template)):
                found.setdefault(name, []).append(f"{content.language}.{place}")
    return found


def lacking(broadcast: Broadcast) -> tuple[int, list[LackingField]]:
    """Return how many recipients a broadcast has, and how many of them lack a value of each field that it needs.

    Before its start these are the recipients it would have now. The contacts are counted in one query, however many
    fields there are; the condition `lacks` lists the same ones. Raises InvalidInput as audiences do.
    """
    organization = broadcast.organization
    labels = audience.merge_field_labels(Attribute.objects.for_organization(organization))
    found: dict[str, list[str]] = {}
    for message in broadcast.messages.select_related("channel", "template").prefetch_related("translations"):
        for name, places in needed_fields(message).items():
            found.setdefault(name, []).extend(places)
    needed = {name: list(dict.fromkeys(places)) for name, places in found.items() if name in labels}
    people = audience.compile_query({"recipient_of": str(broadcast.uuid)}, organization, of_all=True)
    total, counts = audience.count_lacking(people, needed, organization)
    return total, [LackingField(name, labels[name], counts[name], places) for name, places in needed.items()]


def _needed(template: CompiledTemplate) -> Iterator[str]:
    for part in template.in_liquid():
        yield from _in_liquid(part.liquid.nodes if part.liquid else (), frozenset())
    for one in template.program.expressions if template.program else ():
        if one.compiled.node is not None:
            yield from _in_expression(one.compiled.node, frozenset())


def _in_liquid(nodes: Iterable[LiquidNode], asked: frozenset[str]) -> Iterator[str]:
    for node in nodes:
        inside = asked
        if isinstance(node, ASKING):
            inside |= {name for expression in node.expressions() for name in _paths(expression)}
        else:
            yield from (name for expression in node.expressions() for name in _shown(expression) if name not in asked)
        yield from _in_liquid(node.children(None), inside)  # type: ignore[arg-type]


def _paths(expression: LiquidExpression) -> Iterator[str]:
    """Yield all fields that an expression names."""
    if isinstance(expression, Path):
        yield from _field(expression)
    for child in expression.children():
        yield from _paths(child)


def _shown(expression: LiquidExpression) -> Iterator[str]:
    """Yield the fields that an expression shows and has no default for."""
    if not isinstance(expression, FilteredExpression):
        yield from _paths(expression)
        return
    for one in expression.filters or ():
        if one.name == "default" and one.args and str(getattr(one.args[0].value, "value", "x")).strip():
            return
    yield from _paths(expression.left)


def _field(path: Path) -> Iterator[str]:
    root, *rest = path.path
    if root == "contact" and rest and isinstance(rest[0], str):
        name, *more = rest
        if name == "attributes" and more and isinstance(more[0], str):
            yield f"contact.attributes.{more[0]}"
        elif name in VALUES:
            yield f"contact.{'name' if name == 'full_name' else name}"
        elif name != "attributes":
            yield f"contact.attributes.{name}"


def _in_expression(node: Node, asked: frozenset[str]) -> Iterator[str]:
    if name := _named(node):
        yield from () if name in asked else (name,)
        return
    if isinstance(node, CallNode) and isinstance(node.function, Name):
        called, arguments = node.function.text.lower(), node.arguments
        if called == "default" and len(arguments) > 1:
            other = arguments[1]
            has_default = not isinstance(other, Literal) or str(other.value or "").strip()
            yield from () if has_default else _in_expression(arguments[0], asked)
            return
        if called == "if" and arguments:
            asked |= frozenset(_in_expression(arguments[0], frozenset()))
            for one in arguments[1:]:
                yield from _in_expression(one, asked)
            return
    for child in _children(node):
        yield from _in_expression(child, asked)


def _children(node: Node) -> Iterator[Node]:
    waiting: list[Any] = [getattr(node, part.name) for part in parts_of(node)]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, Node):
            yield one
        elif isinstance(one, tuple):
            waiting += one


def _named(node: Node) -> str:
    """Return the field that a node of an expression names; "" for none."""
    words: list[str] = []
    while isinstance(node, Property):
        words.insert(0, node.name.lower())
        node = node.of
    if not words or not isinstance(node, Name):
        return ""
    path = f"{node.text.lower()}.{'.'.join(words)}".removeprefix("contact.")
    if path.startswith("fields."):
        return f"contact.attributes.{path.removeprefix('fields.')}"
    if path in URNS:
        return URNS[path]
    return f"contact.{path}" if node.text.lower() == "contact" and path in VALUES else ""
