"""What runs apart from the tests: in a node, or as the host's end of the wire to it.

Nothing here imports the rest of the package: a node starts Python on an emulated processor, and
each import costs it a tenth of a second.
"""
