"""Tests of what is fetched to judge."""
