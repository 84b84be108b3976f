"""What the HTML of mail is made from, in JSON: blocks, slots and the style of layouts, described by `designing`."""

from typing import Any

from drf_spectacular.utils import extend_schema_field

from broadcasts import designing
from broadcasts.designing import BlockField, BlockType
from broadcasts.designing.blocks import MOST_BLOCKS
from broadcasts.designing.styles import LEAST_WIDTH, MOST_RADIUS, MOST_WIDTH

from .fields import ArrayField, ObjectField

REF = "#/components/schemas/"


def component(kind: str) -> str:
    """Return the name of the component that describes a type of blocks."""
    return f"{kind.title()}Block"


def _field(field: BlockField) -> dict[str, Any]:
    """Return the JSON schema of one field; null is the same as leaving it out."""
    about = {"description": f"{field.label}. {field.help}".strip()}
    match field.kind:
        case "choice":
            return about | {"enum": [*(name for name, _ in field.choices), "", None]}
        case "switch":
            return about | {"type": ["boolean", "null"]}
        case "number":
            return about | {"type": ["integer", "null"], "minimum": field.least, "maximum": field.most}
        case "width":
            number = {"type": "integer", "minimum": field.least, "maximum": field.most}
            return about | {"anyOf": [number, {"enum": ["full", "", None]}]}
        case "columns":
            column = {
                "type": "object",
                "properties": {
                    "width": {"type": ["number", "null"], "minimum": 10, "maximum": 90, "description": "Per cent."},
                    "blocks": {"type": "array", "items": {"$ref": f"{REF}Block"}, "description": "Without columns."},
                },
                "additionalProperties": False,
            }
            return about | {"type": "array", "minItems": field.least, "maxItems": field.most, "items": column}
        case "links":
            link = {
                "type": "object",
                "properties": {"network": {"enum": [name for name, _ in field.choices]}, "href": {"type": "string"}},
                "required": ["network", "href"],
            }
            return about | {"type": "array", "minItems": field.least, "maxItems": field.most, "items": link}
    longest = {"maxLength": field.longest} if field.longest else {}
    return about | {"type": ["string", "null"], **longest}


def _block(block: BlockType) -> dict[str, Any]:
    slot = {"type": ["string", "null"], "description": "The name of a slot whose words replace these."}
    return {
        "type": "object",
        "description": f"{block.label}. {block.help}".strip(),
        "properties": {
            "type": {"const": block.type},
            **{field.name: _field(field) for field in block.fields},
            **({"slot": slot} if block.words else {}),
        },
        "required": ["type", *(field.name for field in block.fields if field.required)],
        "additionalProperties": False,
    }


def components() -> dict[str, Any]:
    """Return the components of the OpenAPI document that describe blocks and styles."""
    found = {component(kind): _block(block) for kind, block in designing.BLOCKS.items()}
    mapping = {kind: f"{REF}{component(kind)}" for kind in designing.BLOCKS}
    return {
        "Block": {
            "oneOf": [{"$ref": address} for address in mapping.values()],
            "discriminator": {"propertyName": "type", "mapping": mapping},
        },
        **found,
        "LayoutStyle": {
            "type": "object",
            "properties": {
                **{name: {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"} for name in designing.COLOURS},
                "font": {"enum": [*designing.FONTS]},
                "width": {
                    "type": "integer",
                    "minimum": LEAST_WIDTH,
                    "maximum": MOST_WIDTH,
                    "description": "In pixels.",
                },
                "radius": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": MOST_RADIUS,
                    "description": "Of corners, in pixels.",
                },
            },
            "additionalProperties": False,
        },
    }


@extend_schema_field({"type": "array", "items": {"$ref": f"{REF}Block"}})
class BlockListField(ArrayField):
    """A list of blocks; `designing` checks them, with everything around them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MOST_BLOCKS, **kwargs)


@extend_schema_field(
    {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "object"}]}},
)
class SlotWordsField(ObjectField):
    """The words of slots by their names."""


@extend_schema_field({"$ref": f"{REF}LayoutStyle"})
class LayoutStyleField(ObjectField):
    """Colours, font and measures of a layout."""
