"""How Django's own pages write days and moments: as `broadcasts.formats` does."""

from django.utils import timezone


class InZone(str):
    """A format of moments that ends with the name of the zone in which the page shows them."""

    def __str__(self) -> str:
        zone = "".join(f"\\{letter}" for letter in str(timezone.get_current_timezone()))
        return f"{super().__str__()} {zone}"


DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = InZone("j M Y, H:i")
