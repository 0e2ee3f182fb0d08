"""The controller of DataSciencePipelinesApplication: database, object store, pipeline server."""
