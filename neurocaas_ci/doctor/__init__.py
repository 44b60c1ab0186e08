"""Checks of a machine, a registry and a forge's settings, each with a fix for what is wrong."""
