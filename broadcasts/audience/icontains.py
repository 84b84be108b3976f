"""A case-insensitive `icontains` lookup that gives the same result on SQLite and PostgreSQL."""

from functools import cache, lru_cache

from django.db.models import lookups


class IContains(lookups.IContains):
    """Django's IContains, in any script on SQLite too: its LIKE ignores case for ASCII only, so GLOB sets are used."""

    def as_sqlite(self, compiler, connection):
        column, params = self.process_lhs(compiler, connection)
        return f"{column} GLOB %s", [*params, _pattern(self.rhs)]


@lru_cache(1000)
def _pattern(part: str) -> str:
    return f"*{''.join(map(_any_case, part))}*"


def _any_case(char: str) -> str:
    same = _cases().get(_upper(char), char)
    return f"[{same}]" if len(same) > 1 or char in "*?[" else char


@cache
def _cases() -> dict[str, str]:
    """Return {capital: letters that differ from it in case only}, as PostgreSQL's UPPER maps them; ß has no capital."""
    found: dict[str, str] = {}
    for char in map(chr, [*range(0xD800), *range(0xE000, 0x20000)]):
        found[_upper(char)] = found.get(_upper(char), "") + char
    return {capital: chars for capital, chars in found.items() if len(chars) > 1}


def _upper(char: str) -> str:
    capital = char.upper()
    return capital if len(capital) == 1 else char
