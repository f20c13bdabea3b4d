"""The blueprint of the AWS catalog: one of the two backends that the plugin's events go to."""
