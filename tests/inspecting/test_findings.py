"""What an inspection finds of right, wrong, missing and hostile records."""

import pytest

from broadcasts import inspecting
from tests.dns_server import BROKEN, GARBAGE, SILENT

pytestmark = pytest.mark.one_database


def publish(dns, key, record=None):
    dns.txt(inspecting.host_of(key), record or inspecting.record_of(key))


@pytest.fixture
def right(dns):
    """The DNS of a domain with all that large providers want."""
    dns.txt("club.example", "v=spf1 ip4:192.0.2.1 ~all")
    dns.txt("_dmarc.club.example", "v=DMARC1; p=reject; rua=mailto:dmarc@club.example")
    dns.txt("_mta-sts.club.example", "v=STSv1; id=20261201")
    dns.records["club.example", "MX"] = ["10 mail.club.example."]
    return dns


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_a_domain_with_everything_is_good(right, domain, found, algorithm):
    key = inspecting.make_key(domain, algorithm)
    publish(right, key)
    assert {name for name, one in found().items() if one.level != "good"} == {"alignment"}
    assert domain.checked_at and domain.due_at > domain.checked_at
    inspecting.activate(domain.keys.get())
    told = found()
    assert {one.level for one in told.values()} == {"good"}
    assert told["alignment"].text == "DKIM and the return path are both aligned with club.example."


def test_a_domain_without_any_record_is_told_what_to_publish(dns, domain, found):
    dns.records["club.example", "A"] = ["192.0.2.7"]
    told = found()
    assert {name: told[name].level for name in ("spf", "dkim", "dmarc", "mx", "mta-sts", "alignment")} == {
        **dict.fromkeys(("spf", "dkim", "dmarc", "mx", "alignment"), "warning"),
        "mta-sts": "good",
    }
    assert (told["spf"].host, told["spf"].record) == ("club.example", "v=spf1 mx ~all")
    assert told["dmarc"].host == "_dmarc.club.example"
    assert told["dmarc"].record == "v=DMARC1; p=none; rua=mailto:dmarc@club.example"


SPF = {
    "v=spf1 mx -all": ("good", "1 of 10 lookups"),
    "V=SPF1 MX ~ALL": ("good", "1 of 10 lookups"),
    "v=spf1 include:one.example ~all": ("good", "2 of 10 lookups"),
    "v=spf1 redirect=one.example": ("good", "2 of 10 lookups"),
    "v=spf1 a/24 exists:%{i}.x.example ip6:2001:db8::/32 -all": ("good", "2 of 10 lookups"),
    "v=spf1 include:loop.example ~all": ("warning", "includes itself"),
    "v=spf1 include:many.example ~all": ("warning", "more than 10 lookups"),
    "v=spf1 include:nothing.example ~all": ("warning", "which has no SPF record"),
    "v=spf1 include:two.example ~all": ("warning", "several SPF records"),
    "v=spf1 include:broken.example ~all": ("warning", "did not answer"),
    "v=spf1 ptr ~all": ("warning", "uses ptr"),
    "v=spf1 mx +all": ("warning", "everybody may send"),
    "v=spf1 mx all": ("warning", "everybody may send"),
    "v=spf1 mx ?all": ("warning", "says nothing"),
    "v=spf1 mx": ("warning", "does not end in"),
    "v=spf1 nonsense:x ~all": ("warning", "is not a term"),
    "v=spf1 include: ~all": ("warning", "which has no SPF record"),
    f"v=spf1 include:{'a' * 70}.example ~all": ("warning", "which has no SPF record"),
}


@pytest.mark.parametrize("record", SPF)
def test_spf_records_are_judged_with_what_they_include(right, found, record):
    right.txt("club.example", record)
    right.txt("one.example", "v=spf1 a -all")
    right.txt("loop.example", "v=spf1 include:loop.example -all")
    right.txt("many.example", f"v=spf1 {' '.join(f'a:{n}.example' for n in range(10))} -all")
    right.txt("two.example", "v=spf1 a -all", "v=spf1 mx -all")
    right.records["broken.example", "TXT"] = BROKEN
    level, words = SPF[record]
    told = found()["spf"]
    assert (told.level, words in told.text) == (level, True), told.text


def test_includes_that_lead_round_through_each_other_end(right, found):
    right.txt("club.example", "v=spf1 include:a.example ~all")
    right.txt("a.example", "v=spf1 include:b.example include:b.example ~all")
    right.txt("b.example", "v=spf1 include:a.example include:c.example ~all")
    right.txt("c.example", "v=spf1 include:b.example include:a.example ~all")
    assert found()["spf"].level == "warning"
    assert len(right.asked) < 30


def test_several_spf_records_are_merged_into_one(right, found):
    right.txt("club.example", "v=spf1 mx ~all", "some other text", "v=spf1 include:one.example -all")
    assert found()["spf"].record == "v=spf1 include:one.example mx ~all"


def test_the_return_path_has_to_have_an_spf_record_of_its_own(right, mail, found):
    mail.settings["return_path"] = "bounces@elsewhere.example"
    mail.save()
    told = found()
    assert "elsewhere.example has no SPF record" in told["spf"].text
    assert told["alignment"].level == "warning"


DKIM = {
    "": ("has no record", "stop"),
    "v=DKIM1; k=rsa; p=": ("is revoked", "stop"),
    "v=DKIM1; k=rsa; p=MIIB": ("has a record with another key", "stop"),
    "v=DKIM1; k=ed25519; p={p}": ("has a record with another key", "stop"),
    "v=DKIM1; h=sha1; k=rsa; p={p}": ("forbids SHA-256", "stop"),
    "v=DKIM1; s=tlsrpt; k=rsa; p={p}": ("is not for e-mail", "stop"),
    "hello": ("is none of DKIM", "stop"),
    "v=DKIM2; k=rsa; p={p}": ("is none of DKIM", "stop"),
    " v=DKIM1 ;k = rsa;  p={p};": ("publishes the key", "good"),
    "p={p}": ("publishes the key", "good"),
}


@pytest.mark.parametrize("record", DKIM)
def test_the_record_of_an_active_key_has_to_be_ours(right, domain, found, record):
    key = inspecting.make_key(domain)
    inspecting.activate(key, unseen=True)
    if record:
        publish(right, key, record.replace("{p}", key.public))
    words, level = DKIM[record]
    told = found()["dkim"]
    assert (told.level, words in told.text) == (level, True), told.text
    if level == "stop":
        assert (told.host, told.record) == (inspecting.host_of(key), inspecting.record_of(key))


def test_a_key_that_is_not_active_stops_nothing(right, domain, found):
    inspecting.make_key(domain)
    assert found()["dkim"].level == "warning"


def test_two_records_under_one_selector_are_wrong(right, domain, found):
    key = inspecting.make_key(domain)
    right.txt(inspecting.host_of(key), inspecting.record_of(key), "v=DKIM1; p=")
    assert "2 records" in found()["dkim"].text


DMARC = {
    "v=DMARC1; p=none; rua=mailto:a@club.example": ("good", "p=none."),
    "v=DMARC1; p=none": ("good", "nobody gets the reports"),
    "v=DMARC1; p=perhaps": ("warning", "no valid policy"),
    "v=DMARC1": ("warning", "no valid policy"),
    "v=spf1 p=none": ("warning", "no DMARC record"),
}


@pytest.mark.parametrize("record", DMARC)
def test_dmarc_records_are_judged(right, found, record):
    right.txt("_dmarc.club.example", record)
    level, words = DMARC[record]
    told = found()["dmarc"]
    assert (told.level, words in told.text) == (level, True), told.text


def test_two_dmarc_records_are_none(right, found):
    right.txt("_dmarc.club.example", "v=DMARC1; p=none", "v=DMARC1; p=reject")
    assert "2 DMARC records" in found()["dmarc"].text


def test_a_subdomain_has_the_policy_of_the_domain_above_it(right, mail, club, found, domain):
    domain.name = "news.club.example"
    domain.save()
    right.txt("_dmarc.club.example", "v=DMARC1; p=reject; sp=quarantine")
    assert "p=quarantine" in found()["dmarc"].text


@pytest.mark.parametrize(
    ("path", "record", "is_aligned"),
    [
        ("b@bounces.club.example", "v=DMARC1; p=none", True),
        ("b@bounces.club.example", "v=DMARC1; p=none; aspf=s", False),
        ("b@club.example", "v=DMARC1; p=none; aspf=s", True),
        ("b@relay.example", "v=DMARC1; p=none", False),
    ],
)
def test_a_return_path_is_aligned_strictly_or_relaxed(right, mail, domain, found, path, record, is_aligned):
    key = inspecting.make_key(domain)
    inspecting.activate(key, unseen=True)
    publish(right, key)
    right.txt("_dmarc.club.example", record)
    mail.settings["return_path"] = path
    mail.save()
    assert ("are both aligned" in found()["alignment"].text) == is_aligned


def test_mail_to_a_domain_without_mx_and_address_stops(right, found):
    del right.records["club.example", "MX"]
    assert found()["mx"].level == "stop"


def test_a_null_mx_is_told(right, found):
    right.records["club.example", "MX"] = ["0 ."]
    assert "null MX" in found()["mx"].text


@pytest.mark.parametrize(
    ("names", "back", "words"),
    [
        (["mail.club.example."], ["8.8.4.4"], "names that lead back"),
        (["mail.club.example."], ["8.8.8.8"], "does not lead back"),
        ([], [], "has no name"),
    ],
)
def test_a_public_mail_server_has_a_name_that_leads_back(right, mail, found, names, back, words):
    mail.settings["host"] = "smtp.club.example"
    mail.save()
    right.records["smtp.club.example", "A"] = ["8.8.4.4"]
    right.records["4.4.8.8.in-addr.arpa", "PTR"] = names
    right.records["mail.club.example", "A"] = back
    assert words in found()["ptr"].text


def test_a_mail_server_within_the_network_is_not_asked_for_a_name(right, found):
    assert "ptr" not in found()
    assert not any(kind == "PTR" for _, kind in right.asked)


@pytest.mark.parametrize("trouble", [BROKEN, GARBAGE, SILENT])
@pytest.mark.parametrize("kind", ["TXT", "MX"])
def test_a_server_in_trouble_is_told_and_blames_nobody(right, domain, impatient, found, trouble, kind):
    key = inspecting.make_key(domain)
    inspecting.activate(key, unseen=True)
    publish(right, key)
    for name, one in [*right.records]:
        if one == kind:
            right.records[name, one] = trouble
    told = found()
    assert "did not answer" in told["spf" if kind == "TXT" else "mx"].text
    assert not any(one.level == "stop" for one in told.values())


def test_a_long_answer_comes_by_tcp(right, domain, found):
    key = inspecting.make_key(domain)
    right.txt(inspecting.host_of(key), f"v=DKIM1; n={'x' * 900}; k=rsa; p={key.public}")
    assert found()["dkim"].level == "good"


def test_a_huge_or_unprintable_record_is_cut_and_made_printable(right, domain, found):
    right.txt("club.example", "v=spf1 include:\x00\x07<script> " + "x" * 8000)
    told = found()["spf"]
    assert told.text.isprintable() and len(told.text) <= 600 and len(told.record) <= 1000


def test_many_records_of_one_name_are_bounded(right, domain, found):
    right.records["club.example", "MX"] = [f"{n} mx{n}.club.example." for n in range(200)]
    assert found()["mx"].text.count("mx") <= 4
