"""What the mails of many servers mean: each file in `mails`, and its outcome."""

import pytest

from broadcasts.links import delivery_token
from broadcasts.transports.email.reports import read

from .mails import NAMES, mail

HARD, SOFT, POLICY = ("bounced", "hard"), ("bounced", "soft"), ("bounced", "policy")
COMPLAINT, NOTHING = ("complained", ""), None

OUTCOMES = {
    # delivery reports
    "amazon_ses": (HARD, "5.1.1"),
    "courier": (HARD, "5.0.0"),
    "exchange_on_premises": (HARD, "5.1.1"),
    "exchange_online": (HARD, "5.1.10"),
    "exchange_online_edge": (HARD, "5.4.1"),
    "exim_old": (HARD, "5.1.1"),
    "exim_unrouteable": (HARD, "5.0.0"),
    "gmail_no_such_user": (HARD, "5.1.1"),
    "gmail_unauthenticated": (POLICY, "5.7.26"),
    "icloud_over_quota": (SOFT, "5.2.2"),
    "outlook_not_authenticated": (POLICY, "5.7.515"),
    "postfix_expired": (SOFT, "4.2.2"),
    "postfix_unknown_user": (HARD, "5.1.1"),
    "qmail": (HARD, "5.1.1"),
    "sendmail_host_unknown": (HARD, "5.1.2"),
    "sendmail_unknown_user": (HARD, "5.1.1"),
    "several_recipients": (SOFT, "5.1.1"),
    "spamhaus_listed": (POLICY, "5.1.1"),
    "yahoo_dsn": (HARD, "5.0.0"),
    "yahoo_old": (HARD, ""),
    "zimbra_disabled": (HARD, "5.2.1"),
    "postfix_delivered": (("delivered", ""), ""),
    "postfix_delayed": NOTHING,
    "postfix_relayed": NOTHING,
    "expanded": NOTHING,
    # complaints
    "arf_aol": (COMPLAINT, ""),
    "arf_comcast": (COMPLAINT, ""),
    "arf_fastmail": (COMPLAINT, ""),
    "arf_yahoo": (COMPLAINT, ""),
    "jmrp_outlook": (COMPLAINT, ""),
    "arf_fraud": (COMPLAINT, ""),
    "arf_virus": (COMPLAINT, ""),
    "arf_opt_out": (("unsubscribed", ""), ""),
    "arf_not_spam": NOTHING,
    "arf_other": NOTHING,
    "arf_auth_failure": NOTHING,
    # automatic answers
    "absence_de": NOTHING,
    "absence_en": NOTHING,
    "absence_es": NOTHING,
    "absence_fr": NOTHING,
    "absence_it": NOTHING,
    "absence_exchange": NOTHING,
    "absence_null_sender": NOTHING,
    "autoresponder": NOTHING,
    "autoresponder_old": NOTHING,
    "read_receipt": NOTHING,
    "vacation": NOTHING,
}


def test_every_file_has_an_outcome():
    assert set(NAMES) == {*OUTCOMES, "reply"}


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_report_means(name):
    token = delivery_token(4711)
    told = read(mail(name, token))
    assert not told.replies
    if OUTCOMES[name] is NOTHING:
        assert not told.events
        return
    (type, kind), code = OUTCOMES[name]
    [event] = told.events
    assert (event.type, event.key, event.provider_id) == (type, token, token)
    assert (event.detail.get("class", ""), event.detail.get("code", "")) == (kind, code)
    assert event.detail.get("hard") is (kind == "hard" if kind else None)
    assert event.detail["source"] and event.detail["reporter"] and event.at


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_report_about_no_copy_of_ours_tells_nothing(name):
    assert read(mail(name, "AAAAAAAAAAAAAAAA")).things == 0


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_report_that_is_cut_anywhere_raises_nothing(name):
    raw = mail(name, delivery_token(4711))
    for end in range(0, len(raw), 97):
        assert read(raw[:end]).things <= 1


def test_a_reply_has_its_writers_words_and_the_copy_it_answers():
    [reply] = read(mail("reply", token := delivery_token(4711))).replies
    assert (reply.address, reply.text, reply.key) == ("Jo@Example.org", "Schön, I will come on Friday.", token)
    assert (reply.provider_id, reply.payload["subject"]) == ("<CAF+abc@mail.example.org>", "Re: Pool closed")


def test_a_reply_to_the_return_path_answers_the_copy_of_its_key():
    token = delivery_token(4711)
    raw = f"From: jo@example.org\nTo: bounces+{token}@club.example\nSubject: Re: Pool\n\nYes".encode()
    assert read(raw).replies[0].key == token


def test_a_reply_that_names_nothing_is_told_without_a_copy():
    [reply] = read(b"From: jo@example.org\nSubject: Hello\n\nWhen do you open?").replies
    assert (reply.text, reply.key) == ("When do you open?", "")


def test_a_reply_about_an_absence_is_a_reply():
    assert read(b"From: jo@example.org\nSubject: Re: Out of office party\n\nI will come").replies
