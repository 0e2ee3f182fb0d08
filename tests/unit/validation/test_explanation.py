"""What the object store's client says becomes a sentence about the data connection."""

from __future__ import annotations

import pytest

from lab_validation.explanation import Explainer

explain = Explainer("mnist/aws-connection-s3-creds")
CLIENT = "botocore.exceptions.ClientError: An error occurred"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            f"{CLIENT} (SignatureDoesNotMatch) when calling the GetObject operation: The request "
            "signature we calculated does not match the signature you provided.",
            "refuses the key in Secret aws-connection-s3-creds: the secret key is wrong",
        ),
        (
            f"{CLIENT} (InvalidAccessKeyId) when calling the ListObjects operation: The access key "
            "ID you provided does not exist in our records.",
            "does not know the key in Secret aws-connection-s3-creds",
        ),
        (
            f"{CLIENT} (NoSuchBucket) when calling the ListObjects operation: The specified bucket "
            "does not exist",
            "looks for a bucket that its object store does not have",
        ),
        (
            "botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "
            '"https://store.example/rhods"',
            "cannot reach its object store at https://store.example/rhods",
        ),
    ],
)
def test_an_error_of_the_store_is_told(said: str, told: str) -> None:
    assert explain(said).startswith("The data connection ")
    assert explain(said).endswith(told)


def test_other_words_stay_as_they_are() -> None:
    for said in ("it answered 403 at the storage", f"{CLIENT} (SlowDown) when calling x: y"):
        assert explain(said) == said
