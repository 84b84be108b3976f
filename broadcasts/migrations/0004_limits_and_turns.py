"""Rates per receiving domain, the warm-up of a channel, and whose turn it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0003_trouble"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="domain_rates",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='Messages per second at most, by the domain of the address: {"gmail.com": 20, "*": 100}; * is for each other domain.',
                verbose_name="rates per receiving domain",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="resting_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="channelrate",
            name="booked",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="message",
            name="gave_way_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="channel",
            name="ramp",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='Messages per day at most, growing: {"start": 200, "growth": 1.5} allows 200 on the first day, 300 on the second, 450 on the third. It counts from the day it is saved; blank: no warm-up.',
                verbose_name="warm-up",
            ),
        ),
    ]
