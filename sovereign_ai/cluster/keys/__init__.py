"""Keys of local control planes, in a PKCS#11 module: one for each trust level, one for the control plane.

Rules of this room:

- A key never leaves its module. What is encrypted under it is a seed, as the KMS v2 API requires.
- The PIN is read from a file of mode 0600. It appears in no argument, environment, log or state.
- The module itself refuses a withdrawn key, so that no process of this package can be made to use it.
- A missing answer is an error. Only the module's own refusal makes a secret withdrawn.

The processes and their calls (docs/adr/0007-key-cut-off.md has the reasons):

    kube-apiserver --KMS v2--> keys (PKCS#11)        the control plane's key: all secrets and configmaps
    kube-apiserver --etcd----> secret-gate --> etcd  secrets only
                               secret-gate --KMS v2--> keys   the trust level's key
"""
