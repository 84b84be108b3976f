"""One broadcast in three languages over WhatsApp, SMS and mail, with what the providers call back in any order."""

import random
import sqlite3
from contextlib import closing
from ipaddress import ip_network

import pytest

from broadcasts import drafting, receiving, sending, stats
from broadcasts.catcher import Catcher, cloud, gateway
from broadcasts.management import demo_channels, demo_club
from broadcasts.models import FACTS, Broadcast, Delivery, Inbound, Suppression
from tests.make import make_contact, path_of

from . import steps

PEOPLE, BY_SMS, BY_MAIL = 30, 6, 2  # all, those whom WhatsApp refuses, and of these those whom the SMS gateway refuses
LANGUAGES = ("en", "es", "fr")
READ, REPLIED, STOPPED = 12, 4, 2  # of the first ones on WhatsApp
BLOCKS = [{"type": "text", "html": "<p>Hello {{ contact.name }}, the pool opens again.</p>"}]
MAIL = {"subject": "Open", "format": "blocks", "blocks": BLOCKS}


@pytest.fixture
def catcher(tmp_path, settings):
    settings.OPEN_NETWORKS = [ip_network("127.0.0.0/8")]
    with Catcher(tmp_path, 0, 0) as catcher:
        yield catcher


def make_people(club):
    club.languages = list(LANGUAGES)
    club.save()
    for i in range(PEOPLE):
        phone = f"346{i + 10}000400" if i < BY_MAIL else f"3462120{i:04}"
        whatsapp_id = f"346{i + 20}131026" if i < BY_SMS else phone
        attributes = {"visits": i, "plan": "gold", "city": "Leeds"}
        make_contact(club, phone=f"+{phone}", whatsapp_id=whatsapp_id, language=LANGUAGES[i % 3], attributes=attributes)


def draft(club, channels):
    whatsapp, sms, mail = channels
    template = club.templates.get(name=demo_club.TEMPLATE)
    parameters = demo_club.template_parameters(str(demo_channels.picture(club).uuid))
    messages = [
        {"channel": whatsapp, "template": template, "parameters": parameters},
        {"channel": sms, "translations": demo_club.SMS},
        {"channel": mail, "translations": dict.fromkeys(LANGUAGES, MAIL)},
    ]
    values = {"send_to_all": True, "base_language": "en", "channel_policy": "fallback", "messages": messages}
    return drafting.save(Broadcast(organization=club), values)


def accepted(room, sort):
    """(key, recipient) of what a provider took, in the order of its arrival."""
    query = """SELECT key, "to" FROM messages WHERE sort = ? AND note NOT LIKE 'Refused%' ORDER BY id"""
    with closing(sqlite3.connect(room / "caught.sqlite3")) as caught:
        return caught.execute(query, (sort,)).fetchall()


def calls(catcher, channels, by_whatsapp, by_sms):
    """What the providers tell, each signed: delivered of all, and of some read, a reply or STOP."""
    account = catcher.accounts.whatsapp[demo_channels.PHONE_ID]
    ids = account.phone_id, account.business_id
    bodies = [cloud.statuses(*ids, [(*one, "")], "delivered") for one in by_whatsapp]
    bodies += [cloud.statuses(*ids, [(*one, "")], "read") for one in by_whatsapp[:READ]]
    for n, (key, to) in enumerate(by_whatsapp[:REPLIED]):
        bodies.append(cloud.reply(*ids, to, "STOP" if n < STOPPED else "Thanks", key))
    told = [(channels[0], *cloud.signed(body, account.app_secret)) for body in bodies]
    secret = catcher.accounts.sms.signing_secret
    return told + [(channels[1], *gateway.signed(gateway.status(*one, "delivered"), secret)) for one in by_sms]


def test_what_the_providers_saw_and_told_is_what_the_log_and_the_counts_say(club, catcher, tmp_path, client):
    channels = demo_channels.make(club, catcher)
    make_people(club)
    broadcast = steps.send(draft(club, channels))
    for _ in channels:
        sending.tick()
        steps.pump(broadcast)
    catcher.recipients()  # writes what it holds
    by_whatsapp, by_sms, by_mail = (accepted(tmp_path, sort) for sort in ("whatsapp", "sms", "mail"))
    assert [len(by_whatsapp), len(by_sms), len(by_mail)] == [PEOPLE - BY_SMS, BY_SMS - BY_MAIL, BY_MAIL]

    told = calls(catcher, channels, by_whatsapp, by_sms)
    told += told[::2]
    random.Random(11).shuffle(told)
    for channel, body, headers in told:
        answer = client.post(path_of(channel), body, content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.content
    receiving.apply_due()

    broadcast.refresh_from_db()
    assert broadcast.status == "SENT"
    expected = {"delivered": len(by_whatsapp) + len(by_sms), "opened": READ, "replied": REPLIED}
    rows = Delivery.objects.filter(message__broadcast=broadcast)
    log = {fact: rows.filter(**{f"{fact}_at__isnull": False}).count() for fact in FACTS}
    counted = stats.counts([broadcast])[broadcast.pk]
    assert {fact: log[fact] for fact in expected} == expected
    assert {fact: counted[fact] for fact in FACTS} == log
    assert (counted["contacts"], counted["sent"], counted["failed"]) == (PEOPLE, PEOPLE, BY_SMS + BY_MAIL)
    assert Inbound.objects.filter(organization=club).count() == REPLIED
    assert Suppression.objects.filter(organization=club, medium="whatsapp").count() == STOPPED
