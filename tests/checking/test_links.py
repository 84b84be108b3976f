"""The lines about links, of what is known about them."""

import pytest
from django.utils import timezone

from broadcasts.checking.links import address_fault, is_example
from broadcasts.links import digest_of
from broadcasts.models import LinkCheck
from tests.make import make_broadcast

from .asked import details, level, line

pytestmark = pytest.mark.usefixtures("joe")
A, B = "https://club.org/a", "https://club.org/b"


def answered(club, address, fault="", status=200):
    LinkCheck.objects.create(
        organization=club,
        address=address,
        digest=digest_of(address),
        status_code=status,
        fault=fault,
        checked_at=timezone.now(),
    )


def test_without_links_there_is_nothing_to_check(mail):
    assert line(make_broadcast(mail), "links").words == "There are no links to check."


def test_links_are_being_checked_until_all_have_answered(mail, club):
    answered(club, A)
    found = line(make_broadcast(mail, body=f"{A} {B}"), "links")
    assert (found.level, found.is_pending, "1 of 2" in found.words) == ("warning", True, True)


def test_how_many_have_answered_does_not_change_what_was_accepted(mail, club):
    broadcast = make_broadcast(mail, body=f"{A} {B}")
    before = line(broadcast, "links").digest
    answered_before = LinkCheck.objects.filter(address=A)
    answered_before.update(checked_at=timezone.now(), status_code=200)
    assert line(broadcast, "links").digest == before


def test_links_that_answer_are_fine(mail, club):
    answered(club, A)
    answered(club, B)
    assert line(make_broadcast(mail, body=f"{A} {B}"), "links").words == "All 2 links answer."


def test_a_link_that_does_not_answer_is_warned_of_where_it_stands(mail, club):
    answered(club, A, "There is no such page.", 404)
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Hola", "html": f'<a href="{A}">Hola</a>'}})
    found = line(broadcast, "links")
    assert (found.level, found.language) == ("warning", "es")
    assert details(broadcast, "links") == [f"Spanish: {A}: There is no such page."]


def test_another_fault_is_not_what_was_accepted(mail, club):
    answered(club, A, "There is no such page.", 404)
    broadcast = make_broadcast(mail, body=A)
    before = line(broadcast, "links").digest
    LinkCheck.objects.update(fault="The server answered 500.")
    assert line(broadcast, "links").digest != before


def test_a_site_that_turns_programs_away_is_fine_and_named(mail, club):
    answered(club, A, status=403)
    found = line(make_broadcast(mail, body=A), "links")
    assert (found.level, "turns programs away" in found.detail[0].words) == ("ok", True)


def test_personal_links_are_not_asked_for(mail):
    broadcast = make_broadcast(mail, body="https://club.org/{{ contact.email }}")
    assert line(broadcast, "links").words == "There are no links to check. Personal links are not followed."
    assert not LinkCheck.objects.exists()


def test_links_to_this_server_are_not_asked_for(mail, settings):
    assert level(make_broadcast(mail, body=f"{settings.BASE_URL}/library/x"), "links") == "ok"
    assert not LinkCheck.objects.exists()


def test_no_more_than_a_hundred_links_are_asked_for(mail, club):
    for n in range(100):
        answered(club, f"https://club.org/{n}")
    body = " ".join(f"https://club.org/{n}" for n in range(103))
    words = line(make_broadcast(mail, body=body), "links").words
    assert words == "The first 100 links answer; 3 more were not checked."
    assert LinkCheck.objects.count() == 100


def test_example_links_of_a_design_are_warned_of_without_asking(mail):
    broadcast = make_broadcast(mail, html='<a href="https://example.org/">Read</a>')
    assert details(broadcast, "example_links") == ["English: https://example.org/"]
    assert (level(broadcast, "links"), LinkCheck.objects.count()) == (None, 0)


def test_without_example_links_nothing_is_told(mail):
    assert level(make_broadcast(mail, body=A), "example_links") is None


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://example.org/x", True),
        ("https://www.example.com", True),
        ("http://club.test/", True),
        ("http://localhost:8000/", True),
        ("https://example.org.club.org/", False),
        ("https://myexample.org/", False),
        ("http://[", False),
    ],
)
def test_reserved_domains_are_examples(address, is_one):
    assert is_example(address) is is_one


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://club.org", ""),
        ("mailto:a@club.org", ""),
        ("tel:+34600000001", ""),
        ("#top", ""),
        ("", "no address"),
        ("#", "no address"),
        ("club.org/pool", "no whole address"),
        ("/pool", "no whole address"),
        ("javascript:alert(1)", "javascript:"),
        ("Java\nScript:alert(1)", "javascript:"),
        ("data:text/html,x", "data:"),
    ],
)
def test_mail_programs_open_whole_addresses_of_few_schemes(address, words):
    found = address_fault(address)
    assert words in found if words else found == ""


def test_a_link_that_mail_programs_do_not_open_is_warned_of(mail):
    broadcast = make_broadcast(mail, html='<a href="javascript:alert(1)">Go</a><a href="">Here</a>')
    assert details(broadcast, "link_addresses") == [
        "English: “Go” leads to an address with javascript:",
        "English: “Here” has no address",
    ]


def test_an_address_of_more_than_2000_characters_is_warned_of_and_not_asked_for(mail):
    broadcast = make_broadcast(mail, body=f"https://club.org/{'a' * 2000}")
    assert level(broadcast, "link_addresses") == "warning"
    assert not LinkCheck.objects.exists()


def test_whole_addresses_are_fine(mail):
    assert level(make_broadcast(mail, html=f'<a href="{A}">Go</a>'), "link_addresses") == "ok"
