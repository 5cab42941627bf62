"""Kubernetes' own description of its objects, as a judge of ours: a field that it does not know is an error.

The description is api/openapi-spec/swagger.json of the Kubernetes module that the cluster tests build, and the CRDs of
the snapshot client's module. A real API server would drop an unknown field with a warning that nobody reads.
"""
from __future__ import annotations

import functools
import json
import pathlib
import subprocess
from typing import Any, Iterator

import jsonschema

from chart import documents
from e2e.kube import toolchain, versions

# The one API whose definition is in no module: the sidecar's documentation describes it.
SNAPSHOT_METADATA = {
    "type": "object", "additionalProperties": False, "required": ["spec"],
    "properties": {
        "apiVersion": {}, "kind": {}, "metadata": {"type": "object"},
        "spec": {"type": "object", "additionalProperties": False, "required": ["address", "audience", "caCert"],
                 "properties": {name: {"type": "string"} for name in ("address", "audience", "caCert")}},
    },
}  # fmt: skip


@functools.cache
def module(name: str) -> pathlib.Path:
    """The folder of a module, in the version that the cluster tests pin; downloaded if this machine has not got it."""
    spec = f"{name}@v{versions.modules()[name]}"
    argv = [toolchain.find(versions.go()), "mod", "download", "-json", spec]
    # Not in a module: go would look at that one's other dependencies.
    done = subprocess.run(argv, env=toolchain.environment(), cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"download {spec}: {done.stdout}{done.stderr} (is GOPROXY set?)")
    return pathlib.Path(json.loads(done.stdout)["Dir"])


def strict(schema: Any) -> Any:
    """The same schema, refusing what it does not name; numbers where Kubernetes takes them for strings."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    result = {key: strict(value) for key, value in schema.items() if key not in ("format", "x-kubernetes-validations")}
    if "properties" in schema and isinstance(schema["properties"], dict) and "additionalProperties" not in schema:
        result["additionalProperties"] = False
    return result


@functools.cache
def definitions() -> dict[str, Any]:
    """Kubernetes' definitions, strict."""
    text = (module(versions.KUBERNETES) / "api" / "openapi-spec" / "swagger.json").read_text()
    found = {name: strict(schema) for name, schema in json.loads(text)["definitions"].items()}
    found["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    return found


@functools.cache
def schemas() -> dict[tuple[str, str], dict[str, Any]]:
    """(apiVersion, kind) to the schema of that object."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, schema in definitions().items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            version = "/".join(part for part in (kind["group"], kind["version"]) if part)
            found[version, kind["kind"]] = {"$ref": f"#/definitions/{name}"}
    for path in (module(versions.SNAPSHOT_CRDS) / "config" / "crd").glob("*.storage.k8s.io_*.yaml"):
        found.update(custom(documents.one(path.read_text())["spec"]))
    found["cbt.storage.k8s.io/v1beta1", "SnapshotMetadataService"] = SNAPSHOT_METADATA
    return found


def custom(spec: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """The schemas of a CRD; metadata is any object's."""
    meta = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    for version in spec["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = meta
        yield (f"{spec['group']}/{version['name']}", spec["names"]["kind"]), schema


def complaints(thing: dict[str, Any]) -> list[str]:
    """What Kubernetes would not understand in an object; empty if nothing."""
    name = f"{thing.get('kind')}/{thing.get('metadata', {}).get('name')}"
    schema = schemas().get((str(thing.get("apiVersion")), str(thing.get("kind"))))
    if schema is None:
        return [f"{name}: no {thing.get('kind')} in {thing.get('apiVersion')}"]
    judge = jsonschema.Draft4Validator({**schema, "definitions": definitions()})
    return [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in judge.iter_errors(thing)]
