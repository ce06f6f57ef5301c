"""Tests of what lives long."""
