"""A supply chain as large as asked for: made-up facts, fed as contract events, signed by nobody.

Everything that comes of it says that it is synthetic; only the snapshot is signed.
"""
