from django.db import models

from .base import Base
from .organizations import Organization


class Media(Base):
    """A file that messages attach or show."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="media")
    file = models.FileField(upload_to="media/%Y/%m/")
    filename = models.CharField(max_length=255, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name_plural = "media"

    def __str__(self) -> str:
        return self.filename or str(self.file.name)

    def save(self, *args, **kwargs) -> None:
        self.filename = self.filename or str(self.file.name)
        self.size = self.file.size
        super().save(*args, **kwargs)
