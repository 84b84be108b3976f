import pytest

from broadcasts import links


@pytest.mark.parametrize("number", [0, 1, 255, 256, 10**6, 2**63 - 1])
def test_a_token_stands_for_its_delivery(number):
    token = links.delivery_token(number)
    assert links.delivery_id(token) == number
    assert len(token) <= 22 and token.replace("-", "").replace("_", "").isalnum()


def test_every_changed_character_breaks_a_token():
    token = links.delivery_token(123456)
    for at, char in enumerate(token):
        for other in "AQgwB_-9":
            if other != char:
                assert links.delivery_id(token[:at] + other + token[at + 1 :]) is None


@pytest.mark.parametrize(
    "change", [lambda t: t + "=", lambda t: t + "A", lambda t: t[1:], lambda t: f"A{t}", str.swapcase]
)
def test_there_is_one_way_to_write_a_token(change):
    assert links.delivery_id(change(links.delivery_token(123456))) is None


@pytest.mark.parametrize("token", ["", "A", "AAAAAAAAAAA", "ñandú", "%00", "../../etc", "A" * 10_000, "\x00"])
def test_what_is_no_token_is_nobody_s(token):
    assert links.delivery_id(token) is None


def test_tokens_are_signed_with_the_link_key(settings):
    token = links.delivery_token(5)
    settings.LINK_KEY = "another"
    assert links.delivery_id(token) is None


def test_links_lead_to_our_own_address(settings):
    settings.BASE_URL = "https://news.example"
    assert links.unsubscribe_url("T") == "https://news.example/u/T/"
    assert links.message_id("T", "club.example") == "<T@club.example>"
