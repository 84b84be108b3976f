"""Let copies fall back to the broadcast's next channel: the policy's fields, the moment on each copy, the counters."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0023_stored_calls_and_answers")]

    operations = [
        migrations.AlterField("broadcast", "channel_policy", models.CharField(default="first", max_length=8)),
        migrations.AddField(
            "broadcast",
            "fallback_fact",
            models.CharField(blank=True, max_length=12, null=True, verbose_name="fall back unless it is"),
        ),
        migrations.AddField(
            "broadcast",
            "fallback_minutes",
            models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[MinValueValidator(1), MaxValueValidator(10080)],
                verbose_name="fall back after minutes",
            ),
        ),
        migrations.AddField(
            "broadcast",
            "fallback_unknown",
            models.BooleanField(default=False, verbose_name="fall back when the outcome is unknown"),
        ),
        migrations.AddField("batch", "fallbacks", models.IntegerField(default=0)),
        migrations.AddField("batch", "repeats", models.IntegerField(default=0)),
        migrations.AddField("delivery", "fallback_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddIndex(
            "delivery",
            models.Index(
                condition=models.Q(("fallback_at__isnull", False)),
                fields=["message", "fallback_at"],
                name="delivery_falls_back",
            ),
        ),
        migrations.AddIndex(
            "delivery",
            models.Index(
                condition=models.Q(("replaces__isnull", False)), fields=["replaces"], name="delivery_replaced"
            ),
        ),
    ]
