"""From a managed database to a run's Secret: a Job in the run's namespace makes the run's role, as the database's admin. Pure."""

from __future__ import annotations

from typing import Any

from mops_azure.bindings import DatabaseBinding

ROLE_SQL = r"""\getenv role PGROLE
\getenv password PGROLEPASSWORD
\getenv database PGDATABASE
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" WITH LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO :"role";
GRANT USAGE, CREATE ON SCHEMA public TO :"role";
"""
"""For psql, as often as one likes; no secret is in its text or on a command line."""

HARDENED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def secret(binding: DatabaseBinding, *, name: str, namespace: str, role: str, password: str) -> dict[str, Any]:
    """What `adaptive-run` reads with `centralStore: {mode: managed, existingSecret: NAME}`."""
    said = {
        "PGHOST": binding.host,
        "PGPORT": str(binding.port),
        "PGDATABASE": binding.database,
        "PGUSER": role,
        "PGPASSWORD": password,
    }
    return _secret(name, namespace, said)


def bootstrap(binding: DatabaseBinding, *, name: str, namespace: str, image: str) -> list[dict[str, Any]]:
    """The admin's Secret and the Job, both to be deleted when the Job is done. `name` is the run's Secret; `image` has psql."""
    admin = f"{name}-admin"
    job_name = f"{name}-role"
    said = {"PGUSER": binding.admin, "PGPASSWORD": binding.password, "PGSSLMODE": "require", "role.sql": ROLE_SQL}
    return [
        _secret(admin, namespace, said),
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": job_name, "namespace": namespace},
            "spec": {
                "backoffLimit": 6,
                "ttlSecondsAfterFinished": 600,
                "template": {"spec": _pod(image, run_secret=name, admin_secret=admin)},
            },
        },
    ]


def _pod(image: str, *, run_secret: str, admin_secret: str) -> dict[str, Any]:
    def value(variable: str, holder: str, key: str = "") -> dict[str, Any]:
        return {"name": variable, "valueFrom": {"secretKeyRef": {"name": holder, "key": key or variable}}}

    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "role",
                "image": image,
                "command": ["sh", "-c", "psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file /etc/modelops/role.sql"],
                "env": [
                    *(value(one, run_secret) for one in ("PGHOST", "PGPORT", "PGDATABASE")),
                    *(value(one, admin_secret) for one in ("PGUSER", "PGPASSWORD", "PGSSLMODE")),
                    value("PGROLE", run_secret, "PGUSER"),
                    value("PGROLEPASSWORD", run_secret, "PGPASSWORD"),
                ],
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "securityContext": HARDENED,
                "volumeMounts": [{"name": "sql", "mountPath": "/etc/modelops", "readOnly": True}],
            }
        ],
        "volumes": [
            {"name": "sql", "secret": {"secretName": admin_secret, "items": [{"key": "role.sql", "path": "role.sql"}]}}
        ],
    }


def _secret(name: str, namespace: str, said: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": "modelops"}},
        "stringData": said,
    }
