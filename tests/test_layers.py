"""The architecture, read from the imports: they point down only."""

import ast
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
    {"explaining", "retention"},
    {
        "accounts",
        "confirming",
        "contacts",
        "drafting",
        "exporting",
        "health",
        "importing",
        "indexing",
        "segmenting",
    },
    {"sending"},
    {"tracking"},
    {"audience", "consenting", "rendering", "stats"},
    {"models"},
    {"transports"},
    {
        "catcher",
        "clocks",
        "database",
        "filetypes",
        "links",
        "origin",
        "outgoing",
        "queue",
        "schedules",
        "wiping",
    },
    {"exceptions"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = {
    path: ast.parse(path.read_text())
    for path in sorted(ROOT.rglob("*.py"))
    if "migrations" not in path.parts and path.name != "__init__.py"
}


def place(path: Path) -> str:
    """The layer's name of a file: its first folder, or its own name."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """The places within the project that a file imports."""
    names: set[str] = set()
    parents = path.relative_to(ROOT.parent).with_suffix("").parts[:-1]
    for node in ast.walk(FILES[path]):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            names.update({module} if module != "broadcasts" else {f"broadcasts.{alias.name}" for alias in node.names})
    return {name.split(".")[1] for name in names if name.startswith("broadcasts.")}


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


def test_nothing_is_imported_inside_a_function():
    """An import inside a function is the sign of a cycle."""
    hidden = {
        f"{path.relative_to(ROOT)}:{child.lineno}"
        for path, tree in FILES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(function)
        if isinstance(child, ast.Import | ast.ImportFrom)
    }
    assert hidden == set()


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path, modules: set[str]) -> set[str]:
    """The modules within the project that a file imports, also those it needs for its types alone."""
    parents = path.relative_to(ROOT.parent).parts[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, [base, node.module]))
            found = {f"{source}.{alias.name}" for alias in node.names}
            names.update(found & modules, {source} if found - modules else ())
    return names & modules - {module(path)}


def test_no_modules_import_each_other_in_a_circle():
    paths = {module(path): path for path in ROOT.rglob("*.py") if "migrations" not in path.parts}
    graph = {name: imported_modules(path, set(paths)) for name, path in paths.items()}
    assert len(tuple(TopologicalSorter(graph).static_order())) == len(paths)
