"""The functions of expressions, by kind; the modules register them."""

from . import arrays, dates, flows, formats, logic, numbers, texts, words
from .formats import shown_urn
from .registry import FUNCTIONS
from .words import first_word

MODULES = (arrays, dates, flows, formats, logic, numbers, texts, words)

__all__ = ["FUNCTIONS", "MODULES", "first_word", "shown_urn"]
