"""Mail whose opens and clicks are measured, from its start to the copies that a provider takes."""

import re
from email import message_from_bytes, policy

from broadcasts import links
from broadcasts.models import Link
from broadcasts.sending import expansion
from tests.make import make_broadcast, make_contact

from . import steps

HTML = '<a href="https://club.example/{{ contact.external_id }}">Yours</a> <a href=https://club.example>Ours</a>'


def html_of(envelope) -> str:
    return message_from_bytes(envelope.mime, policy=policy.default).get_body(("html",)).get_content()


def test_every_copy_leads_to_its_own_addresses_but_of_whoever_asked_not_to_be_measured(club, mail, server):
    make_contact(club, "ana@example.com", external_id="A1")
    make_contact(club, "bob@example.com", external_id="B2", no_tracking=True)
    broadcast = steps.send(make_broadcast(mail, html=HTML, track_opens=True, track_clicks=True))
    copies = {envelope.address: html_of(envelope) for envelope in server.received}
    assert copies["bob@example.com"].strip() == HTML.replace("{{ contact.external_id }}", "B2")
    ana = steps.delivery(broadcast, "ana@example.com")
    yours, ours = Link.objects.filter(message=ana.message_id).order_by("id")
    key, sealed = re.search(rf'/t/([^/]*)/{yours.pk}/([^/"]*)/"', copies["ana@example.com"]).groups()
    assert links.opened_copy(key, ana.message_id) == ana.pk
    assert links.unseal(sealed, key, yours.pk) == "https://club.example/A1"
    assert f"/t/{key}/{ours.pk}/>" in copies["ana@example.com"]


def test_a_second_start_keeps_the_links_of_the_first(club, mail, server):
    make_contact(club)
    broadcast = steps.send(make_broadcast(mail, html=HTML, track_clicks=True))
    known = list(Link.objects.values_list("pk", flat=True))
    message = broadcast.messages.get()
    Link.objects.filter(pk=known[1]).delete()
    expansion.freeze(broadcast)
    assert Link.objects.filter(message=message).count() == 2 and Link.objects.filter(pk=known[0]).exists()
