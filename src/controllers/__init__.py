"""The one process that runs every controller of the platform."""
