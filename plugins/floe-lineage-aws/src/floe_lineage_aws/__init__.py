"""The AWS lineage backend plugin for floe: Marquez, and the AWS catalog."""

from __future__ import annotations

from floe_lineage_aws.plugin import AwsPlugin

__all__ = ["AwsPlugin"]
