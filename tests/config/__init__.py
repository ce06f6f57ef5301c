"""Tests of the parts of the configuration."""
