"""First tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline_server.database import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    if op.get_bind().dialect.name in {"mysql", "mariadb"}:
        # Names and identifiers differ by case; an external database may come otherwise.
        op.execute("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("schema_title", sa.String(length=255), nullable=False),
        sa.Column("schema_version", sa.String(length=32), nullable=False),
        sa.Column("uri", types.LongText(), nullable=False),
        sa.Column("uri_digest", sa.String(length=64), nullable=False),
        sa.Column("metadata", types.Json(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("artifacts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_artifacts_run_id"), ["run_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_artifacts_task_id"), ["task_id"], unique=False)
        batch_op.create_index("ix_artifacts_uri", ["uri_digest"], unique=False)

    op.create_table(
        "documents",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", types.Json(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", types.LongText(), nullable=False),
        sa.Column("storage_state", sa.String(length=16), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_run_created_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    with op.batch_alter_table("experiments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_experiments_created_at"), ["created_at"], unique=False)

    op.create_table(
        "image_traits",
        sa.Column("image_digest", sa.String(length=64), nullable=False),
        sa.Column("image", types.LongText(), nullable=False),
        sa.Column("without_python", sa.Boolean(), nullable=False),
        sa.Column("learnt_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("image_digest"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "pipelines",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("description", types.LongText(), nullable=False),
        sa.Column("tags", types.Json(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    with op.batch_alter_table("pipelines", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pipelines_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_pipelines_display_name"), ["display_name"], unique=False
        )

    op.create_table(
        "pipeline_versions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("pipeline_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("description", types.LongText(), nullable=False),
        sa.Column("tags", types.Json(), nullable=False),
        sa.Column("code_source_url", sa.String(length=2048), nullable=False),
        sa.Column("document_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_digest"],
            ["documents.digest"],
        ),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pipeline_id", "name", name="uq_version_name"),
    )
    with op.batch_alter_table("pipeline_versions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pipeline_versions_created_at"), ["created_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_pipeline_versions_pipeline_id"), ["pipeline_id"], unique=False
        )

    op.create_table(
        "recurring_runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("description", types.LongText(), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("pipeline_id", sa.String(length=36), nullable=True),
        sa.Column("pipeline_version_id", sa.String(length=36), nullable=True),
        sa.Column("document_digest", sa.String(length=64), nullable=True),
        sa.Column("runtime_config", types.Json(), nullable=False),
        sa.Column("service_account", sa.String(length=255), nullable=False),
        sa.Column("max_concurrency", sa.Integer(), nullable=False),
        sa.Column("no_catchup", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("cron", sa.String(length=255), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=True),
        sa.Column("start_at", types.UtcDateTime(), nullable=True),
        sa.Column("end_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_tick_at", types.UtcDateTime(), nullable=True),
        sa.Column("next_tick_at", types.UtcDateTime(), nullable=True),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("error", types.LongText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_digest"],
            ["documents.digest"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("recurring_runs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_recurring_runs_created_at"), ["created_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recurring_runs_display_name"), ["display_name"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recurring_runs_experiment_id"), ["experiment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recurring_runs_next_tick_at"), ["next_tick_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recurring_runs_pipeline_id"), ["pipeline_id"], unique=False
        )

    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("description", types.LongText(), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("pipeline_id", sa.String(length=36), nullable=True),
        sa.Column("pipeline_version_id", sa.String(length=36), nullable=True),
        sa.Column("recurring_run_id", sa.String(length=36), nullable=True),
        sa.Column("tick_at", types.UtcDateTime(), nullable=True),
        sa.Column("request_key", sa.String(length=128), nullable=True),
        sa.Column("document_digest", sa.String(length=64), nullable=False),
        sa.Column("inline_spec", sa.Boolean(), nullable=False),
        sa.Column("runtime_config", types.Json(), nullable=False),
        sa.Column("service_account", sa.String(length=255), nullable=False),
        sa.Column("storage_state", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_history", types.Json(), nullable=False),
        sa.Column("error", types.LongText(), nullable=False),
        sa.Column("cancel_requested_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("scheduled_at", types.UtcDateTime(), nullable=False),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("wake_at", types.UtcDateTime(), nullable=True),
        sa.Column("pods_removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_digest"],
            ["documents.digest"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("recurring_run_id", "tick_at", name="uq_runs_tick"),
        sa.UniqueConstraint("request_key"),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_runs_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_runs_display_name"), ["display_name"], unique=False)
        batch_op.create_index(
            "ix_runs_experiment", ["experiment_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_runs_finished_at"), ["finished_at"], unique=False)
        batch_op.create_index("ix_runs_list", ["storage_state", "created_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_runs_pipeline_id"), ["pipeline_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_runs_pipeline_version_id"), ["pipeline_version_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_runs_pods_removed"), ["pods_removed"], unique=False)
        batch_op.create_index("ix_runs_wake", ["state", "wake_at"], unique=False)

    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("parent_id", sa.String(length=36), nullable=True),
        sa.Column("path", sa.String(length=700), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("component", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_history", types.Json(), nullable=False),
        sa.Column("inputs", types.Json(), nullable=False),
        sa.Column("outputs", types.Json(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("cached_from_id", sa.String(length=36), nullable=True),
        sa.Column("skip_reason", sa.String(length=16), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("attempt_base", sa.Integer(), nullable=False),
        sa.Column("pod_name", sa.String(length=255), nullable=False),
        sa.Column("log_uri", sa.String(length=2048), nullable=False),
        sa.Column("retry_at", types.UtcDateTime(), nullable=True),
        sa.Column("error", types.LongText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "path", name="uq_tasks_path"),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_tasks_fingerprint", ["fingerprint", "state", "finished_at"], unique=False
        )

    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pod_name", sa.String(length=63), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("pod_seen", sa.Boolean(), nullable=False),
        sa.Column("note", types.LongText(), nullable=False),
        sa.Column("report", types.Json(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("error", types.LongText(), nullable=False),
        sa.Column("log_uri", sa.String(length=2048), nullable=False),
        sa.Column("deadline_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pod_name"),
        sa.UniqueConstraint("task_id", "number", name="uq_attempts_number"),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_run_id"), ["run_id"], unique=False)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempts_run_id"))

    op.drop_table("attempts")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index("ix_tasks_fingerprint")

    op.drop_table("tasks")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("ix_runs_wake")
        batch_op.drop_index(batch_op.f("ix_runs_pods_removed"))
        batch_op.drop_index(batch_op.f("ix_runs_pipeline_version_id"))
        batch_op.drop_index(batch_op.f("ix_runs_pipeline_id"))
        batch_op.drop_index("ix_runs_list")
        batch_op.drop_index(batch_op.f("ix_runs_finished_at"))
        batch_op.drop_index("ix_runs_experiment")
        batch_op.drop_index(batch_op.f("ix_runs_display_name"))
        batch_op.drop_index(batch_op.f("ix_runs_created_at"))

    op.drop_table("runs")
    with op.batch_alter_table("recurring_runs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recurring_runs_pipeline_id"))
        batch_op.drop_index(batch_op.f("ix_recurring_runs_next_tick_at"))
        batch_op.drop_index(batch_op.f("ix_recurring_runs_experiment_id"))
        batch_op.drop_index(batch_op.f("ix_recurring_runs_display_name"))
        batch_op.drop_index(batch_op.f("ix_recurring_runs_created_at"))

    op.drop_table("recurring_runs")
    with op.batch_alter_table("pipeline_versions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pipeline_versions_pipeline_id"))
        batch_op.drop_index(batch_op.f("ix_pipeline_versions_created_at"))

    op.drop_table("pipeline_versions")
    with op.batch_alter_table("pipelines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pipelines_display_name"))
        batch_op.drop_index(batch_op.f("ix_pipelines_created_at"))

    op.drop_table("pipelines")
    op.drop_table("leases")
    op.drop_table("image_traits")
    with op.batch_alter_table("experiments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_experiments_created_at"))

    op.drop_table("experiments")
    op.drop_table("documents")
    with op.batch_alter_table("artifacts", schema=None) as batch_op:
        batch_op.drop_index("ix_artifacts_uri")
        batch_op.drop_index(batch_op.f("ix_artifacts_task_id"))
        batch_op.drop_index(batch_op.f("ix_artifacts_run_id"))

    op.drop_table("artifacts")
