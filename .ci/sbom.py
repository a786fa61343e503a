#!/usr/bin/env python3
"""Writes a bill of materials of the binary, in CycloneDX 1.5: every crate that is compiled into it, as the lock file pins it.

cargo metadata is read from stdin. What only builds or tests need is left out, but for the crates that the built-in plugins are made of:
those are in the binary, too. https://cyclonedx.org/docs/1.5/json/
"""

import json
import sys


def is_normal(dependency):
    return any(kind["kind"] is None for kind in dependency["dep_kinds"])


def reached(roots, nodes):
    found, waiting = set(), list(roots)
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        found.add(package)
        waiting += [dependency["pkg"] for dependency in nodes[package]["deps"] if is_normal(dependency)]
    return found


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, digests):
    found = {
        "type": "application" if package["name"] == "capstan" else "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package.get("license"):
        # Some still write `MIT/Apache-2.0`.
        expression = " ".join(package["license"].replace("/", " OR ").split())
        found["licenses"] = [{"expression": expression}]
    digest = digests.get((package["name"], package["version"]))
    if digest:
        found["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return found


def checksums(path):
    """Reads what the lock file says of each crate from a registry."""
    digests, name, version = {}, None, None
    for line in open(path, encoding="utf-8"):
        key, _, value = line.strip().partition(" = ")
        value = value.strip('"')
        if key == "name":
            name = value
        elif key == "version":
            version = value
        elif key == "checksum":
            digests[(name, version)] = value
    return digests


def main():
    metadata = json.load(sys.stdin)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    ours = {packages[member]["name"]: member for member in metadata["workspace_members"]}
    plugins = [member for name, member in ours.items() if name.startswith("capstan-plugin-")]
    found = reached([ours["capstan"], *plugins], nodes)
    digests = checksums("Cargo.lock")
    by_name = sorted(found, key=lambda package: reference(packages[package]))
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[ours["capstan"]], digests)},
        "components": [component(packages[one], digests) for one in by_name if one != ours["capstan"]],
        "dependencies": [
            {
                "ref": reference(packages[one]),
                "dependsOn": sorted(
                    {reference(packages[other["pkg"]]) for other in nodes[one]["deps"] if is_normal(other)}
                ),
            }
            for one in by_name
        ],
    }
    json.dump(bill, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
