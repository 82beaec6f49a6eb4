"""Records that say the same: exactly (`exact`), in nearly the same words (`rouge`, `minhash`), in other words.

`compared` says what of a record is compared. A near-duplicate stage finds similar pairs in a `material.Material` and
leaves the rest to `near`: pairs are kept on disk (`pairs`), and which records go is decided from them (`decide`), so
that another threshold or policy decides anew without finding them anew.
"""
