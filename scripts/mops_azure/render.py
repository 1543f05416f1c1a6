"""A plan as text for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import Any

from mops_azure.plan import Plan, Step, forces_replacement
from mops_azure.resources import BY_NAME

SIGNS = {"create": "+", "update": "~", "replace": "-/+", "delete": "-", "keep": "="}
WORDS = {
    "create": "create",
    "update": "update in place",
    "replace": "replace",
    "delete": "delete",
    "keep": "nothing to do",
}


def plan_lines(plan: Plan) -> list[str]:
    """One line per resource, one per differing property, and a summary."""
    width = max(len(_title(step)) for step in plan.steps)
    lines: list[str] = []
    for step in plan.steps:
        note = f" ({step.note})" if step.note else ""
        lines.append(f"{SIGNS[step.action]:>3} {_title(step):<{width}}  {WORDS[step.action]}{note}")
        lines += [f"      {line}" for line in _details(step)]
    lines += [f"note: {note}" for note in plan.notes]
    lines.append(summary(plan))
    return lines


def summary(plan: Plan) -> str:
    counts = {action: sum(step.action == action for step in plan.steps) for action in SIGNS}
    if not plan.changes:
        return "Nothing to do: Azure is as the config says."
    deleted = f"{counts['delete']} to delete, " if counts["delete"] else ""
    return (
        f"Plan: {counts['create']} to create, {counts['update']} to update in place, {counts['replace']} to replace, "
        f"{deleted}{counts['keep']} unchanged."
    )


def _title(step: Step) -> str:
    return f"{step.resource.kind} {step.resource.name}"


def _details(step: Step) -> list[str]:
    if step.action == "create":
        told = BY_NAME[step.resource.kind].summary
        return told(step.resource) if told else []
    return [
        f"{one.path.removeprefix('properties.')}: {_value(one.live)} -> {_value(one.desired)}"
        + (" (forces replacement)" if forces_replacement(step, one) else "")
        for one in step.differences
    ]


def _value(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def plan_json(plan: Plan) -> dict[str, Any]:
    """The same for programs, without bodies, so without secrets."""
    return {
        "changes": len(plan.changes),
        "notes": list(plan.notes),
        "steps": [
            {
                "action": step.action,
                "kind": step.resource.kind,
                "name": step.resource.name,
                "id": step.resource.id,
                "note": step.note,
                "differences": [
                    {
                        "path": one.path,
                        "live": one.live,
                        "desired": one.desired,
                        "forces_replacement": forces_replacement(step, one),
                    }
                    for one in step.differences
                ],
            }
            for step in plan.steps
        ],
    }
