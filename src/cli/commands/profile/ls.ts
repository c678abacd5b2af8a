import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Schema } from "effect"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { onFiles, profiles } from "../../profile/Profiles.ts"
import { ProfileLineShape } from "../../../api/ProfileShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import { relativeTime } from "../../terminal/RelativeTime.ts"
import type { Column } from "../../terminal/Table.ts"

type Line = Schema.Schema.Type<typeof ProfileLineShape>

const columns = (now: number): ReadonlyArray<Column<Line>> => [
  { header: "id", value: ({ id }) => id ?? "", minimum: 12 },
  { header: "what", value: ({ kind, text }) => (kind === "profile" ? text : `${kind}: ${text}`), minimum: 12 },
  { header: "when", value: ({ at }) => (at === null ? "" : relativeTime(Date.parse(at), now)), align: "right" },
  {
    header: "length",
    value: ({ durationMs }) => (durationMs === null ? "" : HumanNumber.duration(durationMs)),
    align: "right"
  },
  { header: "bottleneck", value: ({ bottleneck }) => bottleneck ?? "", minimum: 8 }
]

export const ls = Command.make(
  "ls",
  { json: JobFlags.json, wide: JobFlags.wide },
  Effect.fnUntraced(function* ({ json, wide }) {
    const out = yield* output
    const files = yield* profiles
    const now = yield* Clock.currentTimeMillis
    const lines = yield* onFiles(
      "the profiles cannot be listed",
      (): ReadonlyArray<Line> => [
        ...files.ids().flatMap((id): ReadonlyArray<Line & { readonly time: number }> => {
          const report = files.report(id)
          if (report === undefined) return []
          const [first] = report.bottlenecks
          return [
            {
              kind: "profile",
              id,
              time: report.startedAt,
              at: new Date(report.startedAt).toISOString(),
              text: report.label,
              durationMs: report.durationMs,
              samples: report.samples,
              bottleneck:
                first === undefined ? null : first.task === null ? first.kind : `${first.kind} (${first.task})`
            }
          ]
        }),
        ...files.marks().map(({ at, text }) => ({
          kind: "mark" as const,
          id: null,
          time: at,
          at: new Date(at).toISOString(),
          text,
          durationMs: null,
          samples: null,
          bottleneck: null
        }))
      ]
    )
    const inOrder = [...lines].sort((a, b) => (a.at! < b.at! ? 1 : -1))
    if (json) for (const line of inOrder) yield* out.json(ProfileLineShape, line)
    else if (out.quiet) yield* out.lines(inOrder.flatMap(({ id }) => (id === null ? [] : [id])))
    else if (inOrder.length === 0) yield* out.note("no profiles yet; take one with: sluice profile start --for 30s")
    else yield* out.table(columns(now), inOrder, { wide })
  })
).pipe(
  Command.withDescription("Lists saved profiles and deploy marks, newest first."),
  Command.withExamples([{ command: "sluice profile ls" }])
)
