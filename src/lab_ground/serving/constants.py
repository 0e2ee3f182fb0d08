"""Names, ports and times that the controller, the model server and the puller share."""

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

# Copies of a server or model: a controller makes pods of any number, and is busy with all of them.
MOST_REPLICAS = 10
GROUP = "serving.kserve.io"
INFERENCE_SERVICE = ("serving.kserve.io/v1beta1", "InferenceService")
SERVING_RUNTIME = ("serving.kserve.io/v1alpha1", "ServingRuntime")
ROUTE = ("route.openshift.io/v1", "Route")

FINALIZER = "odh.inferenceservice.finalizers"
MODE_ANNOTATION = "serving.kserve.io/deploymentMode"
ENABLED_LABEL = "modelmesh-enabled"
ENABLE_ROUTE = "enable-route"
ENABLE_AUTH = "enable-auth"
RAW_ENABLE_AUTH = "security.opendatahub.io/enable-auth"
# Ours: the name that the model has in replies, which differs from content to content.
SERVED_AS = "lab.opendatahub.io/served-as"
RAW_VISIBILITY = "networking.kserve.io/visibility"

SERVICE = "modelmesh-serving"
SERVICE_ACCOUNT = "modelmesh-serving-sa"
TLS_SECRET = "model-serving-proxy-tls"  # noqa: S105 - a Secret's name
POD_LABEL = "modelmesh-service"
RUNTIME_LABEL = "modelmesh-runtime"
RAW_POD_LABEL = "serving.kserve.io/inferenceservice"
COMPONENT_LABEL = "app.kubernetes.io/component"
COMPONENT = "model-serving"

# Seconds until a project is looked at again in which nothing is expected to change.
QUIET = 60.0
