"""The Pulumi components and resources that a program declares, and their provider."""
