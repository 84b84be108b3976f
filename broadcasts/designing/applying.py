"""Write the HTML of messages and templates."""

from broadcasts.models import Content, Message, MessageTranslation, Organization, Template

from .making import Designed, design


def apply(owner: Message | Template, translation: Content) -> Designed:
    """Fill the HTML of a translation from its format, without saving it; raises InvalidInput as `design` does."""
    made = design(
        translation,
        layout=owner.layout,
        organization=organization_of(owner),
        syntax=owner.syntax,
        medium=owner.medium,
    )
    translation.html = made.html
    return made


def again(message: Message) -> None:
    """Make the HTML of a message once more, since its layout or a picture may have changed; saves what did change.

    Raises InvalidInput with the paths `translations.{language}.…`.
    """
    for translation in message.translations.all():
        before = translation.html
        apply(message, translation)
        if translation.html != before:
            MessageTranslation.objects.filter(pk=translation.pk).update(html=translation.html)


def organization_of(owner: Message | Template) -> Organization:
    return owner.broadcast.organization if isinstance(owner, Message) else owner.organization
