"""What staff see of expressions: their faults while somebody types, the help beside Liquid, and the translation."""

from collections.abc import Callable
from typing import NamedTuple

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse

from broadcasts import rendering
from broadcasts.exceptions import BroadcastsError, InvalidInput
from broadcasts.models import Organization

from .access import readable_organization
from .content import ParametersField

LIQUID = "liquid"  # the value of the button that translates
LONGEST = 200_000  # characters that are checked while somebody types
MOST_TOLD = 20  # of the texts in one JSON


class Pair(NamedTuple):
    """The same in both languages, and where they differ."""

    what: str
    expression: str
    liquid: str
    note: str = ""


PAIRS = (
    Pair("The name", "@contact.name", "{{ contact.name }}"),
    Pair("The first name", "@contact.first_name", "{{ contact.first_name }}", "Of Anne-Marie Diaz: Anne, Anne-Marie"),
    Pair("A field", "@fields.plan", "{{ contact.attributes.plan }}"),
    Pair("A value of the organization", "@globals.pool", "{{ globals.pool }}"),
    Pair("An address", "@urns.tel", "tel:{{ contact.phone }}", "Without a phone: empty, or tel:"),
    Pair("If it is missing", '@(default(contact.name, "friend"))', '{{ contact.name | default: "friend" }}'),
    Pair(
        "One or the other",
        '@(if(fields.plan = "pro", "a", "b"))',
        ('{% if contact.attributes.plan == "pro" %}a{% else %}b{% endif %}'),
    ),
    Pair("A phrase in it", '@(if(has_phrase(fields.plan, "gold"), "a", "b"))', "", "Liquid knows letters, not words"),
    Pair("A number in it", "@(has_number(fields.plan).match)", "", "Liquid has none"),
    Pair("Joined", '@(contact.name & "!")', "{{ contact.name }}!"),
    Pair("Without spaces around", "@(trim(fields.plan))", "{{ contact.attributes.plan | strip }}"),
    Pair("Its length", "@(text_length(contact.name))", "{{ contact.name | size }}"),
    Pair("A part of it", "@(text_slice(contact.name, 0, 3))", "{{ contact.name | slice: 0, 3 }}"),
    Pair("Replaced", '@(replace(fields.plan, "-", " "))', '{{ contact.attributes.plan | replace: "-", " " }}'),
    Pair("In capitals", "@(upper(contact.name))", "{{ contact.name | upcase }}", "Not exact: ß stays ß, or becomes SS"),
    Pair(
        "In small letters",
        "@(lower(contact.name))",
        "{{ contact.name | downcase }}",
        "Not exact: İ, and Σ at the end of a word",
    ),
    Pair("Like a title", "@(title(contact.name))", "", "Liquid has none: capitalize changes the first letter only"),
    Pair("A number", "@fields.age", "{{ contact.attributes.age }}", "Not exact: 3.0 is written 3, or 3.0"),
    Pair("A sum", "@(fields.age + 1)", "{{ contact.attributes.age | plus: 1 }}", "Not exact: 3.0 + 1 is 4, or 4.0"),
    Pair("Rounded", "@(round(fields.age))", "{{ contact.attributes.age | round }}", "Not exact: 2.5 becomes 3, or 2"),
    Pair("A number with commas", "@(format_number(fields.age, 2))", "", "Liquid has none"),
    Pair(
        "A number compared",
        '@(if(fields.age >= 18, "adult", "minor"))',
        '{% if contact.attributes.age != nil and contact.attributes.age != "" %}'
        "{% assign value_1 = contact.attributes.age | plus: 0 %}"
        "{% if value_1 >= 18 %}adult{% else %}minor{% endif %}{% endif %}",
    ),
    Pair("A day as it is stored", "@fields.born", "{{ contact.attributes.born }}"),
    Pair(
        "A day",
        '@(default(format_date(fields.born, "DD/MM/YYYY"), "soon"))',
        '{% if contact.attributes.born != nil and contact.attributes.born != "" %}'
        '{{ contact.attributes.born | date: "%d/%m/%Y" }}{% else %}soon{% endif %}',
    ),
    Pair(
        "A month by its name",
        '@(format_date(fields.born, "D MMMM"))',
        '{{ contact.attributes.born | date: "%-d %B" }}',
        "Not exact: in the language of the organization, or in English",
    ),
    Pair(
        "A moment",
        '@(format_datetime(fields.seen, "DD/MM/YYYY tt:mm"))',
        '{{ contact.attributes.seen | date: "%d/%m/%Y %H:%M" }}',
        "Not exact: at the clocks of the organization, or in UTC",
    ),
    Pair("An @", "@@", "@"),
    Pair("Two braces", "{{", '{{ "{" }}{{ "{" }}'),
    Pair(
        "A link to unsubscribe",
        "",
        "{{ unsubscribe_url }}",
        "In expressions only the footer of marketing has it",
    ),
)


def check_view(request: HttpRequest) -> HttpResponse:
    """Tell what is wrong with the Liquid or the expressions of a text."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    organization, syntax = readable_organization(request, request.POST), request.POST.get("syntax", "")
    if organization is None:
        return JsonResponse({"warnings": []})
    text, field = request.POST.get("text", "")[:LONGEST].replace("\r\n", "\n"), request.POST.get("json", "")
    told = json_warnings(organization, syntax, field, text) if field else warnings(organization, syntax, text)
    return JsonResponse({"warnings": told})


def warnings(organization: Organization, syntax: str, text: str) -> list[str]:
    return rendering.faults(organization, syntax, {"text": text}).get("text", [])


def json_warnings(organization: Organization, syntax: str, field: str, text: str) -> list[str]:
    """Return why a text is no JSON, or what is wrong with the texts in it, each with its path."""
    try:
        value = ParametersField(required=False).clean(text)
        found = rendering.faults(organization, syntax, dict(rendering.texts(field, value)))
    except ValidationError as error:
        return error.messages
    except InvalidInput as error:
        return list(error.errors.values())
    return [f"{path}: {words}" for path, faults in found.items() for words in faults][:MOST_TOLD]


def translated(request: HttpRequest, translate: Callable[[], object], goal: str) -> HttpResponse:
    """Translate a broadcast or template to Liquid, say what became of it, and go back to its page."""
    try:
        translate()
        messages.success(request, "It is written in Liquid now, and gives everybody the same text as before.")
    except InvalidInput as error:
        messages.error(request, "Nothing was translated: Liquid does not give exactly the same here.")
        for field, words in error.errors.items():
            messages.error(request, f"In {field}: {words}")
    except BroadcastsError as error:
        messages.error(request, f"Nothing was translated: {error}")
    return HttpResponseRedirect(goal)
