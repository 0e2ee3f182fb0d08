"""The page on which people look at pipelines and their runs."""
