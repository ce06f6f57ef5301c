"""Tests of exporter.trust, one module for each kind of store."""
