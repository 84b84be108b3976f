"""The pages of sending domains: findings, records to copy, keys made, activated and retired."""

import pytest
from django.urls import reverse

from broadcasts import inspecting
from broadcasts.models import AuditEntry, Channel, SendingDomain, SigningKey
from tests.make import make_checked_domain

from .conftest import messages_of, sign_in

pytestmark = pytest.mark.one_database


@pytest.fixture
def domain(mail) -> SendingDomain:
    return make_checked_domain(mail)


@pytest.fixture
def staff(admin):
    return sign_in(admin.user)


def page(domain, name="change", *more):
    return reverse(f"admin:broadcasts_sendingdomain_{name}", args=[domain.pk, *more])


def test_the_list_makes_the_domains_of_older_channels_known(staff, mail):
    answer = staff.get(reverse("admin:broadcasts_sendingdomain_changelist"))
    assert "club.example" in answer.content.decode() and "Not checked yet" in answer.content.decode()


def test_a_saved_channel_makes_its_domain(staff, mail, club):
    Channel.objects.update(from_address="a@other.example")
    address = reverse("admin:broadcasts_channel_change", args=[mail.pk])
    form = staff.get(address).context["adminform"].form
    values = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
    values = {name: value for name, value in values.items() if value is not False}
    answer = staff.post(address, {**values, "domain_rates": "{}", "ramp": "{}", "from_name": "Changed"})
    assert answer.status_code == 302, answer.context["errors"]
    assert club.sending_domains.filter(name="other.example").exists()


def test_findings_say_what_to_publish_where(staff, mail, domain):
    text = "club.example has no SPF record."
    record = "v=spf1 a:<b> ~all"
    make_checked_domain(
        mail, {"subject": "spf", "level": "warning", "text": text, "host": "club.example", "record": record}
    )
    shown = staff.get(page(domain)).content.decode()
    assert text in shown and "should be mended" in shown and "v=spf1 a:&lt;b&gt; ~all</textarea>" in shown


def test_check_now_has_the_domain_asked_again(staff, domain):
    answer = staff.post(page(domain), {"_then": "check"}, follow=True)
    assert "is being checked" in messages_of(answer)
    domain.refresh_from_db()
    assert domain.due_at


def test_a_key_is_made_published_activated_retired_and_deleted(staff, mail, domain):
    proposed = inspecting.new_selector(domain)
    assert proposed in staff.get(page(domain, "new-key")).content.decode()
    staff.post(page(domain, "new-key"), {"algorithm": "rsa", "selector": ""})
    key = SigningKey.objects.get()
    assert (key.selector, key.algorithm, key.is_active) == (proposed, "rsa", False)
    at = page(domain, "key", key.pk)
    shown = staff.get(at).content.decode()
    assert f"{proposed}._domainkey.club.example" in shown and "copies a second" in shown
    assert key.secret["private"].splitlines()[1] not in shown
    assert "did not find the record" in messages_of(staff.post(at, {"activate": "1"}, follow=True))
    staff.post(at, {"activate": "1", "unseen": "on"})
    assert SigningKey.objects.get().is_active
    assert "Retire it first" in messages_of(staff.post(at, {"delete": "1"}, follow=True))
    deletion = staff.post(page(domain, "delete"), {"post": "yes"})
    assert deletion.status_code in (200, 403) and SendingDomain.objects.exists()
    staff.post(at, {"retire": "1"})
    staff.post(at, {"delete": "1"})
    assert not SigningKey.objects.exists()
    acts = AuditEntry.objects.filter(model="signingkey").order_by("pk").values_list("act", flat=True)
    assert list(acts) == ["create", "activate", "retire", "delete"]


def test_the_record_of_a_long_key_is_shown_in_strings_for_zone_files(staff, domain):
    key = inspecting.make_key(domain)
    strings = inspecting.pieces(inspecting.record_of(key))
    shown = staff.get(page(domain, "key", key.pk)).content.decode()
    assert all(f"&quot;{one}&quot;" in shown for one in strings)


def test_a_wrong_selector_is_told_on_the_form(staff, domain):
    answer = staff.post(page(domain, "new-key"), {"algorithm": "rsa", "selector": "a b"})
    assert "letters, digits and dashes" in answer.content.decode()


def test_who_may_not_manage_channels_reads_and_changes_nothing(sender, domain):
    key, client = inspecting.make_key(domain, "ed25519"), sign_in(sender.user)
    assert client.get(page(domain)).status_code == client.get(page(domain, "key", key.pk)).status_code == 200
    assert "Make a key" not in client.get(page(domain)).content.decode()
    assert client.get(page(domain, "new-key")).status_code == 404
    assert client.post(page(domain, "key", key.pk), {"activate": "1", "unseen": "on"}).status_code == 404
    assert not SigningKey.objects.get().is_active


def test_other_organizations_do_not_find_it(stranger, domain):
    key, client = inspecting.make_key(domain, "ed25519"), sign_in(stranger.user)
    assert client.get(page(domain, "key", key.pk)).status_code == 404
    assert client.get(page(domain, "new-key")).status_code == 404


def test_a_domain_is_added_once_and_in_idna(staff, club, domain):
    add = reverse("admin:broadcasts_sendingdomain_add")
    staff.post(add, {"organization": club.pk, "name": "Bücher.example"})
    assert club.sending_domains.filter(name="xn--bcher-kva.example").exists()
    assert "there already" in staff.post(add, {"organization": club.pk, "name": "CLUB.example"}).content.decode()


def test_the_page_of_a_channel_tells_what_signs_its_mail_and_how_fast(staff, mail, domain):
    at = reverse("admin:broadcasts_channel_change", args=[mail.pk])
    assert "no key of" in staff.get(at).content.decode()
    inspecting.activate(inspecting.make_key(domain, selector="one"), unseen=True)
    shown = staff.get(at).content.decode()
    assert "RSA, 2048 bits (one)" in shown and "copies a second" in shown
