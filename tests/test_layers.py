"""The architecture, read from the imports: they point down only."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "broadcasts"

# From the top down; modules on one line do not import each other.
LAYERS = [
    {"urls", "apps", "middleware"},
    {"dialects"},
    {"api", "admin", "public", "management"},
    {"tasks", "supervising", "web"},
    {"explaining"},
    {"importing", "exporting", "erasing", "merging", "drafting", "health", "retention", "indexing", "confirming"},
    {"accounts", "deleting", "forgetting"},
    {"sending", "segmenting"},
    {"tracking"},
    {"consenting"},
    {"audience", "rendering", "stats"},
    {"links", "schedules"},
    {"models"},
    {"transports", "catcher", "clocks", "database", "filetypes", "languages", "origin", "wiping"},
    {"exceptions", "outgoing"},
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
