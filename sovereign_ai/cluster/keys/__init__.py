"""Keys of the planes that are ours: kept in a PKCS#11 module, one for each trust level and one for the plane.

Rules of this room:

- A key never leaves its module. What is encrypted under it is a seed, as the KMS v2 API wants it.
- The PIN is read from a file of mode 0600. It stands in no argument, environment, log or state.
- A withdrawn key is refused by the module itself, so that no process of ours can be talked round.
- An answer that is not there is an error. Only the module's own "no" makes a secret withdrawn.

How the processes stand (docs/adr/0007-key-cut-off.md says why):

    kube-apiserver --KMS v2--> keys (PKCS#11)        the plane's key: all secrets and configmaps
    kube-apiserver --etcd----> secret-gate --> etcd  secrets only
                               secret-gate --KMS v2--> keys   the trust level's key
"""
