"""Leave out whoever was sent an earlier broadcast."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0005_quiet_hours"),
    ]

    operations = [
        migrations.AddField(
            model_name="broadcast",
            name="excluded_broadcasts",
            field=models.ManyToManyField(
                blank=True,
                help_text="Whoever was sent one of these is left out.",
                related_name="+",
                to="broadcasts.broadcast",
            ),
        ),
        migrations.AddField(
            model_name="broadcast",
            name="excluded_days",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Only who was sent one of them in so many days; blank: ever.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(3650),
                ],
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("excluded", "In an excluded segment or broadcast"),
                    ("blocked", "Contact is blocked or archived"),
                    ("no_address", "No address for this channel"),
                    ("invalid_address", "The address cannot be sent to"),
                    ("duplicate", "Another contact has the same address"),
                    ("bounced", "The address bounced before"),
                    ("complained", "Complained before"),
                    ("suppressed", "On the suppression list"),
                    ("unsubscribed", "Unsubscribed"),
                    ("no_consent", "Did not consent"),
                    ("frequency_cap", "Got enough messages lately"),
                    ("no_translation", "No content in a language that fits"),
                    ("expired", "The broadcast had expired"),
                ],
                max_length=16,
            ),
        ),
    ]
