"""Stores of secrets of the External Secrets Operator, and certificates of cert-manager."""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import Addon, absent, below, places
from sovereign_ai.rules.places.fields import Field

# Every provider but these two is somebody's service; a cloud's own login asks the cloud.
_SECRET_STORE = (
    Field("spec", "required-keys", ("provider",)),
    Field("spec.provider", "allowed-keys", ("kubernetes", "vault")),
    *places("spec.provider.vault.server", "spec.provider.kubernetes.server.url"),
    # A configuration of `kubectl` in a Secret may lead to any cluster.
    *absent(
        "spec.provider.vault.auth.gcp", "spec.provider.vault.auth.iam", "spec.provider.kubernetes.authRef"
    ),
    # Whoever a token is for may use it.
    *places(
        "spec.provider.kubernetes.auth.serviceAccount.audiences[]",
        "spec.provider.vault.auth.kubernetes.serviceAccountRef.audiences[]",
        "spec.provider.vault.auth.jwt.kubernetesServiceAccountToken.audiences[]",
        "spec.provider.vault.auth.jwt.kubernetesServiceAccountToken.serviceAccountRef.audiences[]",
    ),
)


def _secret_store(kind: str) -> Addon:
    """Return a kind of store of the External Secrets Operator."""
    return Addon("external-secrets.io", kind, "network", "external-secrets.io/latest/api/spec", _SECRET_STORE)


# An issuer of another group is a kind of its own, which nothing here knows.
_CERT_MANAGER = "cert-manager.io/docs/reference/api-docs"
_OWN_ISSUER = Field("spec.issuerRef.group", "one-of", ("", "cert-manager.io"))


def _issued(kind: str) -> Addon:
    """Return a kind by which a certificate is asked for."""
    return Addon("cert-manager.io", kind, "network", _CERT_MANAGER, (_OWN_ISSUER,))


_SOLVER = (
    *absent("dns01"),
    Field("http01.ingress.serviceType", "one-of", ("", "ClusterIP")),
    Field("http01.gatewayHTTPRoute.serviceType", "one-of", ("", "ClusterIP")),
)
# The issuer's controller writes both in the namespace of the certificate, from what the server says.
_ORDER = Addon("acme.cert-manager.io", "Order", "network", _CERT_MANAGER, (_OWN_ISSUER,))
_CHALLENGE = Addon(
    "acme.cert-manager.io",
    "Challenge",
    "network",
    _CERT_MANAGER,
    (_OWN_ISSUER, *places("spec.url", "spec.authorizationURL"), *below(("spec.solver",), _SOLVER)),
)
_ISSUER = (
    *places("spec.acme.server", "spec.vault.server"),
    *absent("spec.venafi", "spec.vault.auth.aws"),
    *below(("spec.acme.solvers[]",), _SOLVER),
    # Whoever checks a certificate asks these addresses, which it holds.
    *absent("spec.ca.ocspServers", "spec.ca.crlDistributionPoints", "spec.ca.issuingCertificateURLs"),
)
SECRET_STORES = (
    _secret_store("SecretStore"),
    _secret_store("ClusterSecretStore"),
)
CERTIFICATES = (
    _issued("Certificate"),
    _issued("CertificateRequest"),
    _ORDER,
    _CHALLENGE,
    Addon("cert-manager.io", "Issuer", "network", _CERT_MANAGER, _ISSUER),
    Addon("cert-manager.io", "ClusterIssuer", "network", _CERT_MANAGER, _ISSUER),
)
