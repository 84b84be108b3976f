"""The formats of live pages, in a real browser."""

import json

import pytest
from django.templatetags.static import static

from broadcasts import formats

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

NUMBERS = [0, 7, 999, 1_000, 12_830, 1_234_567, 0.25, 0.001, 5.0, 9.97, 10.5, 1234.5678]
SECONDS = [-5, 0, 0.2, 1, 59, 60, 61, 3_599.5, 7_200, 90_061, 172_807]


@pytest.mark.parametrize(
    ("name", "values"), [("number", NUMBERS), ("rate", NUMBERS), ("duration", SECONDS)], ids=lambda one: str(one)[:8]
)
def test_a_live_page_writes_as_the_server_does(browser, live_server, name, values):
    script = f"import('{static('broadcasts/formats.js')}').then((js) => {json.dumps(values)}.map((n) => js.{name}(n)))"
    assert browser.value(script) == [getattr(formats, name)(n) for n in values]
