"""Which attributes have an index, and one that counts attendances by their status."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0007_consent_by_mail"),
    ]

    operations = [
        migrations.AddField(
            model_name="attribute",
            name="index_state",
            field=models.CharField(
                blank=True,
                choices=[("building", "Being built"), ("ready", "Ready"), ("failed", "Failed")],
                editable=False,
                max_length=10,
                verbose_name="index",
            ),
        ),
        migrations.AddField(
            model_name="attribute",
            name="is_indexed",
            field=models.BooleanField(
                default=False,
                help_text="Rules that choose few people by it are found fast; writing contacts costs more.",
                verbose_name="indexed",
            ),
        ),
        migrations.AddIndex(
            model_name="attendance",
            index=models.Index(fields=["activity", "status", "contact"], name="attendance_by_status"),
        ),
    ]
