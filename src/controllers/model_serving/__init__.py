"""Model serving as ModelMesh and KServe do it: the controller, the model server, the puller."""
