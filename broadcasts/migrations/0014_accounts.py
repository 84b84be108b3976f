"""Invitations, who issued a token, and audit entries of accounts that belong to no organization."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import broadcasts.models.base


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0013_suppression_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="issued_by",
            field=models.ForeignKey(
                editable=False,
                help_text="None of a command.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="audit",
                to="broadcasts.organization",
            ),
        ),
        # Entries without an organization go when the column must not be empty again.
        migrations.RunSQL(migrations.RunSQL.noop, "DELETE FROM broadcasts_auditentry WHERE organization_id IS NULL"),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                (
                    "role",
                    models.CharField(
                        choices=[("viewer", "Viewer"), ("author", "Author"), ("sender", "Sender"), ("admin", "Admin")],
                        default="viewer",
                        max_length=10,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("accepted", "Accepted"), ("withdrawn", "Withdrawn")],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True, verbose_name="accepted or withdrawn")),
                ("due_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True, verbose_name="mailed")),
                ("error", models.TextField(blank=True)),
                (
                    "invited_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="broadcasts.organization",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "-id"], name="invitation_newest"),
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="invitation_due"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("email"),
                        condition=models.Q(("status", "open")),
                        name="invitation_open_once",
                    )
                ],
            },
        ),
    ]
