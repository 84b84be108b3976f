"""What recipients get of a message whose opens and clicks are measured."""

import re

import pytest

from broadcasts import links, sending
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Link
from broadcasts.rendering import Recipient, Tracking, compile_message, preview
from tests.make import make_broadcast, make_contact

HTML = (
    '<body><a href="https://club.example/">Home</a> '
    '<a href="https://club.example/?m={{ contact.external_id }}">Yours</a> '
    '<a href="https://club.example/">Home</a> <a href="{{ unsubscribe_url }}">Leave</a></body>'
)
TOKEN = links.delivery_token(7)


@pytest.fixture
def started(mail, club):
    """Start a broadcast to one person, whose channel measures, and return its message."""
    mail.track_opens = mail.track_clicks = True
    mail.save()
    make_contact(club, external_id="M7")

    def start(**given):
        values = {"body": "Hi", "html": HTML, **given}
        broadcast = make_broadcast(mail, **values)
        sending.send(broadcast)
        return broadcast.messages.get()

    return start


def copy_of(message, contact=None):
    """Return the rendered fields of a copy, by the reference."""
    compiled = compile_message(message, Tracking.of(message))
    contact = contact or message.broadcast.organization.contacts.get()
    recipient = Recipient(TOKEN, contact.email, "en", contact)
    return compiled.render(recipient, tracked=compiled.tracks(recipient))


def test_equal_addresses_are_one_link_and_a_personal_one_is_its_source(started):
    message = started()
    urls = ["https://club.example/", "https://club.example/?m={{ contact.external_id }}"]
    assert list(message.links.order_by("id").values_list("url", flat=True)) == urls
    assert (message.track_opens, message.track_clicks) == (True, True)


def test_links_lead_on_by_their_rows_and_the_one_to_unsubscribe_stays(started):
    message = started()
    home, yours = message.links.order_by("id")
    key = links.copy_key(TOKEN, message.pk)
    hrefs = re.findall(r'href="([^"]*)"', copy_of(message).html)
    assert hrefs[0] == hrefs[2] == f"http://localhost:8000/t/{key}/{home.pk}/"
    assert hrefs[3:] == [links.unsubscribe_url(TOKEN), f"http://localhost:8000/h/{TOKEN}/"]
    sealed = hrefs[1].removeprefix(f"http://localhost:8000/t/{key}/{yours.pk}/").rstrip("/")
    assert links.unseal(sealed, key, yours.pk) == "https://club.example/?m=M7"


def test_the_picture_is_before_the_end_of_the_body(started):
    html = copy_of(started()).html
    picture = f'<img src="http://localhost:8000/o/{TOKEN}.gif" alt="" width="1" height="1"'
    assert html.count("<img") == 1 and 0 < html.index(picture) < html.index("</body>")


def test_addresses_have_the_tracking_domain_of_the_organization(started, club):
    club.tracking_domain = "go.club.example"
    club.save()
    html = copy_of(started()).html
    assert html.count("https://go.club.example/") == 5 and "localhost:8000/t/" not in html


def test_who_asked_not_to_be_measured_gets_the_addresses_themselves(started, club):
    message = started()
    contact = club.contacts.get()
    contact.no_tracking = True
    html = copy_of(message, contact).html
    assert 'href="https://club.example/?m=M7"' in html
    assert "/t/" not in html and "<img" not in html


def test_a_preview_shows_the_addresses_themselves(started, club):
    html = preview(started(), club.contacts.get()).html
    assert 'href="https://club.example/?m=M7"' in html and "<img" not in html


def test_the_text_of_html_shows_the_addresses_themselves(started):
    text = copy_of(started(body="")).text
    assert "Home (https://club.example/)" in text and "/t/" not in text


def test_links_of_a_mail_without_html_are_tracked_in_its_text(started):
    message = started(html="", body="See https://club.example/a, please.\n{{ unsubscribe_url }}")
    address = links.tracked_url("http://localhost:8000", links.copy_key(TOKEN, message.pk), message.links.get().pk)
    assert copy_of(message).text == f"See {address}, please.\n{links.unsubscribe_url(TOKEN)}"


@pytest.mark.parametrize(("chosen", "measured"), [(None, True), (False, False), (True, True)])
def test_a_broadcast_may_choose_otherwise_than_its_channel(started, chosen, measured):
    assert started(track_clicks=chosen).links.exists() is measured


def test_general_mail_is_not_measured_where_the_organization_says_so(started, club):
    club.track_general = False
    club.save()
    message = started(use_case="general")
    assert (message.track_opens, message.track_clicks) == (False, False)
    assert not message.links.exists()


def test_a_test_send_leads_on_without_rows(mail, club):
    contact = make_contact(club, external_id="M7")
    message = make_broadcast(mail, html=HTML, track_clicks=True).messages.get()
    compiled = compile_message(message, Tracking.of_test(message))
    recipient = Recipient(links.delivery_token(0), contact.email, "en", contact)
    html = compiled.render(recipient, tracked=True).html
    key, sealed = re.search(r"/t/([^/]*)/0/([^/]*)/", html).groups()
    assert links.opened_copy(key, links.TEST_LINK) == 0
    assert links.unseal(sealed, key, links.TEST_LINK) == "https://club.example/"
    assert not Link.objects.exists()


def test_too_many_links_are_refused_at_their_field(started):
    html = "".join(f"<a href='https://club.example/{number}'>x</a>" for number in range(1001))
    with pytest.raises(InvalidInput) as refused:
        started(html=html)
    assert "1,000 different links" in refused.value.errors["translations.en.html"]


@pytest.mark.parametrize("forged", ["\ue0100\ue011https://evil.example\ue01f", "\ue010\ue1000\ue011x\ue01f\ue100"])
def test_no_value_can_make_a_tracked_address(started, club, forged):
    message = started(html=HTML.replace("Yours", "{{ contact.name }}"))
    contact = club.contacts.get()
    contact.full_name = contact.external_id = forged
    html = copy_of(message, contact).html
    assert forged in html and len(re.findall("/t/", html)) == 3


def test_a_duplicate_has_the_switches_of_its_broadcast_and_none_of_the_start(started, mail):
    message = started(track_clicks=True, track_opens=False)
    twin = sending.duplicate(message.broadcast)
    assert (twin.track_opens, twin.track_clicks) == (False, True)
    assert twin.messages.get().track_clicks is None
