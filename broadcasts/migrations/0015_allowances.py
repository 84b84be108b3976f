"""Count the requests of the API's tokens in a table, which nothing evicts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0014_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True)),
                ("hour", models.PositiveIntegerField()),
                ("granted", models.PositiveIntegerField(default=0)),
            ],
        ),
    ]
