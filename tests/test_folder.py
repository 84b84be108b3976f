"""The installation's own folder: only its user reads it, and Python imports nothing from it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.folder import default_folder, make_private

ROOT = Path(__file__).resolve().parent.parent


def rights(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:03o}"


def wider(folder: Path) -> list[str]:
    """Whatever in a folder the group or others may read, write or enter."""
    return [f"{rights(path)} {path}" for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o077]


def run(*command: str, folder: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Run Python as from an ordinary shell, whose new files everybody may read, on the embedded default."""
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd, env={**env, "DATA_DIR": str(folder)}, umask=0o022, text=True, capture_output=True,
    )  # fmt: skip


def test_a_new_installation_makes_nothing_that_others_can_read(tmp_path):
    folder = tmp_path / "new" / "data"
    done = run("manage.py", "migrate", "-v0", "contenttypes", folder=folder)  # all take as long as hundreds of tests
    assert done.returncode == 0, done.stderr
    assert (folder / "broadcasts.sqlite3").exists()
    assert wider(folder) == []


def test_what_a_web_process_writes_is_its_own(tmp_path):
    code = "import config.wsgi, pathlib, sys; pathlib.Path(sys.argv[1]).touch()"
    done = run("-c", code, str(tmp_path / "file"), folder=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert rights(tmp_path / "file") == "600"


@pytest.mark.parametrize("holds", ["broadcasts.sqlite3", "secret_key.txt", ""])
def test_a_folder_of_ours_that_others_could_read_is_closed(tmp_path, holds):
    folder = tmp_path / "data"
    folder.mkdir()
    if holds:
        (folder / holds).touch()
    folder.chmod(0o755)
    make_private(folder)
    assert rights(folder) == "700"


@pytest.mark.parametrize(("mode", "holds"), [(0o755, "somebody's.txt"), (0o1777, "secret_key.txt")])
def test_a_folder_that_serves_others_too_is_left_alone(tmp_path, mode, holds):
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / holds).touch()
    folder.chmod(mode)
    make_private(folder)
    assert folder.stat().st_mode & 0o7777 == mode


@pytest.mark.parametrize("holds", ["broadcasts.sqlite3", "link_key.txt", "media/x", "imports/x"])
def test_an_earlier_folder_goes_on_being_used_until_it_is_renamed(tmp_path, holds):
    (tmp_path / "var" / holds).parent.mkdir(parents=True)
    (tmp_path / "var" / holds).touch()
    assert default_folder(tmp_path) == tmp_path / "var"
    (tmp_path / "var").rename(tmp_path / "var.data")
    assert default_folder(tmp_path) == tmp_path / "var.data"


IMPORTS = [
    ["-c", "import importlib; importlib.import_module('{folder}.media.evil')"],
    ["-c", "__import__('{folder}.media.evil')"],
    ["-c", "from django.utils.module_loading import import_string; import_string('{folder}.media.evil.ran')"],
    ["-m", "{folder}.media.evil"],
    ["-m", "{folder}"],
]


@pytest.mark.parametrize("command", IMPORTS, ids=lambda command: command[-1])
def test_python_imports_nothing_from_the_default_folder(tmp_path, command):
    """Also not as a namespace package; the same files in a folder without a dot are imported."""
    for folder in (default_folder(tmp_path), tmp_path / "plain"):
        (folder / "media").mkdir(parents=True)
        for name in ("media/evil.py", "__main__.py"):
            (folder / name).write_text("ran = True\nprint('It ran')\n")
    said = {}
    for folder in (default_folder(tmp_path), tmp_path / "plain"):
        words = [word.format(folder=folder.name) for word in command]
        said[folder.name] = run(*words, folder=tmp_path / "data", cwd=tmp_path).stdout.strip()
    assert said == {"var.data": "", "plain": "It ran"}
