"""Translate expressions to Liquid, where Liquid gives the same text for every contact.

What is not exactly the same is refused, with its place and what comes near it. So is everything that `marks` finds: a
wrong expression is mended first. A field of contacts is taken to hold values of its type: numbers, and days such as
2026-01-31.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields as parts_of
from itertools import count

from markupsafe import escape

from broadcasts.models import Attribute, Organization

from .budget import Exceeded
from .expressions import ExpressionScope, compile_program, layouts, marks
from .expressions.compiling import compile_node
from .expressions.functions import FUNCTIONS
from .expressions.marks import DEEP, Mark, mark, tried_out
from .expressions.parser import CallNode, Chain, Literal, Name, Node, Property
from .expressions.program import Expression
from .expressions.running import Failure
from .expressions.scanner import Found

FILTERS = {"text": "", "trim": " | strip", "trim_left": " | lstrip", "trim_right": " | rstrip"}
URNS = {"mailto": "contact.email", "tel": "contact.phone"}
COMPARISONS = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
# Why a function has no filter that gives the same, and what comes near it.
NEAR = {
    "format_date": "only of a field of dates, with a layout of numbers such as DD/MM/YYYY, as the whole expression",
    "format_datetime": "the filter date is in UTC, and has English names",
    **{f"has_{one}": "Liquid tests for letters only" for one in ("phrase", "any_word", "all_words", "only_phrase")},
    "format_number": "no filter writes commas between thousands, or rounds in the same way",
    "join": "Liquid joins the items of a field with the filter join",
    "round": "the filter round rounds halves to the even number",
    "lower": "the filter downcase comes near, and differs for a few letters such as İ",
    "title": "the filter capitalize only changes the first letter",
    "upper": "the filter upcase comes near, but writes ß as SS",
    "url_encode": "the filter url_encode writes a space as + and not as %20",
    "word": "Liquid splits at spaces only; for the first name use {{ contact.first_name }}",
}
PROPERTIES = {
    "first_name": "{{ contact.first_name }} comes near: of “Anne-Marie Diaz” it is Anne-Marie, and here it is Anne",
    "language": "{{ contact.language }} is a code such as en, and here it is eng",
}
CONTACT = "{{ contact.name }} comes near: without a name it is empty, and here it is an address"
TYPES = {
    Attribute.Type.NUMBER: "a number such as 3.0 is 3 here, and 3.0 in Liquid",
    Attribute.Type.DATETIME: "a moment is in the time zone of the organization here, and in UTC in Liquid",
    Attribute.Type.LIST: "a list stands in brackets here, and not in Liquid",
}
OF_THE_ORGANIZATION = frozenset(
    {"date", "datetime", "has_phone", "legacy_add", "time"}
)  # results that depend on its formats
# Names that mean something else in Liquid's paths and conditions.
RESERVED = frozenset(
    ["and", "blank", "contains", "empty", "false", "first", "last", "nil", "not", "null", "or", "size", "true"]
)
DAYS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "M": "%-m", "DD": "%d", "D": "%-d"}  # layouts as the filter date has them
SET = '{0} != nil and {0} != ""'
MISSING = '{0} == nil or {0} == ""'
_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d{0,14}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[^\"'{}%&<>]*[^\"'{}%&<>\s][^\"'{}%&<>]*")  # text that is the same within a tag, and in HTML
_BRACE = re.compile(r"\{(?=[{%]|\Z)")  # what would begin a tag, before what follows too


class Inexact(Exception):
    """A part of an expression that Liquid does not give exactly; `at` is its offset."""

    def __init__(self, node: Node, words: str) -> None:
        super().__init__(words)
        self.at = node.at


def to_liquid(
    organization: Organization, fields: Mapping[str, str], html_fields: Collection[str] = ()
) -> tuple[dict[str, str], dict[str, list[Mark]]]:
    """Return {field: its template in Liquid}, and {field: what cannot be translated, by place}.

    A field is HTML if its name, or the last part of it behind a dot, is "html", or it is one of `html_fields`.
    """
    scope = ExpressionScope(organization)
    written: dict[str, str] = {}
    faults: dict[str, list[Mark]] = {}
    for name, source in fields.items():
        html = name.rpartition(".")[2] == "html" or name in html_fields
        program = compile_program(source)
        parts, found = [], marks(source, program, scope)
        for part in program.parts:
            if isinstance(part, str):
                parts.append(literal(part))
                continue
            try:
                parts.append(_Translation(scope, html).whole(part))
            except RecursionError:
                faults.setdefault(name, []).append(mark(source, part.found.start, DEEP))
            except Inexact as inexact:
                if not found:
                    at = part.found.offset + inexact.at
                    faults.setdefault(name, []).append(mark(source, at, str(inexact)))
        if found:
            faults[name] = found
        written[name] = "".join(parts)
    return written, faults


def literal(text: str) -> str:
    """Return a text as Liquid that gives it."""
    return _BRACE.sub('{{ "{" }}', text)


class _Translation:
    """Translates one expression; Liquid has no functions within conditions, so that values are assigned before."""

    def __init__(self, scope: ExpressionScope, html: bool) -> None:
        self.scope = scope
        self.html = html
        self.numbers = count(1)

    def whole(self, expression: Expression) -> str:
        assert expression.compiled.node is not None  # `marks` has found it otherwise
        return self.output(expression.compiled.node, is_whole=True)

    def output(self, node: Node, *, is_whole: bool = False) -> str:
        """Return Liquid that writes the text of a node.

        is_whole: whether an error of the node leaves the whole expression empty, so that nothing else is written then.
        """
        if (text := self.constant(node)) is not None:
            return self.written(text)
        called, arguments = _called(node)
        if called == "if":
            test, then, otherwise = arguments
            written = self.output(then, is_whole=is_whole), self.output(otherwise, is_whole=is_whole)
            return (self.order(test, *written) if is_whole else "") or self.branches(test, *written)
        if called == "default":
            return self.default(node, *arguments, is_whole=is_whole)
        if is_whole and (day := self.day(node)):
            return f"{{% if {SET.format(day[0])} %}}{day[1]}{{% endif %}}"
        match node:
            case Chain(_, first, rest) if all(sign == "&" for sign, _ in rest):
                return "".join(map(self.output, [first, *(other for _, other in rest)]))
            case Chain(_, _, ((sign, _),)) if sign in COMPARISONS:
                return self.branches(node, "true", "false")
            case Property(_, Name(_, root), scheme) if root.lower() == "urns" and scheme.lower() in URNS:
                path = URNS[scheme.lower()]
                return f"{{% if {SET.format(path)} %}}{scheme.lower()}:{{{{ {path} }}}}{{% endif %}}"
        if called in ("and", "or", "boolean"):
            return self.branches(node, "true", "false")
        if path := self.truth_path(node):
            return f"{{{{ {path} }}}}"
        return f"{{{{ {self.value(node)} }}}}"

    def written(self, text: str) -> str:
        """Return a constant text; white space as a tag, since Liquid leaves out blocks that have nothing else."""
        if text and text.isspace():
            return f'{{{{ "{text}" }}}}'
        return literal(str(escape(text)) if self.html else text)

    def branches(self, test: Node, then: str, otherwise: str) -> str:
        before, _, condition = self.test(test)
        other = f"{{% else %}}{otherwise}" if otherwise else ""
        return f"{before}{{% if {condition} %}}{then}{other}{{% endif %}}"

    def order(self, test: Node, then: str, otherwise: str) -> str:
        """Return the branches of a number that is compared, nothing where it is missing; "" for another test."""
        match test:
            case Chain(_, first, ((sign, other),)) if sign in "<=>=" and sign != "=":
                path, number = self.field(first, Attribute.Type.NUMBER), self.constant(other)
                if path and number and _WHOLE_NUMBER.fullmatch(number):
                    before, name = self.named(f"{path} | plus: 0")
                    other_branch = f"{{% else %}}{otherwise}" if otherwise else ""
                    chosen = f"{{% if {name} {sign} {number} %}}{then}{other_branch}{{% endif %}}"
                    return f"{{% if {SET.format(path)} %}}{before}{chosen}{{% endif %}}"
        return ""

    def day(self, node: Node) -> tuple[str, str] | None:
        """Return the path and Liquid of a formatted field of dates; None for another node."""
        called, arguments = _called(node)
        if called != "format_date" or len(arguments) != 2:
            return None
        path, layout = self.field(arguments[0], Attribute.Type.DATE), self.constant(arguments[1])
        if not path or not layout:
            return None
        try:
            parts = layouts.runs(layout, frozenset(layouts.DATE))
        except Failure:
            return None
        if any(part in layouts.DATE and part not in DAYS for part in parts):
            return None
        return path, f'{{{{ {path} | date: "{"".join(DAYS.get(part, part) for part in parts)}" }}}}'

    def default(self, node: Node, value: Node, other: Node, *, is_whole: bool) -> str:
        if day := self.day(value):
            written = self.output(other, is_whole=is_whole)
            return f"{{% if {SET.format(day[0])} %}}{day[1]}{{% else %}}{written}{{% endif %}}"
        text = self.constant(other)
        if text is not None and _PLAIN.fullmatch(text):
            return f"{{{{ {self.value(node)} }}}}"
        before, name = self.named(self.value(value))
        written = self.output(other, is_whole=is_whole)
        return f"{before}{{% if {MISSING.format(name)} %}}{written}{{% else %}}{{{{ {name} }}}}{{% endif %}}"

    def value(self, node: Node) -> str:
        """Return the path and filters that give the text of a node; raises Inexact."""
        called, arguments = _called(node)
        if called in FUNCTIONS:
            return self.filtered(node, called, arguments)
        if isinstance(node, Property):
            return self.path(node)
        near = f"; {CONTACT}" if _path(node) == "contact" else ""
        raise Inexact(node, f"this has no exact counterpart in Liquid{near}")

    def filtered(self, node: Node, name: str, arguments: Sequence[Node]) -> str:
        first, *rest = arguments or (node,)
        if name in FILTERS and not rest:
            return self.value(first) + FILTERS[name]
        if name == "text_length":
            return f"{self.value(first)} | size"
        if name == "default" and (text := self.constant(rest[0])) and _PLAIN.fullmatch(text):
            return f'{self.value(first)} | default: "{text}"'
        if name == "replace" and len(rest) == 2:
            return f"{self.value(first)} | replace: {self.quoted(rest[0])}, {self.quoted(rest[1])}"
        if name == "text_slice" and (ends := self.ends(rest)):
            value = self.value(first)
            is_set = "|" in value or not value.startswith("contact.attributes.")
            given = "" if is_set else ' | default: ""'  # a slice of nil is one of “None”
            return f"{value}{given} | slice: {ends[0]}, {ends[1]}"
        near = f"; {NEAR[name]}" if name in NEAR else ""
        raise Inexact(node, f"{name} has no exact counterpart in Liquid{near}")

    def path(self, node: Property) -> str:
        """Return the path in Liquid of a text; raises Inexact."""
        path = _path(node)
        if path == "contact.name":
            return path
        root, _, key = path.removeprefix("contact.").partition(".")
        if root == "fields" and (attribute := self.scope.attributes.get(key)):
            if attribute.type not in (Attribute.Type.TEXT, Attribute.Type.DATE) or key in RESERVED:
                why = TYPES.get(Attribute.Type(attribute.type), "its name means something else in Liquid")
                raise Inexact(node, f"{path} is not exactly the same in Liquid: {why}")
            return f"contact.attributes.{key}"
        if root == "globals":
            found = next((own for own in self.scope.globals.properties if own.lower() == key), "")
            is_text = isinstance(self.scope.globals.properties.get(found), str)
            if is_text and _NAME.fullmatch(found) and found.lower() not in RESERVED:
                return f"globals.{found}"
        near = PROPERTIES.get(key or root)
        raise Inexact(node, f"{path or 'this'} is not exactly the same in Liquid{f': {near}' if near else ''}")

    def truth_path(self, node: Node) -> str:
        return self.field(node, Attribute.Type.BOOLEAN)

    def field(self, node: Node, kind: str) -> str:
        """Return the path in Liquid of a field of one type; "" for another node."""
        root, _, key = _path(node).removeprefix("contact.").partition(".")
        attribute = self.scope.attributes.get(key) if root == "fields" else None
        is_one = attribute is not None and attribute.type == kind and key not in RESERVED
        return f"contact.attributes.{key}" if is_one else ""

    def ends(self, nodes: list[Node]) -> tuple[int, int] | None:
        """Return start and length of a slice; None if the same slice is none in Liquid."""
        numbers = [self.constant(one) for one in nodes]
        if len(numbers) > 2 or not all(text and re.fullmatch(r"-?\d{1,6}", text) for text in numbers):
            return None
        start, *end = [int(text) for text in numbers if text]
        if end:
            return (start, end[0] - start) if 0 <= start < end[0] else None
        return (start, abs(start) if start < 0 else 10**6) if start else None

    def quoted(self, node: Node) -> str:
        """Return a constant text as one of Liquid, which knows no escapes; raises Inexact."""
        text = self.constant(node)
        if text is None:
            raise Inexact(node, "Liquid needs a constant text here")
        if re.search(r"[\"{}%]" if not self.html else r"[\"{}%&<>']", text):
            raise Inexact(node, "this text has a character that cannot stand in a text of Liquid")
        return f'"{text}"'

    def named(self, value: str) -> tuple[str, str]:
        """Return what assigns a value to a name, and the name; a path is a name itself."""
        if "|" not in value:
            return "", value
        name = f"value_{next(self.numbers)}"
        return f"{{% assign {name} = {value} %}}", name

    def test(self, node: Node) -> tuple[str, str, str]:
        """Return what is assigned before, how conditions are joined ("and", "or", ""), and the condition."""
        called, arguments = _called(node)
        if called == "boolean":
            return self.test(arguments[0])
        if called in ("and", "or"):
            found = [self.test(one) for one in arguments]
            if any(one not in ("", called) for _, one, _ in found):
                raise Inexact(node, "Liquid has no brackets in conditions")
            return "".join(one[0] for one in found), called, f" {called} ".join(one[2] for one in found)
        match node:
            case Chain(_, first, ((sign, other),)) if sign in COMPARISONS:
                return self.comparison(node, first, sign, other)
        if path := self.truth_path(node):
            return "", "", f"{path} == true"
        if self.constant(node) is not None or isinstance(node, Chain):
            raise Inexact(node, "this has no exact counterpart in a condition of Liquid")
        before, name = self.named(f'{self.value(node)} | default: "false" | downcase')
        return before, "", f'{name} != "false"'

    def comparison(self, node: Node, first: Node, sign: str, other: Node) -> tuple[str, str, str]:
        text = self.constant(other)
        if text is None:
            raise Inexact(other, "Liquid needs a constant text or number here")
        if path := self.truth_path(first):
            if sign in ("=", "!=") and text in ("true", "false"):
                return "", "", f"{path} {COMPARISONS[sign]} {text}"
            raise Inexact(other, "Liquid needs true or false here")
        if path := self.field(first, Attribute.Type.NUMBER):
            return self.number_comparison(other, path, sign, text)
        value = self.value(first)
        before, name = self.named(value)
        if value.endswith("| size"):
            if not isinstance(other, Literal) or not re.fullmatch(r"\d{1,9}", text):
                raise Inexact(other, "Liquid needs a whole number here")
            return before, "", f"{name} {COMPARISONS[sign]} {text}"
        if sign not in ("=", "!="):
            raise Inexact(node, "Liquid compares texts in another way")
        if text:
            return before, "", f"{name} {COMPARISONS[sign]} {self.quoted(other)}"
        kind = "or" if sign == "=" else "and"
        return before, kind, f'{name} {COMPARISONS[sign]} nil {kind} {name} {COMPARISONS[sign]} ""'

    def number_comparison(self, other: Node, path: str, sign: str, text: str) -> tuple[str, str, str]:
        """Compare a field of numbers for equality; one that is missing is equal to no number."""
        if sign not in ("=", "!="):
            raise Inexact(other, "where the number is missing this is empty; it must be the whole test of a whole “if”")
        if not _WHOLE_NUMBER.fullmatch(text):
            raise Inexact(other, "Liquid needs a whole number here")
        before, name = self.named(f"{path} | plus: 0")
        if sign == "=":
            return before, "and", f"{SET.format(path)} and {name} == {text}"
        return before, "or", f"{MISSING.format(path)} or {name} != {text}"

    def constant(self, node: Node) -> str | None:
        """Return the text of what is the same for everybody at all times; None for all else."""
        names = {one.text.lower() for one in _walk(node) if isinstance(one, Name)}
        if not names <= STEADY:
            return None
        compiled = compile_node(node)
        if not compiled.is_constant:
            return None
        try:
            text, error = tried_out(Expression(Found("", 0, "", 0), compiled), self.scope)
        except Exceeded:
            raise Inexact(node, "there is too much before this to try it out; translate it by itself") from None
        if error:
            raise Inexact(node, f"this is empty: {error}")
        return text


def _walk(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it."""
    left: list[object] = [node]
    while left:
        one = left.pop()
        if isinstance(one, Node):
            yield one
            left += [getattr(one, part.name) for part in parts_of(one)]
        elif isinstance(one, tuple):
            left += one


def _called(node: Node) -> tuple[str, tuple[Node, ...]]:
    """Return the name of the function that a node calls, and the arguments; "" for another node."""
    if isinstance(node, CallNode) and isinstance(node.function, Name):
        return node.function.text.lower(), node.arguments
    return "", ()


def _path(node: Node) -> str:
    """Return the path of properties in small letters; "" for another node."""
    if isinstance(node, Name):
        return node.text.lower()
    if isinstance(node, Property) and (above := _path(node.of)):
        return f"{above}.{node.name.lower()}"
    return ""


# Functions whose results for constants depend on nothing that can change.
STEADY = frozenset(
    name
    for name, function in FUNCTIONS.items()
    if name not in OF_THE_ORGANIZATION and function.body.__module__.rpartition(".")[2] not in ("dates", "formats")
)
