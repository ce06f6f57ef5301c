"""Renderings: each spells the same results for one reader, and knows none of the others."""
