"""Certificates that vouch for themselves."""
import subprocess


def certificate(folder, name):
    """Makes one for 127.0.0.1, and returns the files of it and of its key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-out", cert, "-keyout", key],
        check=True, stderr=subprocess.DEVNULL)
    return cert, key
