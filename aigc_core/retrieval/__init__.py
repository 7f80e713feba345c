"""Retrieval: pictures and texts as vectors, an index of a folder's, and what is nearest to a query.

Imported only when something is embedded or searched. Embedders are plugins'.
"""

from aigc_core.retrieval.embedding import embed_items
from aigc_core.retrieval.embeddings import Embeddings, embed
from aigc_core.retrieval.index import Hit, Index
from aigc_core.retrieval.opening import open_index
from aigc_core.retrieval.searching import search

__all__ = ["Embeddings", "Hit", "Index", "embed", "embed_items", "open_index", "search"]
