"""What SPDX 2.3 demands of a document, as a check: mandatory fields, their form, and that references have an end.

Debian has no validator of SPDX; the rules are those of the specification's chapters 6 to 11, for what sbom.py writes.
"""
import hashlib
import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
ID = r"SPDXRef-[A-Za-z0-9.-]+"
PERSON = r"(NOASSERTION|(Person|Organization): .+)"
EXPRESSION = r"(NOASSERTION|NONE|[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*)"
DOCUMENT = {"spdxVersion": r"SPDX-2\.3", "dataLicense": r"CC0-1\.0", "SPDXID": "SPDXRef-DOCUMENT", "name": ".+",
            "documentNamespace": r"https?://[^#\s]+"}
PACKAGE = {"SPDXID": ID, "name": ".+", "downloadLocation": r"(NOASSERTION|NONE|\w[\w+.-]*:.+)", "versionInfo": ".+",
           "supplier": PERSON, "licenseConcluded": EXPRESSION, "licenseDeclared": EXPRESSION, "copyrightText": ".+"}
FILE = {"SPDXID": ID, "fileName": r"\./.+"}
RELATION = {"spdxElementId": ID, "relatedSpdxElement": ID, "relationshipType": "(DESCRIBES|CONTAINS)"}
SUMS = {"SHA1": 40, "SHA256": 64}


def fields(entry: Json, rules: dict[str, str], what: str) -> Iterator[str]:
    """Fields that are missing or of another form."""
    for name, pattern in rules.items():
        value = entry.get(name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield f"{what}: {name} is {value!r}"


def sums(entry: Json, what: str, needed: set[str]) -> Iterator[str]:
    """Checksums of another form, and a kind that is missing."""
    found = {one.get("algorithm"): one.get("checksumValue", "") for one in entry.get("checksums", [])}
    for name in needed - found.keys():
        yield f"{what}: no checksum {name}"
    for name, value in found.items():
        if not re.fullmatch(rf"[0-9a-f]{{{SUMS.get(name, 0)}}}", value):
            yield f"{what}: checksum {name} is {value!r}"


def package(entry: Json, files: list[Json]) -> Iterator[str]:
    """One package; its verification code is that of the files that it contains."""
    what = f"package {entry.get('name')}"
    yield from fields(entry, PACKAGE, what)
    yield from sums(entry, what, set())
    for reference in entry.get("externalRefs", []):
        yield from fields(reference, {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                      "referenceLocator": r"pkg:[a-z]+/\S+@\S+"}, what)
    if not isinstance(entry.get("filesAnalyzed"), bool) or entry["filesAnalyzed"] != bool(files):
        yield f"{what}: filesAnalyzed is {entry.get('filesAnalyzed')}, and it has {len(files)} files"
    if files:
        own = sorted(one["checksumValue"] for file in files for one in file["checksums"] if one["algorithm"] == "SHA1")
        if entry.get("packageVerificationCode", {}).get("packageVerificationCodeValue") != \
                hashlib.sha1("".join(own).encode()).hexdigest():
            yield f"{what}: packageVerificationCode does not fit its files"


def creation(entry: Json) -> Iterator[str]:
    """Who made the document and when."""
    yield from fields(entry, {"created": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"}, "creationInfo")
    creators = entry.get("creators") or [None]
    for name in creators:
        yield from fields({"creator": name}, {"creator": r"(Person|Organization|Tool): .+"}, "creationInfo")


def references(document: Json) -> Iterator[str]:
    """Identifiers that are there twice, relations to what is not there, files that nothing contains."""
    names = [entry["SPDXID"] for entry in [document, *document["packages"], *document["files"]]]
    yield from (f"SPDXID {name} is there twice" for name in {name for name in names if names.count(name) > 1})
    relations, known = document["relationships"], set(names)
    for entry in relations:
        yield from fields(entry, RELATION, "relationship")
        yield from (f"relationship: {entry[end]} is not there"
                    for end in ("spdxElementId", "relatedSpdxElement") if entry[end] not in known)
    if not any(entry["relationshipType"] == "DESCRIBES" for entry in relations):
        yield "the document describes nothing"
    contained = {entry["relatedSpdxElement"] for entry in relations if entry["relationshipType"] == "CONTAINS"}
    yield from (f"{file['fileName']} belongs to no package" for file in document["files"]
                if file["SPDXID"] not in contained)


def problems(document: Json) -> list[str]:
    """Everything that is wrong with a document."""
    found = [*fields(document, DOCUMENT, "document"), *creation(document.get("creationInfo", {}))]
    files = {file["SPDXID"]: file for file in document["files"]}
    for file in files.values():
        found += [*fields(file, FILE, "file"), *sums(file, file["fileName"], {"SHA1"})]
    for entry in document["packages"]:
        own = [files[one["relatedSpdxElement"]] for one in document["relationships"]
               if one["spdxElementId"] == entry["SPDXID"] and one["relatedSpdxElement"] in files]
        found += package(entry, own)
    return [*found, *references(document)]
