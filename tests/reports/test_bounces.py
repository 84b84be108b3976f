"""The classes of bounces."""

import time

import pytest

from broadcasts.transports import bounce_class

NO_USER = "550 5.1.1 <spam@example.org>: Recipient address rejected: User unknown in virtual mailbox table"


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        # the table of RFC 3463
        ("5.1.1", "", "hard"),
        ("550 5.1.1", "", "hard"),
        ("5.01.001", "", "hard"),
        ("5.1.2", "", "hard"),
        ("5.1.3", "", "hard"),
        ("5.1.6", "", "hard"),
        ("5.1.10", "", "hard"),
        ("5.2.1", "", "hard"),
        ("5.4.4", "", "hard"),
        ("5.1.100", "", "soft"),
        ("4.1.1", "", "soft"),
        ("452 4.2.2", "", "soft"),
        ("5.2.2", "", "soft"),
        ("5.2.3", "", "soft"),
        ("5.3.0", "", "soft"),
        ("5.4.7", "", "soft"),
        ("5.7.1", "", "policy"),
        ("5.7.26", "", "policy"),
        ("550 5.7.515", "", "policy"),
        ("5.1.8", "", "policy"),
        ("552", "", "soft"),
        ("550", "", "soft"),
        ("400 mj-0013", "", "soft"),
        ("", "", "soft"),
        # the words of servers
        ("5.2.1", "The email account that you tried to reach is disabled.", "hard"),
        ("5.2.1", "The user you are trying to contact is receiving mail at a rate that prevents more", "soft"),
        ("5.1.1", NO_USER, "hard"),
        ("5.1.1", "550 5.1.1 Our spam filter does not like you", "policy"),
        ("5.1.1", "<jo@example.org> Mailbox does not exist; see https://example.com/policy/spam", "hard"),
        ("5.1.1", "550 5.1.1 Mailbox full", "soft"),
        ("550", "Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org", "policy"),
        ("5.4.1", "Recipient address rejected: Access denied. AS(201806281)", "hard"),
        ("5.5.0", "Requested action not taken: mailbox unavailable", "soft"),
        ("5.0.0", "Unrouteable address", "hard"),
        ("5.3.0", "<jo@example.org>... User unknown", "hard"),
        ("", "Sorry, no mailbox here by that name. (#5.1.1)", "hard"),
        ("", "554 delivery error: dd This user doesn't have a yahoo.com account (jo@yahoo.com) [0]", "hard"),
        ("", "452-4.2.2 The email account that you tried to reach is over quota", "soft"),
        ("", "550 #5.1.0 Address rejected.", "soft"),
        ("", "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "policy"),
        ("4.7.1", "Greylisting in action", "soft"),
        ("4.7.28", "An unusual rate of unsolicited mail", "policy"),
    ],
)
def test_a_bounce_is_classed_by_its_code_and_words(code, words, expected):
    assert bounce_class(code, words) == expected


@pytest.mark.parametrize("words", ["mailbox ", "exceed ", "user ", "5.1", "1", "spam-", "not ", "a@"])
def test_words_cannot_hold_the_worker(words):
    began = time.thread_time()
    bounce_class("5.0.0", words * 1_000_000)
    assert time.thread_time() - began < 0.1
