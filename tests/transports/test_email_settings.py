from ipaddress import ip_network

import pytest

from broadcasts.transports.email import Email

GOOD = {"host": "mail.example.org", "security": "starttls", "timeout": 20, "messages_per_connection": 1000}


def form(**values):
    return Email.settings_form(data={**GOOD, **values})


def error(name: str, **values) -> str:
    """The only error there is, of the field of this name."""
    errors = form(**values).errors
    assert list(errors) == [name]
    return " ".join(errors[name])


def test_a_host_is_enough():
    assert form().is_valid(), form().errors


def test_cleaned_settings_are_those_the_transport_reads():
    checked = form(username="club", password=" swordfish ", port=2525, security="none")
    assert checked.is_valid()
    account = Email(checked.cleaned_data).carrier.account
    assert str(account) == "mail.example.org:2525"
    assert (account.security, account.username, account.password) == ("none", "club", " swordfish ")
    assert (account.timeout, account.limit, account.verify) == (20, 1000, True)


@pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_the_port_follows_the_security(security, port):
    assert Email({"host": "mail.example.org", "security": security}).carrier.account.port == port


@pytest.mark.parametrize(("given", "verify"), [({}, True), ({"verify_certificates": False}, False)])
def test_certificates_are_verified_unless_refused_in_so_many_words(given, verify):
    checked = form(**given)
    assert checked.is_valid()
    assert checked.cleaned_data["verify_certificates"] is verify


@pytest.mark.parametrize("host", ["localhost", "mail.example.org", "8.8.8.8", "2606:4700::1111", "correo.españa.es"])
def test_hosts_are_names_and_addresses(host):
    assert form(host=host).is_valid()


@pytest.mark.parametrize("host", ["smtp://mail.example.org", "mail.example.org:587", "mail example", "a..b", "ana@b.c"])
def test_what_is_not_a_host_is_told_what_would_be_one(host):
    assert "such as smtp.example.org" in error("host", host=host)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "017700000001", "127.1", "1.2.3.4."])
def test_a_number_is_told_that_it_is_no_host(host):
    assert "is a number and not a host; give a name such as smtp.example.org" in error("host", host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:7f00:1", "fe80::1%eth0"])
def test_an_ip_address_outside_the_policy_is_refused(settings, host):
    settings.OPEN_NETWORKS = []
    assert "OPEN_NETWORKS" in error("host", host=host)


def test_an_ip_address_that_the_operator_opened_is_a_host(settings):
    settings.OPEN_NETWORKS = [ip_network("10.0.0.0/8")]
    assert form(host="10.0.0.1").is_valid()


@pytest.mark.parametrize("backend", ["", "SMTP"])
def test_a_host_is_needed_where_smtp_is_spoken(offer, backend):
    offer(SMTP="django.core.mail.backends.smtp.EmailBackend")
    assert "A host of its own is needed" in error("host", host="", backend=backend)


def test_another_backend_needs_no_host(offer):
    offer(Memory="django.core.mail.backends.locmem.EmailBackend")
    assert form(host="", backend="Memory").is_valid()


@pytest.mark.parametrize("backend", ["evil.Backend", "unittest.__main__", "memory", "pathlib.Path"])
def test_a_backend_is_one_of_those_that_the_operator_offers(offer, backend):
    offer(
        Memory="django.core.mail.backends.locmem.EmailBackend", Disk="django.core.mail.backends.filebased.EmailBackend"
    )
    assert "choose one of: Memory, Disk" in error("backend", backend=backend)


def test_where_the_operator_offers_none_a_backend_is_refused_in_words(offer):
    offer()
    assert "leave the backend blank and give a host. EMAIL_BACKENDS" in error("backend", backend="SMTP")


def test_a_username_needs_a_password():
    assert "needs a password" in error("password", username="club")


def test_a_password_without_username_is_dropped():
    checked = form(password="swordfish")
    assert checked.is_valid()
    assert checked.cleaned_data["password"] == ""


def test_a_login_beyond_ascii_is_told_so():
    assert "ASCII" in error("password", username="club", password="espáda")


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", 0), ("port", 70000), ("timeout", 0), ("messages_per_connection", 0), ("security", "ssl")],
)
def test_numbers_and_choices_have_bounds(name, value):
    assert error(name, **{name: value})
