"""Call what kind of address a message travels to its medium, in columns, stored conditions and waiting imports."""

from django.db import migrations, models

import broadcasts.models.organizations

RENAMED = ("consent", "consentchange", "suppression", "template")
STORED = (("Segment", "rules"), ("Broadcast", "query"))


def renamed(value, old, new):
    """Return a condition in which a key has another name, at all depths."""
    if isinstance(value, dict):
        return {new if key == old else key: renamed(one, old, new) for key, one in value.items()}
    if isinstance(value, list):
        return [renamed(one, old, new) for one in value]
    return value


def rename_in_conditions(apps, old, new):
    for name, column in STORED:
        model = apps.get_model("broadcasts", name)
        for row in model.objects.only("pk", column).iterator(1000):
            before = getattr(row, column)
            after = renamed(before, old, new)
            if after != before:
                model.objects.filter(pk=row.pk).update(**{column: after})


def rename_in_imports(apps, old, new):
    """Rename what a waiting import was told, and the field that its columns fill; attributes keep their names."""
    jobs = apps.get_model("broadcasts", "ImportJob").objects
    for job in jobs.only("pk", "options", "mapping").iterator(1000):
        told = {name: renamed(job.options[name], old, new) for name in ("consent", "defaults") if name in job.options}
        options = {**job.options, **told}
        mapping = {header: new if target == old else target for header, target in job.mapping.items()}
        if (options, mapping) != (job.options, job.mapping):
            jobs.filter(pk=job.pk).update(options=options, mapping=mapping)


def forward(apps, schema_editor):
    rename_in_conditions(apps, "channel_kind", "medium")
    rename_in_imports(apps, "channel_kind", "medium")


def back(apps, schema_editor):
    rename_in_conditions(apps, "medium", "channel_kind")
    rename_in_imports(apps, "medium", "channel_kind")


RENAMES = [migrations.RenameField(model, "channel_kind", "medium") for model in RENAMED]


class Migration(migrations.Migration):
    dependencies = [
        ("broadcasts", "0015_allowances"),
    ]

    operations = [
        # Both databases keep the constraints of a column that is renamed: only Django has to hear of it.
        migrations.SeparateDatabaseAndState(
            database_operations=RENAMES,
            state_operations=[
                migrations.RemoveConstraint("consent", "consent_once"),
                migrations.RemoveConstraint("suppression", "suppression_once"),
                *RENAMES,
                migrations.AddConstraint(
                    "consent",
                    models.UniqueConstraint(fields=("contact", "medium", "use_case"), name="consent_once"),
                ),
                migrations.AddConstraint(
                    "suppression",
                    models.UniqueConstraint(
                        fields=("organization", "medium", "address_hash", "reason"),
                        name="suppression_once",
                        violation_error_message="This address is suppressed for this reason already.",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="organization",
            name="quiet_hours",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='Per medium, in each recipient\'s time zone: {"sms": ["21:00", "08:00"]}.',
                validators=[broadcasts.models.organizations.validate_quiet_hours],
            ),
        ),
        migrations.RunPython(forward, back),
    ]
