"""The expression language, “Hello @contact.name”: parsed and compiled once per template, filled in per recipient.

An expression that fails, or takes more than its share of the copy's budget, is empty; the message is sent all the same.
"""

from .context import Details, ExpressionScope, Person
from .marks import Mark, marks
from .program import Expression, Program, compile_program, whole

__all__ = ["Details", "Expression", "ExpressionScope", "Mark", "Person", "Program", "compile_program", "marks", "whole"]
