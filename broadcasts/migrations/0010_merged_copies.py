"""Remember whose second copy a delivery is since contacts were merged."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0009_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="merged_into",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)), fields=["merged_into"], name="delivery_merged"
            ),
        ),
    ]
