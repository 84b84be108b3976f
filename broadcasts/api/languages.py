"""The languages that one is chosen from."""

from drf_spectacular.utils import extend_schema
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
        responses=LanguageSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response([one._asdict() for one in LANGUAGES])
