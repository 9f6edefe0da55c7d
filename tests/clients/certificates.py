"""Certificates for tests: an authority, and what it signs, made by openssl."""

from programs import run
from secret_watch import register_key


class Authority:
    """A root of trust in a folder of its own."""

    def __init__(self, folder, name="Test authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.serial = folder, 0
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self._key, "-out", self.certificate, "-days", "30", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        register_key(self._key)

    def issue(self, common_name, hosts=("127.0.0.1", "localhost"), key=("ec", "-pkeyopt",
              "ec_paramgen_curve:P-256"), days=30):
        """Certificate and key files for a server of these hosts, or a client of that name."""
        self.serial += 1
        base = self.folder / f"{common_name.replace('/', '-')}-{self.serial}"
        names = ",".join(("IP:" if host[0].isdigit() or ":" in host else "DNS:") + host for host in hosts)
        extensions = base.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        request, certificate, private = (base.with_suffix(end) for end in (".csr", ".pem", ".key"))
        run("openssl", "req", "-new", "-newkey", *key, "-nodes", "-keyout", private, "-out", request,
            "-subj", f"/CN={common_name}")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
            "-set_serial", self.serial, "-days", days, "-extfile", extensions, "-out", certificate)
        register_key(private)
        return certificate, private
