"""Send canaries: with the SDKs, and as the clients of pipelines do."""
