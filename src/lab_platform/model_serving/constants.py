"""Names and ports that the controller, the model server and the puller share."""

REST_PORT = 8008
GRPC_PORT = 8033
PROXY_PORT = 8443
METRICS_PORT = 2112
ADMIN_PORT = 8001
PULLER_PORT = 8090

MODELS_DIR = "/models"
RAW_MODEL_DIR = "/mnt/models"
MANIFEST = "model.json"

STORAGE_CONFIG = "storage-config"
MODELS_KEY = "models.json"
