"""The database of a pipeline server: MariaDB as any user on any volume."""
