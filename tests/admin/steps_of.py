"""What the tests of the guided page post: the form of a step as a browser would, changed."""

from html.parser import HTMLParser

from django.urls import reverse

PRESSED = ("submit", "button", "image")


class Form(HTMLParser):
    """Reads the values of the form of a step."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.data: dict[str, list[str]] = {}
        self.is_inside, self.select, self.area = False, "", ""
        self.feed(page)

    def add(self, name: str, value: str) -> None:
        self.data.setdefault(name, []).append(value)

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        if tag == "form":
            self.is_inside = of.get("id") == "compose_form"
        if not self.is_inside:
            return
        name, value = of.get("name", ""), of.get("value", "on")
        if tag == "input" and of.get("type") in ("checkbox", "radio"):
            if "checked" in of:
                self.add(name, value)
        elif tag == "input" and name and of.get("type") not in PRESSED:
            self.add(name, of.get("value", ""))
        elif tag == "select":
            self.select = name
        elif tag == "option" and "selected" in of:
            self.add(self.select, of["value"])
        elif tag == "textarea":
            self.area = name
            self.data[name] = [""]

    def handle_data(self, data):
        if self.area:
            self.data[self.area] = [self.data[self.area][0] + data]

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = ""
        if tag == "form":
            self.is_inside = False


def step(broadcast, place):
    return reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, place])


def shown(client, broadcast, place):
    """The form of a step as a browser would post it, unchanged."""
    return Form(client.get(step(broadcast, place)).content.decode()).data


def typed(client, broadcast, place, **changes):
    """Have the script of the page save the step with changes, and return its answer."""
    return post(client, broadcast, place, shown(client, broadcast, place) | changes)


def post(client, broadcast, place, data, *, kind="1"):
    return client.post(step(broadcast, place), data, headers={"X-Autosave": kind})
