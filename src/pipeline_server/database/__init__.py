"""Tables, connection and migrations of the pipeline server."""
