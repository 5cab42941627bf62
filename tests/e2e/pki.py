"""Who is who in the cluster: a certificate authority, a certificate and a kubeconfig for each part of it."""
from __future__ import annotations

import base64
import json
import secrets
import subprocess
from pathlib import Path

CLUSTER = "e2e"
DAYS = "3650"


class Authority:
    """Everything it makes lies in one directory: NAME.crt, NAME.key, NAME.conf."""

    def __init__(self, place: Path, server: str) -> None:
        self.place = place
        self._server = server

    def create(self) -> None:
        """The authority itself, and the key pair that signs service-account tokens."""
        self.place.mkdir(mode=0o700, parents=True)
        self._key("ca")
        self._openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=e2e-ca", "-days", DAYS, "-out", "ca.crt",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        self._key("sa")
        self._openssl("pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub")

    def issue(self, name: str, user: str, *groups: str, hosts: str = "") -> None:
        """A certificate for a user of the API that may also serve as one of `hosts` (IP:…,DNS:…)."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        extensions = ["keyUsage=critical,digitalSignature,keyEncipherment", "extendedKeyUsage=clientAuth,serverAuth"]
        if hosts:
            extensions.append(f"subjectAltName={hosts}")
        (self.place / f"{name}.ext").write_text("\n".join(extensions) + "\n")
        self._key(name)
        self._openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                      # Not openssl's file of the last number: workers get their certificates at the same time.
                      "-set_serial", f"0x{secrets.token_hex(16)}", "-days", DAYS, "-extfile", f"{name}.ext",
                      "-out", f"{name}.crt")

    def kubeconfig(self, name: str) -> Path:
        """A kubeconfig file for the user of certificate `name`, complete in itself."""

        def data(file: str) -> str:
            return base64.b64encode((self.place / file).read_bytes()).decode()

        cluster = {"server": self._server, "certificate-authority-data": data("ca.crt")}
        user = {"client-certificate-data": data(f"{name}.crt"), "client-key-data": data(f"{name}.key")}
        path = self.place / f"{name}.conf"
        path.touch(mode=0o600)
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": CLUSTER,
            "clusters": [{"name": CLUSTER, "cluster": cluster}], "users": [{"name": name, "user": user}],
            "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": name}}]}, indent=1))
        return path

    def _key(self, name: str) -> None:
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr.strip()}")
