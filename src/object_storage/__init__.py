"""S3 for a project: SeaweedFS with identities limited to their own buckets."""
