"""What a step that does not run yet waits for; a flag that nobody read goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline_server.database import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("tasks") as batch_op:
        batch_op.add_column(
            sa.Column("note", types.LongText(), nullable=False, server_default=sa.text("('')"))
        )
    with op.batch_alter_table("runs") as batch_op:
        batch_op.drop_index("ix_runs_pods_removed")
        batch_op.drop_column("pods_removed")


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("runs") as batch_op:
        batch_op.add_column(
            sa.Column("pods_removed", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.create_index("ix_runs_pods_removed", ["pods_removed"], unique=False)
    with op.batch_alter_table("tasks") as batch_op:
        batch_op.drop_column("note")
