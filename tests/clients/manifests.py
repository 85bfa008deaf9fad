"""Checks what deploy/ ships against the schemas of those who read it, and prints it as JSON.

usage: manifests.py kubernetes FILE VERSION...   kubernetes-validate's schemas, strictly; prints a list
       manifests.py ecs FILE                     botocore's model of RegisterTaskDefinition
       manifests.py yaml FILE                    no schema

Faults go to standard error; then the exit code is 1.
"""

import json
import sys


def kubernetes(versions, manifests):
    """The faults of each manifest. Kinds of the Prometheus operator have no schema here, and no others may."""
    import kubernetes_validate

    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        if manifest["apiVersion"] == "monitoring.coreos.com/v1":
            continue
        for version in versions:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{name}: {error.message}"
            except kubernetes_validate.ValidationError as error:
                yield f"{name}, {version}: {'/'.join(map(str, error.path))}: {error.message}"


def ecs(definition):
    """The faults of a task definition. botocore itself looks at names, types and ranges, and not at enums."""
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    report = ParamValidator().validate(definition, shape)
    if report.has_errors():
        yield report.generate_report()
    else:
        yield from enums(definition, shape, "task definition")


def enums(value, shape, path):
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from enums(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for member in value:
            yield from enums(member, shape.member, path)
    elif shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: {value} is none of {', '.join(shape.enum)}"


def main(kind, path, *versions):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if kind == "ecs":
        content = json.loads(text)
        faults = list(ecs(content))
    else:
        import yaml

        content = list(yaml.safe_load_all(text))
        faults = list(kubernetes(versions, content)) if kind == "kubernetes" else []
    for fault in faults:
        print(fault, file=sys.stderr)
    json.dump(content, sys.stdout)
    return 1 if faults else 0


sys.exit(main(*sys.argv[1:]))
