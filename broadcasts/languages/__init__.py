"""Languages: their tags (BCP 47), their names, and which of those on offer a person reads; plain values only."""

from .names import LANGUAGES, language_name, own_language_name, read_language, written_language
from .tags import SCRIPTS, TRADITIONAL, choose_language, code_of, family, nearest_language, normalize_language, script

__all__ = [
    "LANGUAGES",
    "SCRIPTS",
    "TRADITIONAL",
    "choose_language",
    "code_of",
    "family",
    "language_name",
    "nearest_language",
    "normalize_language",
    "own_language_name",
    "read_language",
    "script",
    "written_language",
]
