"""The designs that ship, measured in a real browser: wide, on the smallest phone, in light and in dark."""

import pytest
from django.contrib.staticfiles import finders

from broadcasts import starting
from broadcasts.designing import gallery

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]
LANGUAGE = "es"  # whose words are the longest
# How far the page can be scrolled sideways, the widest element that is narrower than the page, the least height of a button, pictures that are
# missing, and the words whose contrast with what they stand on is too low for WCAG 2.2 AA.
MEASURE = """
const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (colour) => {
    const [red, green, blue] = parts(colour).slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
        const colour = getComputedStyle(one).backgroundColor;
        if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
};
const weak = [];
const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    const text = words.currentNode.textContent.trim();
    if (!text || element.getClientRects().length === 0 || element.getBoundingClientRect().height < 5) continue;
    const both = [getComputedStyle(element).color, behind(element)].map(luminance);
    if ((Math.max(...both) + 0.05) / (Math.min(...both) + 0.05) < 4.5) weak.push(text.slice(0, 40));
}
const elements = [...document.querySelectorAll("body *")];
const buttons = [...document.querySelectorAll(".d-button a")].map((one) => one.getBoundingClientRect().height);
return {
    sideways: document.documentElement.scrollWidth - innerWidth,
    widest: Math.max(...elements.map((one) => one.getBoundingClientRect().width).filter((width) => width < innerWidth)),
    buttons: Math.min(...buttons, 1000),
    missing: [...document.images].filter((one) => !one.naturalWidth).map((one) => one.src),
    page: getComputedStyle(document.querySelector(".d-page") || document.body).backgroundColor,
    weak,
};
"""


def look(browser, width: int, scheme: str) -> dict:
    cdp = "/goog/cdp/execute"
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    browser.call("POST", cdp, cmd="Emulation.setDeviceMetricsOverride", params=metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("POST", cdp, cmd="Emulation.setEmulatedMedia", params={"features": features})
    return browser.run(MEASURE)


@pytest.mark.parametrize("slug", sorted(gallery.listed()))
def test_a_design_fits_every_screen_and_can_be_read_in_light_and_dark(browser, club, tmp_path, slug):
    club.postal_address = "1 Pool Lane, Springfield"
    html = starting.preview(gallery.listed()[slug], club, LANGUAGE).html
    for name in gallery.listed()[slug].pictures():
        found = finders.find(f"{gallery.STATIC}/{name}.png")
        html = html.replace(f"{starting.UNSTORED}{name}.png", f"file://{found}")
    path = tmp_path / "design.html"
    path.write_text(html)
    browser.open(path.as_uri())
    seen = {(width, scheme): look(browser, width, scheme) for width in (320, 600, 1000) for scheme in ("light", "dark")}
    assert {one["sideways"] for one in seen.values()} == {0}
    assert max(one["widest"] for one in seen.values()) <= 600
    assert min(one["buttons"] for one in seen.values()) >= 44
    assert [one["missing"] + one["weak"] for one in seen.values()] == [[]] * 6
    assert seen[600, "light"]["page"] != seen[600, "dark"]["page"]
