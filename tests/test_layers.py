"""The architecture, read from the imports: they point down only."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "broadcasts"

# From the top down; modules on one line do not import each other.
LAYERS = [
    {"urls", "apps", "middleware"},
    {"dialects"},
    {"api", "admin", "public", "management"},
    {"processes", "web"},
    {"tasks"},
    {"checking", "explaining", "fetching", "retention", "starting", "translating"},
    {
        "accounts",
        "archiving",
        "chains",
        "comparing",
        "confirming",
        "contacts",
        "drafting",
        "editing",
        "exporting",
        "health",
        "importing",
        "indexing",
        "previewing",
        "pricing",
        "receiving",
        "segmenting",
        "telling",
        "uploading",
    },
    {"gauging", "inspecting", "reporting", "rotating", "syncing"},
    {"sending"},
    {"tracking"},
    {"designing"},
    {"rendering"},
    {"audience", "consenting", "stats", "tallying", "throttling", "versioning"},
    {"noting"},
    {"models"},
    {"transports"},
    {"json_field"},
    {
        "catcher",
        "clocks",
        "database",
        "exposure",
        "filetypes",
        "languages",
        "links",
        "mediums",
        "origin",
        "pictures",
        "queue",
        "schedules",
        "septets",
        "templatetags",
        "wiping",
    },
    {"apis", "exceptions", "formats", "outgoing"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = [path for path in sorted(ROOT.rglob("*.py")) if "migrations" not in path.parts and path != ROOT / "__init__.py"]


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file when a test asks for it: every worker imports this module, and one of them runs it."""
    return ast.parse(path.read_text())


def place(path: Path) -> str:
    """The layer's name of a file: its first folder, or its own name."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in FILES}


def named(path: Path) -> set[str]:
    """What a file imports, those imports included that only the type checker reads: `from a import b` as `a.b`."""
    names: set[str] = set()
    parents = path.relative_to(ROOT.parent).parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            names.update(".".join(filter(None, [base, node.module, alias.name])) for alias in node.names)
    return {name for name in names if name.startswith("broadcasts.")}


def imported(path: Path) -> set[str]:
    """The places within the project that a file imports."""
    return {name.split(".")[1] for name in named(path)}


def modules_of(path: Path) -> set[str]:
    """The modules within the project that a file imports: of a package that a name stands in, its own."""
    found = (next(one for one in (name, name.rpartition(".")[0]) if one in MODULES) for name in named(path))
    return set(found) - {module(path)}


def test_every_module_has_a_place_in_the_layers():
    assert {place(path) for path in FILES} <= set(LEVEL)


def test_imports_point_down_only():
    wrong = [
        f"{path.relative_to(ROOT)} must not import {name}"
        for path in FILES
        for name in sorted(imported(path) - {place(path)})
        if LEVEL[name] <= LEVEL[place(path)]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle():
    """Also not within a package, nor for the type checker alone."""
    TopologicalSorter({module(path): modules_of(path) for path in FILES}).prepare()


def test_the_application_itself_is_no_module_to_import_from():
    assert (ROOT / "__init__.py").read_text() == ""


def test_nothing_is_imported_inside_a_function():
    """An import inside a function is the sign of a cycle."""
    hidden = {
        f"{path.relative_to(ROOT)}:{child.lineno}"
        for path in FILES
        for function in ast.walk(tree(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(function)
        if isinstance(child, ast.Import | ast.ImportFrom)
    }
    assert hidden == set()
