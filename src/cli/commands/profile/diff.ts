import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { Schema } from "effect"
import type { ProfilingReport } from "../../../services/Queue/index.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { profileId, profiles, readReport } from "../../profile/Profiles.ts"
import { ProfileDiffShape } from "../../../api/ProfileShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import type { Column } from "../../terminal/Table.ts"

type Row = Schema.Schema.Type<typeof ProfileDiffShape>
type Report = ProfilingReport.ProfilingReport

const duration = (millis: number | null): string =>
  millis === null ? HumanNumber.unknown : HumanNumber.duration(millis)

const change = ({ ratio }: Row): string =>
  ratio === null ? HumanNumber.unknown : `${ratio >= 1 ? "+" : "−"}${Math.round(Math.abs(ratio - 1) * 100)} %`

const columns: ReadonlyArray<Column<Row>> = [
  { header: "what", value: ({ kind, name }) => `${kind} ${name}`, minimum: 16 },
  { header: "before", value: ({ before }) => duration(before), align: "right" },
  { header: "after", value: ({ after }) => duration(after), align: "right" },
  {
    header: "change",
    value: change,
    align: "right",
    style: (cell, { ratio }, style) => ((ratio ?? 1) > 1.1 ? style.bad(cell) : cell)
  }
]

const rows = (kind: Row["kind"], before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>) =>
  [...new Set([...before.keys(), ...after.keys()])].map((name): Row => {
    const [a, b] = [before.get(name) ?? null, after.get(name) ?? null]
    return { kind, name, before: a, after: b, ratio: a === null || b === null || a === 0 ? null : b / a }
  })

const runsOf = ({ tasks }: Report) => new Map(tasks.map(({ group, runMs, task }) => [`${task} (${group})`, runMs.p50]))

/** Per second of profile, so that profiles of different length compare. */
const functionsOf = ({ durationMs, hottest }: Report) => {
  const times = new Map<string, number>()
  for (const { at, name, selfMs } of hottest) {
    // Without the line: code that moved is the same code.
    const key = `${name} ${at.replace(/:\d+$/, "")}`
    times.set(key, (times.get(key) ?? 0) + (selfMs * 1000) / durationMs)
  }
  return times
}

const moved = ({ after, before }: Row): number => Math.abs((after ?? 0) - (before ?? 0))

export const diff = Command.make(
  "diff",
  {
    json: JobFlags.json,
    wide: JobFlags.wide,
    before: Argument.String("before").pipe(Argument.withDescription("a profile's id")),
    after: Argument.String("after").pipe(Argument.withDescription("another's; last is the newest"))
  },
  Effect.fnUntraced(function* ({ after, before, json, wide }) {
    const out = yield* output
    const files = yield* profiles
    const first = yield* readReport(files, yield* profileId(files, before))
    const second = yield* readReport(files, yield* profileId(files, after))
    const all = [
      ...rows("task", runsOf(first), runsOf(second)),
      ...rows("function", functionsOf(first), functionsOf(second)).sort((a, b) => moved(b) - moved(a))
    ]
    if (json) for (const row of all) yield* out.json(ProfileDiffShape, row)
    else {
      yield* out.table(columns, all, { wide })
      yield* out.note("sluice: tasks by their median run; functions by their own time per second of the profile")
    }
  })
).pipe(
  Command.withDescription("What changed between two profiles: runs of tasks, own time of the hottest functions."),
  Command.withExamples([
    { command: "sluice profile diff $(sluice profile ls -q | tail -1) last", description: "since the oldest one kept" }
  ])
)
