"""The model server: MLServer with an ONNX Runtime class and a lean V2 REST and gRPC front."""
