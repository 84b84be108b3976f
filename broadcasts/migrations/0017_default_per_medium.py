"""Let one channel be the default of each medium, as messages ask for it, and not of each kind of transport."""

from django.db import migrations, models


def leave_accounts_as_defaults(apps, schema_editor):
    """Unmark the console where there is an e-mail account: as a default it was never asked for before."""
    channels = apps.get_model("broadcasts", "Channel").objects
    owners = channels.filter(kind="email").values_list("organization", flat=True).distinct()
    channels.filter(is_default=True, organization__in=list(owners)).exclude(kind="email").update(is_default=False)


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0016_medium"),
    ]

    operations = [
        # The kinds that there are so far, email and console, both are of the medium e-mail.
        migrations.AddField(
            model_name="channel",
            name="medium",
            field=models.CharField(blank=True, default="email", editable=False, max_length=10),
            preserve_default=False,
        ),
        migrations.RunPython(leave_accounts_as_defaults, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="channel", name="channel_one_default"),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("organization", "medium"),
                name="channel_one_default",
                violation_error_message="Another channel of this medium is the default already.",
            ),
        ),
        migrations.AlterField(
            model_name="channel",
            name="is_default",
            field=models.BooleanField(default=False, verbose_name="default of its medium"),
        ),
    ]
