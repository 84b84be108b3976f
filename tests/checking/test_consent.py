"""The lines about what laws and receivers ask of a sender."""

import pytest

from broadcasts.models import MessageTranslation, Organization, Template, TemplateTranslation
from tests.make import make_broadcast

from .asked import level, line

pytestmark = pytest.mark.usefixtures("joe")
OWN = '<p>Hi <a href="{{ unsubscribe_url }}">Stop</a></p>'


def test_general_is_explained(mail):
    assert "Also reaches people who unsubscribed from marketing" in line(make_broadcast(mail), "use_case").words


def test_marketing_is_explained(mail, marketing):
    assert "Leaves out everyone who unsubscribed" in line(marketing(make_broadcast(mail)), "use_case").words


def test_marketing_that_needs_consent_says_so(mail, marketing):
    Organization.objects.update(consent_required=True)
    assert "Leaves out everyone who has not agreed to it" in line(marketing(make_broadcast(mail)), "use_case").words


def test_marketing_without_a_way_out_gets_the_footer(mail, marketing):
    assert "A footer" in line(marketing(make_broadcast(mail)), "unsubscribe").words


def test_marketing_with_a_way_out_of_its_own_gets_no_footer(mail, marketing):
    broadcast = marketing(make_broadcast(mail, body="", html=OWN))
    assert line(broadcast, "unsubscribe").words == "The content says how to unsubscribe."


def test_general_mail_leaves_it_to_mail_programs(mail):
    assert "Mail programs" in line(make_broadcast(mail), "unsubscribe").words


def test_a_general_sms_is_not_asked(texts):
    assert level(make_broadcast(texts), "unsubscribe") is None


@pytest.mark.parametrize(("words", "found"), [("Reply STOP to end", "ok"), ("Buy now", "warning")])
def test_a_provider_s_template_has_to_say_how_to_stop(mail, marketing, words, found):
    template = Template.objects.create(organization=mail.organization, name="Offer", channel=mail)
    structure = {"body": words}
    TemplateTranslation.objects.create(template=template, language="en", structure=structure, status="APPROVED")
    broadcast = marketing(make_broadcast(mail))
    broadcast.messages.update(template=template)
    assert level(broadcast, "unsubscribe") == found


def test_marketing_mail_without_a_postal_address_is_warned_of(mail, marketing):
    found = line(marketing(make_broadcast(mail)), "postal_address")
    assert (found.level, "CAN-SPAM" in found.words) == ("warning", True)


def test_the_footer_names_the_postal_address(mail, marketing):
    Organization.objects.update(postal_address="1 Pool Street\nTown")
    assert level(marketing(make_broadcast(mail)), "postal_address") == "ok"


def test_a_footer_of_one_s_own_has_to_name_it_too(mail, marketing):
    Organization.objects.update(postal_address="1 Pool Street\nTown")
    broadcast = marketing(make_broadcast(mail, body="", html=OWN))
    assert level(broadcast, "postal_address") == "warning"
    MessageTranslation.objects.update(html=f"{OWN}<p>1 Pool  Street,<br>Town</p>")
    assert level(broadcast, "postal_address") == "ok"
    MessageTranslation.objects.update(html=f"{OWN}<p>{{{{ organization.postal_address }}}}</p>")
    assert level(broadcast, "postal_address") == "ok"


def test_general_mail_needs_no_postal_address(mail):
    assert level(make_broadcast(mail), "postal_address") is None


def test_marketing_to_phones_without_required_consent_is_warned_of(texts, marketing):
    assert level(marketing(make_broadcast(texts)), "recorded_consent") == "warning"


def test_marketing_to_phones_with_required_consent_is_fine(texts, marketing):
    Organization.objects.update(consent_required=True)
    assert level(marketing(make_broadcast(texts)), "recorded_consent") == "ok"


def test_marketing_by_mail_is_not_asked_for_recorded_consent(mail, marketing):
    assert level(marketing(make_broadcast(mail)), "recorded_consent") is None
