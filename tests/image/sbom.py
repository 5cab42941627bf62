"""The software bill of materials of the image, SPDX 2.3 as JSON, made from the image's own root.

Each Debian package in it, the project, and every file with its checksums, as the content of one of them.
"""
from __future__ import annotations

import hashlib
import pathlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
# What Debian's machine-readable copyright files call licences -> SPDX; other names are told as a comment.
LICENCES = {
    "apache-2": "Apache-2.0", "apache-2.0": "Apache-2.0", "artistic": "Artistic-1.0-Perl",
    "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
    "bsl-1.0": "BSL-1.0", "expat": "MIT", "mit": "MIT", "isc": "ISC", "zlib": "Zlib",
    "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only", "gpl-3+": "GPL-3.0-or-later",
    "lgpl-2": "LGPL-2.0-only", "lgpl-2+": "LGPL-2.0-or-later", "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-2.1+": "LGPL-2.1-or-later", "lgpl-3": "LGPL-3.0-only", "lgpl-3+": "LGPL-3.0-or-later", "cc0-1.0": "CC0-1.0",
}
PROJECT = "rbd-csi"


def spdx_id(kind: str, name: str) -> str:
    """A name as an SPDX identifier, which knows letters, digits, points and dashes; no two names share one."""
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", lambda found: f"-{ord(found[0]):x}-", name)


def stanzas(root: pathlib.Path) -> Iterator[dict[str, str]]:
    """dpkg's fields of each package."""
    for text in (root / "var/lib/dpkg/status").read_text().strip().split("\n\n"):
        yield dict(re.findall(r"^([A-Za-z-]+): *(.*)$", text, re.MULTILINE))


def listing(root: pathlib.Path, package: dict[str, str]) -> pathlib.Path:
    """dpkg's list of the files of a package."""
    info = root / "var/lib/dpkg/info"
    qualified = info / f"{package['Package']}:{package['Architecture']}.list"
    return qualified if qualified.exists() else info / f"{package['Package']}.list"


def regular(root: pathlib.Path) -> dict[str, str]:
    """Every regular file of the root -> its SPDX identifier."""
    names = sorted(f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {name: spdx_id("File", name) for name in names}


def file_entry(root: pathlib.Path, name: str, identifier: str) -> Json:
    """One file with its checksums."""
    content = (root / name.lstrip("/")).read_bytes()
    sums = [{"algorithm": algorithm.upper(), "checksumValue": hashlib.new(algorithm, content).hexdigest()}
            for algorithm in ("sha1", "sha256")]
    return {"fileName": f".{name}", "SPDXID": identifier, "checksums": sums, "licenseConcluded": "NOASSERTION",
            "copyrightText": "NOASSERTION"}


def licence(root: pathlib.Path, package: str) -> Json:
    """What a package's copyright file declares, when it is machine-readable and SPDX knows every licence in it."""
    text = (root / f"usr/share/doc/{package}/copyright").read_text(errors="replace")
    names = set()
    if "copyright-format/1.0" in text:
        for line in re.findall(r"^License: *(\S.*)$", text, re.MULTILINE):
            names |= {word.strip(" ,").lower() for word in re.split(r" and | or |, ", line) if word.strip(" ,")}
    if names and names <= LICENCES.keys():
        return {"licenseDeclared": " AND ".join(sorted({LICENCES[name] for name in names}))}
    known = {"licenseComments": f"Debian's names of the licences: {', '.join(sorted(names))}"} if names else {}
    return {"licenseDeclared": "NOASSERTION", **known}


def verification(files: list[Json]) -> Json:
    """SPDX 2.3, 7.9: one checksum for the files of a package."""
    sums = sorted(file["checksums"][0]["checksumValue"] for file in files)
    return {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()}


def package_entry(name: str, version: str, supplier: str, purl: str, files: list[Json]) -> Json:
    """A package with the part of it that is in the image."""
    entry = {"name": name, "SPDXID": spdx_id("Package", name), "versionInfo": version, "supplier": supplier,
             "downloadLocation": "NOASSERTION", "filesAnalyzed": bool(files), "licenseConcluded": "NOASSERTION",
             "copyrightText": "NOASSERTION",
             "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                               "referenceLocator": purl}]}
    return {**entry, "packageVerificationCode": verification(files)} if files else entry


def debian(root: pathlib.Path, files: dict[str, Json]) -> Iterator[tuple[Json, list[Json]]]:
    """Each Debian package and its files, which are taken out of the given ones."""
    release = (root / "etc/debian_version").read_text().split(".")[0].strip()
    for fields in stanzas(root):
        names = [name for name in listing(root, fields).read_text().splitlines() if name in files]
        own = [files.pop(name) for name in names]
        name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=debian-{release}"
        entry = package_entry(name, version, "Organization: Debian", purl, own)
        entry["sourceInfo"] = f"built from the Debian source package {fields.get('Source', name)}"
        yield {**entry, **licence(root, name)}, own


def relation(element: str, kind: str, related: str) -> Json:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related}


def describe(root: pathlib.Path, reference: str, version: str, digest: str, created: str) -> Json:
    """The document. Files of no Debian package are the project's."""
    entries = {name: file_entry(root, name, identifier) for name, identifier in regular(root).items()}
    left = dict(entries)
    image = package_entry(reference, version, f"Organization: {PROJECT}",
                          f"pkg:oci/{PROJECT}@{quote(digest)}?tag={quote(version)}", [])
    image |= {"SPDXID": "SPDXRef-Image", "primaryPackagePurpose": "CONTAINER", "licenseDeclared": "NOASSERTION",
              "checksums": [{"algorithm": "SHA256", "checksumValue": digest.removeprefix("sha256:")}]}
    packages, relations = [image], [relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")]
    contents = list(debian(root, left))
    own = list(left.values())
    contents.append(({**package_entry(PROJECT, version, f"Organization: {PROJECT}", f"pkg:generic/{PROJECT}@{version}",
                                      own), "licenseDeclared": "Apache-2.0"}, own))
    for package, files in contents:
        packages.append(package)
        relations.append(relation("SPDXRef-Image", "CONTAINS", package["SPDXID"]))
        relations += [relation(package["SPDXID"], "CONTAINS", file["SPDXID"]) for file in files]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"{reference}@{digest}",
            "documentNamespace": f"https://github.com/rbd-csi/rbd-csi/spdx/{version}/{digest.removeprefix('sha256:')}",
            "creationInfo": {"created": created, "creators": ["Tool: rbd-csi-sbom", f"Organization: {PROJECT}"]},
            "packages": packages, "files": list(entries.values()), "relationships": relations}
