"""What content may name."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Syntax

from .permissions import OfMember

SYNTAXES = [Syntax.LIQUID, Syntax.EXPRESSIONS]


class MergeFieldSerializer(serializers.Serializer):
    """Something that content may name."""

    name = serializers.CharField(help_text="As the syntax writes it.")
    label = serializers.CharField()  # type: ignore[assignment]
    group = serializers.CharField(help_text="Contact, Attributes, Organization or Links.")
    sample = serializers.CharField(help_text="A value of one of the newest contacts; empty where none has one.")
    insert = serializers.CharField(
        help_text="What to put into content; where a person may lack the value, with an empty default to fill in."
    )


class LackingFieldSerializer(serializers.Serializer):
    """A merge field that content names without a default."""

    name = serializers.CharField(help_text="As Liquid writes it, and the filter `lacks` of contacts takes it.")
    label = serializers.CharField()  # type: ignore[assignment]
    count = serializers.IntegerField(help_text="Recipients without a value.")
    places = serializers.ListField(child=serializers.CharField(), help_text="Where it stands, such as en.subject.")


class LackingSerializer(serializers.Serializer):
    recipients = serializers.IntegerField()
    fields = LackingFieldSerializer(many=True)  # type: ignore[assignment]


class MergeFields(OfMember, APIView):
    """The merge fields of the organization, with samples from its contacts."""

    def act(self) -> str:
        return "read"

    @extend_schema(
        summary="List the merge fields of content",
        description="All of them at once: fields and attributes of contacts, values of the organization, and links.",
        operation_id="merge_fields_list",
        parameters=[OpenApiParameter("syntax", str, enum=SYNTAXES, default=Syntax.LIQUID)],
        responses=MergeFieldSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        syntax = request.query_params.get("syntax", Syntax.LIQUID)
        if syntax not in SYNTAXES:
            raise InvalidInput({"syntax": f"Use {' or '.join(SYNTAXES)}."})
        return Response([one._asdict() for one in rendering.merge_fields(self.organization, syntax)])
