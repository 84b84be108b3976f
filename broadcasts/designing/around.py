"""Check what stands around content."""

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Format, Layout, Syntax, TemplateTranslation

from .applying import check
from .blocks import Problems, validate_blocks
from .making import design
from .styles import validate_style

PARTS = ("header", "footer")
BETWEEN = [{"type": "spacer"}]  # content, since nothing is put around none


def check_layout(layout: Layout) -> None:
    """Check a layout, saved or not; raises InvalidInput with paths such as `header[0].html` and `style.link`."""
    problems = Problems()
    for name in PARTS:
        try:
            validate_blocks(getattr(layout, name), name)
        except InvalidInput as error:
            problems |= error.errors
    problems |= validate_style(layout.style)
    problems.refuse()
    for name in PARTS:
        alone = Layout(organization=layout.organization, style=layout.style, **{name: getattr(layout, name)})
        _check_part(name, alone)


def _check_part(name: str, layout: Layout) -> None:
    organization = layout.organization
    content = TemplateTranslation(language=organization.primary_language, format=Format.BLOCKS, blocks=BETWEEN)
    try:
        made = design(content, layout=layout, organization=organization, syntax=Syntax.LIQUID)
        check(rendering.Checker(organization), Syntax.LIQUID, {"html": made.html}, made)
    except InvalidInput as error:
        found = {path.removeprefix("layout."): words for path, words in error.errors.items()}
        raise InvalidInput({name if path == "html" else path: words for path, words in found.items()}) from None
