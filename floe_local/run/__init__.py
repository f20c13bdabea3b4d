"""Run: the workspace, the Docker engine, images, readiness."""
