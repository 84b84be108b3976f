"""Make room for the longest attendance status; the statuses themselves need no migration."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0027_people_a_day"),
    ]

    operations = [
        migrations.AlterField(
            model_name="attendance",
            name="status",
            field=models.CharField(default="booked", max_length=16),
        ),
        migrations.AlterField(
            model_name="broadcast",
            name="attendance_status",
            field=models.CharField(blank=True, max_length=16, null=True),
        ),
    ]
