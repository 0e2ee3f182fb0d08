"""Running pipelines: planning (pure), pods, the engine, schedules."""
