"""What the pages show of a project's objects: pure functions of a snapshot."""
