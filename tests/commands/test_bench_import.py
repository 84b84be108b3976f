"""Measuring imports: the file, the output, and one whole run at a small size."""

import json
from dataclasses import replace

import pytest
from django.core.management import CommandError

from broadcasts.management.benchmarks import imports
from broadcasts.models import ImportJob

from .test_bench import left_nothing

RUN = imports.ImportRun(
    label="new", rows=1000, seconds=0.05, cpu_seconds=0.04, database_cpu_seconds=0.02, others_share=0.01,
    peak=80_000_000, more=15_000_000,
)  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 7, 10, 1000])
def test_the_other_order_has_everybody_once(n):
    assert sorted(imports.shuffled(n)) == [*range(n)]


def test_an_edition_says_something_new_of_every_fifth():
    changed = [i for i in range(100) if imports.cells(i, 1) != imports.cells(i, 2)]
    assert changed == [*range(0, 100, 5)]
    assert all(len(imports.cells(i, 0)) == len(imports.HEADER) for i in range(100))


def test_the_figures_are_told_beside_the_targets():
    told = imports.table([RUN, replace(RUN, label="again", seconds=0.2, database_cpu_seconds=None)])
    assert "20,000 aim" in told and "5,000 no" in told and "40.0" in told and "15.0 ok" in told
    assert "NOT VALID" not in told
    assert "NOT VALID" in imports.table([replace(RUN, others_share=0.2)])


def test_an_import_that_did_something_else_is_no_run():
    with pytest.raises(CommandError, match=r"\(1, 0, 0\), not \(2, 0, 0\)"):
        imports.check(ImportJob(created_count=1), (2, 0, 0))


@pytest.mark.story
def test_a_run_tells_three_imports_and_leaves_nothing(installation):
    printed = installation.run("bench", "import", "--contacts", "1000", "--json")
    document = json.loads(printed[printed.index("{\n") :])
    assert [run["label"] for run in document["runs"]] == ["new", "a fifth changed", "another order"]
    assert all(run["rate"] > 0 and run["rows"] == 1000 for run in document["runs"])
    left_nothing(installation)
