"""The builder of rules, in a real browser."""

import pytest
from django.urls import reverse

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]


def test_what_a_condition_still_needs_is_marked_and_what_it_may_have_is_not(browser, live_server, club):
    browser.open(live_server.url + reverse("admin:broadcasts_segment_add"))
    browser.fill(name="Readers")
    browser.wait_for("document.querySelector('.rules-group')")
    browser.run(
        "const area = document.querySelector('textarea[name=rules]');"
        "area.value = JSON.stringify({engagement: {within: '30d'}}); area.dispatchEvent(new Event('input'))"
    )
    browser.wait_for("document.querySelector('[data-part=type] select')")
    browser.click("[name=_save]")
    browser.wait_for("document.querySelector('.rules-row [aria-invalid=true]')")
    marked = "[...document.querySelectorAll('.rules-row [aria-invalid=true]')]"
    assert browser.value(f"{marked}.map((one) => one.closest('[data-part]').dataset.part)") == ["type"]
    assert browser.value("document.activeElement.closest('[data-part]').dataset.part") == "type"
