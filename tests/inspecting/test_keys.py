"""Keys: made, shown as records, activated once the DNS shows them, retired."""

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.db import connection

from broadcasts import inspecting
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import AuditEntry
from tests.dns_server import text

pytestmark = pytest.mark.one_database


def test_a_key_has_a_selector_of_its_date_and_signs_nothing_yet(domain):
    first, second = inspecting.make_key(domain), inspecting.make_key(domain)
    assert first.selector[1:].isdigit() and second.selector == f"{first.selector}-2"
    assert not first.is_active


def test_the_private_key_is_encrypted_at_rest(domain):
    key = inspecting.make_key(domain)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM broadcasts_signingkey WHERE id = %s", [key.pk])
        assert "PRIVATE" not in str(cursor.fetchone()[0])
    key.refresh_from_db()
    assert load_pem_private_key(key.secret["private"].encode(), None).key_size == 2048


def test_the_record_in_strings_is_the_record_in_one_piece(domain):
    key = inspecting.make_key(domain)
    whole = inspecting.record_of(key)
    strings = inspecting.pieces(whole)
    assert "".join(strings) == whole and [len(one) == 255 for one in strings] == [True, False]
    line = inspecting.zone_record(key)
    assert line == f"{inspecting.host_of(key)}. 3600 IN TXT ( {text(whole)} )"


@pytest.mark.parametrize("selector", ["a b", "ü", "-a", "a_b", "x" * 64, "a..b", "a\n"])
def test_a_wrong_selector_is_refused(domain, selector):
    if selector.strip() == "a":
        assert inspecting.make_key(domain, selector=selector).selector == "a"
        return
    with pytest.raises(InvalidInput):
        inspecting.make_key(domain, selector=selector)


def test_a_selector_is_used_once_and_keys_are_limited(domain):
    inspecting.make_key(domain, "ed25519", "one")
    with pytest.raises(InvalidInput):
        inspecting.make_key(domain, "ed25519", "ONE")
    for n in range(9):
        inspecting.make_key(domain, "ed25519", f"s{n}")
    with pytest.raises(InvalidInput):
        inspecting.make_key(domain, "ed25519")


def test_another_algorithm_is_refused(domain):
    with pytest.raises(InvalidInput):
        inspecting.make_key(domain, "dsa")


def test_a_key_is_activated_once_the_dns_shows_it(dns, domain, found):
    inspecting.make_key(domain)
    with pytest.raises(WrongState):
        inspecting.activate(domain.keys.get())
    found()
    with pytest.raises(WrongState):
        inspecting.activate(domain.keys.get())
    key = domain.keys.get()
    dns.txt(inspecting.host_of(key), inspecting.record_of(key))
    found()
    inspecting.activate(domain.keys.get())
    assert domain.keys.get().is_active


def test_a_key_is_activated_and_retired_once(domain, admin):
    key = inspecting.make_key(domain, "ed25519", by=admin.user)
    inspecting.activate(key, admin.user, unseen=True)
    with pytest.raises(WrongState):
        inspecting.activate(key, unseen=True)
    inspecting.retire(key, admin.user)
    with pytest.raises(WrongState):
        inspecting.retire(key)
    assert list(AuditEntry.objects.order_by("pk").values_list("act", flat=True)) == ["create", "activate", "retire"]
