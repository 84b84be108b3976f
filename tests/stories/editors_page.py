"""A page with each editor of content, for stories that need no more than the editors."""

from django import forms
from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

from broadcasts.admin.editors import BlocksField, SlotsField, SourceWidget, StyleField, written_errors
from config.urls import urlpatterns as product

PAGE = """{% extends "admin/base_site.html" %}
{% block extrahead %}{{ form.media }}{% endblock %}
{% block content %}<form method="post">{% csrf_token %}{{ form.as_div }}</form>{% endblock %}"""
FIELDS = [
    {"name": "contact.name", "label": "Name", "sample": "Ana Diaz", "insert": "{{ contact.name }}"},
    {
        "name": "contact.first_name",
        "label": "First name",
        "sample": "Ana",
        "insert": '{{ contact.first_name | default: "" }}',
    },
]
COLUMNS = {"type": "columns", "columns": [{"width": 50, "blocks": []}, {"width": 50, "blocks": []}]}
BLOCKS = [
    {"type": "heading", "text": "Hello", "slot": "title"},
    {"type": "text", "html": "<p>{% if contact.attributes.age &lt; 18 %}Young{% endif %}</p>"},
    COLUMNS,
]


class EditorsForm(forms.Form):
    syntax = forms.CharField(initial="liquid")
    blocks = BlocksField(initial=BLOCKS)
    source = forms.CharField(widget=SourceWidget("mjml"), initial="<mjml>\n</mjml>")
    slots = SlotsField()
    style = StyleField()


def page(request: HttpRequest) -> HttpResponse:
    form = EditorsForm()
    for field in form.fields.values():
        field.widget.attrs["data-fields"] = "/fields/"
    attrs = form.fields["blocks"].widget.attrs
    if "fixed" in request.GET:
        attrs["data-fixed"] = ""
    if "wrong" in request.GET:
        attrs["data-errors"] = written_errors({"blocks[1].html": "line 1: contact.nme is not known."})
    context = {**site.each_context(request), "title": "Editors", "form": form}
    return HttpResponse(engines["django"].from_string(PAGE).render(context, request))


urlpatterns = [
    path("editors/", page),
    path("fields/", lambda _: JsonResponse({"fields": FIELDS})),
    *product,
]
