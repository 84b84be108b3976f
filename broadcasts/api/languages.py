"""The languages that one is chosen from."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from broadcasts.languages import LANGUAGES


class LanguageSerializer(serializers.Serializer):
    """A language of the list; any other valid tag (BCP 47) is accepted too wherever a language is given."""

    code = serializers.CharField(help_text="BCP 47, such as pt-BR.")
    name = serializers.CharField(help_text="In English.")
    own_name = serializers.CharField(help_text="In the language itself.")


class Languages(APIView):
    """The list of languages, by name; the same that staff choose from."""

    def act(self) -> str:
        return "read"

    @extend_schema(
        summary="List the languages to choose from",
        description="All of them at once, by their English names.",
        operation_id="languages_list",
        parameters=[OpenApiParameter("q", str, description="A part of a name, in English or its own, or of a code.")],
        responses=LanguageSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip().casefold()
        return Response([one._asdict() for one in LANGUAGES if any(words in name.casefold() for name in one)])
