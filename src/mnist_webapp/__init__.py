"""The drawing page of the MNIST lab and its serverless preprocessing function."""
