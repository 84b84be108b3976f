"""A template with expressions, compiled once and filled in for each recipient."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from ..budget import Budget, Exceeded
from .compiling import Compiled, compile_source, unparsed
from .context import Person
from .parser import LONGEST
from .running import TOO_COMPLEX, Evaluation, Failure
from .scanner import Found, scan
from .values import to_text

MOST_EXPRESSIONS = 2_500  # of one field; the rest of them are empty
LONGEST_TOGETHER = 100_000  # characters


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a template."""

    found: Found
    compiled: Compiled

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for all recipients of a message."""
        return self.compiled.is_constant

    @property
    def is_steady(self) -> bool:
        """Whether it gives the same each time for one recipient."""
        return self.compiled.is_steady

    def result(self, person: Person, budget: Budget, *, html: bool = False) -> tuple[str, str]:
        """Return its text for a recipient, and the error that made it empty, if one did; raises nothing.

        html: whether the text is escaped.
        """
        compiled = self.compiled
        if compiled.failure is not None:
            return "", compiled.failure.reason
        try:
            if compiled.read is not None and type(value := compiled.read(person)) is str:
                text = value
            else:
                text = _evaluated(compiled, person, budget)
            text = str(escape(whole(text))) if html else whole(text)
        except Failure as failure:
            return "", failure.reason
        except (Exceeded, RecursionError):
            return "", TOO_COMPLEX
        except Exception as error:  # a fault of ours: the message is sent all the same
            return "", f"unexpected {type(error).__name__}: {error}"
        return (text, "") if _fits(text, budget) else ("", TOO_COMPLEX)


def _fits(text: str, budget: Budget) -> bool:
    """Charge an output to the budget, if there is room for it."""
    size = len(text) if text.isascii() else len(text.encode())
    if size > budget.room:
        return False
    budget.room -= size
    return True


def whole(text: str) -> str:
    """Return a text without halves of surrogate pairs."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _evaluated(compiled: Compiled, person: Person, budget: Budget) -> str:
    run = Evaluation(person, person.scope.places, budget)
    try:
        return to_text(run, compiled.evaluate(run))
    finally:
        run.close()


@dataclass(frozen=True, slots=True)
class Program:
    """The literal texts and expressions of a template, in their order."""

    parts: Sequence[str | Expression]
    html: bool = False  # whether the texts of expressions are escaped

    @property
    def expressions(self) -> list[Expression]:
        return [part for part in self.parts if not isinstance(part, str)]

    @property
    def uses(self) -> frozenset[str]:
        """The properties of contacts that its expressions use."""
        return frozenset().union(*(one.compiled.uses for one in self.expressions))

    def render(self, person: Person, budget: Budget) -> str:
        return "".join([part if isinstance(part, str) else self.fill(part, person, budget) for part in self.parts])

    def fill(self, expression: Expression, person: Person, budget: Budget) -> str:
        """Return the text of an expression; one that gives the same each time is evaluated once for a person."""
        key = self.html, expression.found.inner
        if (known := person.texts.get(key)) is not None:
            return known if _fits(known, budget) else ""
        text = expression.result(person, budget, html=self.html)[0]
        if expression.is_steady:
            person.texts[key] = text
        return text

    def written(self, text: str) -> str:
        """Return a text as it stands in this field."""
        return str(escape(text)) if self.html else text


TOO_MUCH = unparsed(Failure(TOO_COMPLEX))


def compile_program(template: str, *, html: bool = False) -> Program:
    """Compile a template; wrong expressions in it are empty."""
    known: dict[str, Compiled] = {}
    parts: list[str | Expression] = []
    left = LONGEST_TOGETHER
    for part in scan(template.replace("\0", "")):
        if isinstance(part, str):
            parts.append(part)
            continue
        if part.inner not in known:
            if len(part.inner) > min(LONGEST, left) or len(known) >= MOST_EXPRESSIONS:
                parts.append(Expression(part, TOO_MUCH))
                continue
            left -= len(part.inner)
            known[part.inner] = compile_source(part.inner)
        parts.append(Expression(part, known[part.inner]))
    return Program(parts, html)
