"""Addresses that imports take and tell about."""

import pytest

from broadcasts import importing
from broadcasts.importing.doubts import doubt_of

from .conftest import go

FILE = "mail\ninfo@club.example\nann@club.example\nSales+x@club.example\nbob@mailinator.com\nbad\n"


@pytest.mark.parametrize(
    ("address", "doubt"),
    [
        ("info@club.example", "role"),
        ("info+news@club.example", "role"),
        ("ann@mailinator.com", "disposable"),
        ("ann@x.mailinator.com", "disposable"),
        ("info@mailinator.com", "role"),
        ("informed@club.example", ""),
        ("ann@gmail.com", ""),
        ("", ""),
    ],
)
def test_what_is_doubtful_about_an_address(address, doubt):
    assert doubt_of(address) == doubt


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_import_tells_them_with_their_lines(begin, small, dry_run):
    job = go(begin(FILE, dry_run=dry_run))
    assert job.warnings == {"role": {"count": 2, "lines": [2, 4]}, "disposable": {"count": 1, "lines": [5]}}
    assert [words.partition(":")[0] for words in importing.doubts_of(job)] == [
        "2 addresses of tasks, such as info@",
        "1 address of a service for addresses that are thrown away",
    ]


def test_of_many_the_first_lines_are_told(begin, small):
    job = go(begin("mail\n" + "".join(f"info@club{n}.example\n" for n in range(20))))
    assert (job.warnings["role"]["count"], job.warnings["role"]["lines"]) == (20, list(range(2, 12)))
    assert importing.doubts_of(job)[0].endswith("11, …).")


def test_an_import_without_them_tells_nothing(begin, small):
    assert importing.doubts_of(go(begin())) == []
