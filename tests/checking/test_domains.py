"""What the check says of the domain that mail comes from: the last inspection's findings, and never the DNS."""

import pytest

from broadcasts.models import Channel, SendingDomain
from tests.make import make_broadcast, make_checked_domain

from .asked import line as line_of

pytestmark = pytest.mark.one_database

MISSING = {"subject": "dmarc", "level": "warning", "text": "swimmers.eu has no DMARC record."}
WRONG = {"subject": "dkim", "level": "stop", "text": "The key one has no record.", "key": "a"}
UNUSED = {"subject": "dkim", "level": "warning", "text": "The key two has no record.", "key": "b"}
SIGNED = {"subject": "dkim", "level": "good", "text": "The DNS publishes the key one.", "key": "a"}


@pytest.fixture
def mail(mail) -> Channel:
    """The club's channel, on a domain that is checked and good."""
    Channel.objects.update(from_address="news@swimmers.eu")
    mail.refresh_from_db()
    make_checked_domain(mail)
    return mail


def line(broadcast):
    return line_of(broadcast, "domain")


def test_a_good_domain_is_fine(mail):
    told = line(make_broadcast(mail))
    assert (told.level, told.words) == ("ok", "The DNS of swimmers.eu has what large providers ask for.")


def test_a_domain_that_nobody_has_checked_warns_and_is_checked_soon(mail):
    SendingDomain.objects.all().delete()
    told = line(make_broadcast(mail))
    assert (told.level, "has not been checked yet" in told.detail[0].words) == ("warning", True)
    assert SendingDomain.objects.get().due_at


def test_what_is_missing_warns_and_leads_to_the_domain(mail):
    row = make_checked_domain(mail, MISSING)
    told = line(make_broadcast(mail))
    assert (told.level, told.detail[0].words) == ("warning", MISSING["text"])
    assert told.detail[0].address == ("broadcasts_sendingdomain_change", row.pk, "")


def test_a_wrong_record_of_an_active_key_stops(mail):
    make_checked_domain(mail, MISSING, WRONG)
    told = line(make_broadcast(mail))
    assert told.level == "stop" and told.detail[0].words == WRONG["text"]


def test_a_key_that_is_not_used_warns_of_nothing_beside_one_that_signs(mail):
    make_checked_domain(mail, SIGNED, UNUSED)
    assert line(make_broadcast(mail)).level == "ok"


@pytest.mark.parametrize("subject", ["ptr", "mta-sts", "alignment"])
def test_other_findings_are_on_the_page_of_the_domain_alone(mail, subject):
    make_checked_domain(mail, {"subject": subject, "level": "warning", "text": "Odd."})
    assert line(make_broadcast(mail)).level == "ok"


def test_a_channel_that_others_sign_for_needs_no_key(mail, settings):
    settings.EMAIL_BACKENDS = {"Local": "django.core.mail.backends.locmem.EmailBackend"}
    Channel.objects.update(settings={"backend": "Local"})
    mail.refresh_from_db()
    make_checked_domain(mail, WRONG)
    assert line(make_broadcast(mail)).level == "ok"


def test_domains_for_examples_are_not_asked_about(mail):
    Channel.objects.update(from_address="news@club.example")
    mail.refresh_from_db()
    assert line(make_broadcast(mail)) is None


def test_free_mail_is_told_of_by_another_line(mail):
    Channel.objects.update(from_address="club@gmail.com")
    mail.refresh_from_db()
    assert line_of(make_broadcast(mail), "domain") is None


def test_the_findings_of_another_organization_count_for_nothing(mail, elsewhere):
    SendingDomain.objects.update(organization=elsewhere, findings=[WRONG])
    assert line(make_broadcast(mail)).level == "warning"


def test_only_mail_has_a_domain(texts):
    assert line_of(make_broadcast(texts), "domain") is None
