"""What ``aigc`` is measured against: one file a peer, fixed before ours was tuned.

Peers that are packages run as they are. Peers that are scripts are written again from their published description:
the same architecture, float32, plain Adam, an ``.item()`` a step, a DataLoader over pictures that are made item by
item. Each file says where its peer is published, what is kept, and what is left out. ``bare`` and ``components`` are no
peers: the first is a loop without a framework, the second holds the peers' networks under our own training contract.
"""
