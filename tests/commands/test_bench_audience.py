"""Measuring the audience: the population, what is refused, and one whole run at a small size."""

import json

import pytest
from django.core.management import CommandError, call_command

from broadcasts.audience import compile_query
from broadcasts.management.benchmarks import audience, population
from broadcasts.models import Attendance, Consent, Contact, Delivery, Segment, Suppression

from .test_bench import left_nothing


def test_the_population_has_all_that_rules_ask_about(club, mail):
    population.fill(club, mail, 1000)
    assert (Contact.objects.count(), Attendance.objects.count(), Delivery.objects.count()) == (1000, 3000, 2000)
    assert (Consent.objects.count(), Suppression.objects.count()) == (300, 18)
    assert {name: club.segments.get(name=name).members.count() for name in ("Left", "Friends")} == {
        "Left": 50,
        "Friends": 200,
    }
    one = Contact.objects.filter(attributes__plan="gold").first()
    assert len(one.attributes) == 20
    assert dict(club.attributes.values_list("key", "type")) == {
        key: type_ for key, (type_, _) in population.ATTRIBUTES.items()
    }
    Segment.objects.all().delete()
    for query in (audience.three_levels(), {"attributes__doctor": "Dr. 13"}, {"attributes__member": True}):
        assert compile_query(query, club, of_all=True).count() > 0
        assert set(compile_query(query, club, of_all=True)) == set(compile_query(query, club))


def test_a_figure_says_whether_its_target_was_reached():
    assert audience.Figure("count", 49, 50).row()[:4] == ("count", "49 ms", "ok", "<= 50")
    assert audience.Figure("import", 9_000, 10_000, unit="rows/s", at_least=True).row()[2] == "no"


def test_so_many_contacts_are_refused(command):
    with pytest.raises(CommandError, match="not a multiple of a thousand"):
        call_command("bench", "audience", "--contacts", "1500")


@pytest.mark.story
def test_a_run_tells_each_figure_and_leaves_nothing(installation):
    printed = installation.run("bench", "audience", "--contacts", "1000", "--explain", "--json")
    document = json.loads(printed[printed.index("{\n") :])
    assert len(document["figures"]) == 9
    assert all(figure["value"] >= 0 for figure in document["figures"])
    assert document["figures"][0]["plan"]
    left_nothing(installation)
