"""The language of expressions, held against its reference."""

import json
from pathlib import Path

import pytest

from broadcasts.models import Attribute, Channel, Contact, Segment, SegmentMember
from broadcasts.rendering.budget import Budget
from broadcasts.rendering.expressions import Scope, compile_program
from tests.make import make_contact

CASES = json.loads((Path(__file__).parent / "data" / "expressions.json").read_text())["cases"]


@pytest.fixture
def joe(club, sms):
    """The person of the reference."""
    club.time_zone, club.date_format, club.country = "Africa/Kigali", "%d-%m-%Y", "RW"
    club.globals = {"org_name": "TextIt"}
    club.save()
    return club


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["template"])
def test_the_cases_of_the_contract_read_byte_for_byte(render, case):
    assert render(case["template"]) == (case["output"], case["error"])
