"""The machine learning of the MNIST lab: data, model, training, export, inference client."""
