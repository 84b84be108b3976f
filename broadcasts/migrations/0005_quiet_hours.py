"""Quiet hours, local clock times, and an index by which a message's waiting rows are found."""

import django.core.validators
from django.db import migrations, models

import broadcasts.models.organizations


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0004_limits_and_turns"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="delivery",
            name="delivery_due",
        ),
        migrations.AddField(
            model_name="broadcast",
            name="ignore_quiet_hours",
            field=models.BooleanField(
                default=False, help_text="For what cannot wait until morning; never for marketing."
            ),
        ),
        migrations.AlterField(
            model_name="broadcast",
            name="local_time",
            field=models.BooleanField(
                default=False,
                help_text="The time above, as clocks show it where the organization is. It begins where that comes first and takes up to a day; whose time has passed already gets it at once.",
                verbose_name="at that clock time in each recipient's zone",
            ),
        ),
        migrations.AlterField(
            model_name="organization",
            name="frequency_cap",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Marketing messages that a contact gets at most within the days below, over all channels; blank: no limit.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(1000)],
            ),
        ),
        migrations.AlterField(
            model_name="organization",
            name="frequency_cap_days",
            field=models.PositiveSmallIntegerField(
                default=7,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)],
            ),
        ),
        migrations.AlterField(
            model_name="organization",
            name="quiet_hours",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='Per channel kind, in each recipient\'s time zone: {"sms": ["21:00", "08:00"]}.',
                validators=[broadcasts.models.organizations.validate_quiet_hours],
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["message", "due_at"], name="delivery_waiting"
            ),
        ),
    ]
