"""The parts that a factory depends on: each with its holder, its jurisdiction, and the effect of a cut.

Hardware runs on without its vendor and is not replaced; software runs on without patches; a licence, a
heartbeat, a remote attestation, a line or a contract stops. Services that every factory needs and the
description does not name (identity, names, time, certificates, package source) are parts whose holder is not
described; nothing about them is assumed.
"""
