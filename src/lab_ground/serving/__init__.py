"""What the controller of model serving, the model server and the puller agree on."""
