"""A target: the observed data, the output that is compared with it, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_serializer

from modelops_runtime.losses.registry import default_options
from modelops_runtime.options.base import Mistake, StrictModel, mistake
from modelops_runtime.specs.losses import LossSpec
from modelops_runtime.specs.scalars import shown
from modelops_runtime.specs.values import NonEmpty, TextList

MatchKind = Literal["exact", "asof", "interpolate", "sum"]
MATCHES: tuple[MatchKind, ...] = ("exact", "asof", "interpolate", "sum")
_FORMS = "write {exact: day}, {asof: t, tolerance: 0.5}, {interpolate: t} or {sum: week}"


def _match_schema(schema: dict[str, Any]) -> None:
    """Exactly one kind of match, with its options."""
    schema["oneOf"] = [
        {
            "required": [kind, "tolerance"] if kind == "asof" else [kind],
            "properties": {
                kind: {"type": "string"},
                "tolerance": {"type": "number" if kind == "asof" else "null"},
                **({} if kind == "sum" else {"period": {"type": "null"}}),
            },
        }
        for kind in MATCHES
    ]


class MatchSpec(StrictModel):
    """Which rows of the output belong to which observation: one of exact, asof, interpolate, sum names the column."""

    model_config = ConfigDict(json_schema_extra=_match_schema)

    exact: NonEmpty | None = Field(default=None, description="column that is equal in data and output")
    asof: NonEmpty | None = Field(default=None, description="column; the last output row at or before the observation")
    interpolate: NonEmpty | None = Field(
        default=None, description="column; the output is read between its rows (stocks)"
    )
    sum: NonEmpty | None = Field(default=None, description="column; the output's rows are added up (flows)")
    tolerance: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="of asof: how far before; days when the column holds dates"
    )
    period: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="of sum: rows in (t - period, t]; left out: rows with the same value; days for dates"
    )
    by: TextList = Field(default=(), description="columns that make groups, equal in data and output")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        kinds = [kind for kind in MATCHES if given.get(kind) is not None]
        if len(kinds) != 1:
            wrong = f"{' and '.join(kinds)} are both given" if kinds else "there is no column to match on"
            return [Mistake((kinds[1],) if kinds else (), wrong, _FORMS)]
        (kind,) = kinds
        found: list[Mistake] = []
        if kind == "asof" and given.get("tolerance") is None:
            found.append(Mistake((), "asof has no tolerance", f"write {{asof: {given[kind]}, tolerance: 0.5}}"))
        for option, belongs in (("tolerance", "asof"), ("period", "sum")):
            if given.get(option) is not None and kind != belongs:
                right = f"leave it out, or match with {belongs}"
                found.append(Mistake((option,), f"{option} is for {belongs}, and the match is {kind}", right))
        return found + group_mistakes(given.get("by"), given[kind], ("by",))

    @property
    def kind(self) -> MatchKind:
        return next(kind for kind in MATCHES if getattr(self, kind) is not None)

    @property
    def on(self) -> str:
        """The name of the column in both the data and the output."""
        return getattr(self, self.kind)

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        options = {"tolerance": self.tolerance, "period": self.period, "by": list(self.by)}
        return {self.kind: self.on, **{key: value for key, value in options.items() if value not in (None, [])}}


def group_mistakes(by: object, on: object, loc: tuple[str, ...]) -> list[Mistake]:
    """Mistakes: group columns that are given twice or are the matched column."""
    if not isinstance(by, list | tuple):
        return []
    return [
        Mistake((*loc, at), f"{shown(column)} is matched already", "by names further columns, each once")
        for at, column in enumerate(by)
        if column == on or column in by[:at]
    ]


class ValueSpec(StrictModel):
    """The columns that are compared."""

    observed: NonEmpty = Field(description="column of the data")
    simulated: NonEmpty = Field(description="column of the model's output")


def _value(given: Any) -> Any:
    if isinstance(given, str) and given:
        return {"observed": given, "simulated": given}
    if isinstance(given, Mapping | ValueSpec):
        return given
    raise mistake(
        f"{shown(given)} is given", "name a column, or {observed: cases, simulated: in_bed} where the names differ"
    )


class TargetSpec(StrictModel):
    """Observed data, and the output that should match it."""

    observed: NonEmpty = Field(description="CSV or Parquet file, from the spec's folder")
    output: NonEmpty | None = Field(default=None, description="which of the model's tables; left out when there is one")
    by: TextList = Field(default=(), exclude=True, description="group columns; may be given inside match instead")
    match: MatchSpec = Field(description=_FORMS)
    value: Annotated[ValueSpec, BeforeValidator(_value, json_schema_input_type=NonEmpty | ValueSpec)] = Field(
        description="the column that is compared, or {observed: cases, simulated: in_bed}"
    )
    loss: LossSpec = Field(default=default_options(), description="how far the output is from the data")
    weight: float = Field(default=1.0, gt=0, description="of this target among several")
    min_coverage: float = Field(
        default=1.0, gt=0, le=1, description="least share of the observations that the output must match"
    )

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        match = given.get("match")
        if "by" not in given or not isinstance(match, Mapping):
            return []
        if "by" in match:
            return [Mistake(("by",), "by is given here and inside match", "give it once")]
        on = next((match[kind] for kind in MATCHES if match.get(kind) is not None), None)
        return group_mistakes(given["by"], on, ("by",))

    @field_validator("match")
    @classmethod
    def _take_groups(cls, match: MatchSpec, info: ValidationInfo) -> MatchSpec:
        by = info.data.get("by")
        return match.model_copy(update={"by": by}) if by else match

    @property
    def observed_column(self) -> str:
        return self.value.observed

    @property
    def simulated_column(self) -> str:
        return self.value.simulated
