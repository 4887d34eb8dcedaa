"""The parts that the factory depends on, each with its holder, its law, and what happens when it is cut off.

Hardware runs on without its vendor and is not replaced; software runs on without patches; a
licence, a heartbeat, a remote attestation, a line or a contract stops. Services that every factory
needs and the description does not name (identity, names, time, certificates, package source)
stand in the graph as parts whose holder is not described; nothing about them is assumed.
"""
