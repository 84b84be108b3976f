"""Whoever said no to marketing still gets what is general; whoever must not be reached gets nothing."""

import pytest

from broadcasts import consenting
from tests.make import make_broadcast, make_contact

from . import steps


@pytest.fixture
def everybody(club):
    """Who said no to marketing, whose address bounced, who was suppressed by staff, and who said nothing."""
    people = {name: make_contact(club, f"{name}@example.com") for name in ("no", "bounced", "manual", "silent")}
    consenting.withdraw(people["no"], "email", "marketing", source="page", evidence={})
    consenting.suppress(club, "email", "bounced@example.com", "hard_bounce")
    consenting.suppress(club, "email", "manual@example.com", "manual")


@pytest.mark.parametrize(
    ("use_case", "sent"),
    [("marketing", ["silent@example.com"]), ("general", ["no@example.com", "silent@example.com"])],
)
def test_general_passes_a_no_to_marketing_and_never_a_hard_suppression(mail, everybody, server, use_case, sent):
    broadcast = steps.send(make_broadcast(mail, use_case=use_case))
    reached = broadcast.messages.get().deliveries.filter(status="sent")
    assert sorted(reached.values_list("address", flat=True)) == sent
