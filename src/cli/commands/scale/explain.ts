import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type KeptDecision, PredictiveScaler } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { existing } from "../../GroupArgument.ts"
import { hint } from "../../Hint.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { moment } from "../../plot/TimeAxis.ts"
import { lookingAtScaler } from "../../scale/Scaling.ts"
import { shownZone, shownZoneFlag } from "../../scale/Zone.ts"
import { ScaleExplanationShape, toDecisionShape } from "../../../api/ScaleShape.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

const pageSize = 100
const lastMost = 500

/** The newest `count` decisions taken at or before `at`. */
const decisionsBefore = (group: string | undefined, at: number, count: number) =>
  Effect.gen(function* () {
    const { decisions } = yield* PredictiveScaler
    const found: Array<KeptDecision> = []
    let before: number | undefined
    while (found.length < count) {
      const page = yield* decisions(group, { limit: pageSize, ...(before === undefined ? {} : { before }) })
      found.push(...page.filter((decision) => decision.at <= at))
      if (page.length < pageSize) break
      before = page.at(-1)!.seq
    }
    return found.slice(0, count)
  })

export const explain = Command.make(
  "explain",
  {
    group: Argument.String("group").pipe(Argument.withDescription("a resource group; none: all"), Argument.optional),
    at: JobFlags.timeFlag("at").pipe(
      Flag.withDescription("the decision in force at this time (RFC 3339)"),
      Flag.optional
    ),
    last: Flag.Int("last").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`so many decisions, newest first (default 1, at most ${lastMost})`),
      Flag.withDefault(1)
    ),
    timeZone: shownZoneFlag,
    json: JobFlags.json
  },
  Effect.fnUntraced(function* ({ at, group, json, last, timeZone }) {
    if (last < 1 || last > lastMost)
      return yield* fail("usage", `--last ${last} is out of range; expected 1 to ${lastMost}`)
    const out = yield* output
    const scaler = yield* PredictiveScaler
    const name = Option.getOrUndefined(group)
    if (name !== undefined) yield* existing(name)
    const until = Option.match(at, { onNone: () => Number.POSITIVE_INFINITY, onSome: DateTime.toEpochMillis })
    const decisions = yield* decisionsBefore(name, until, last)
    if (decisions.length === 0 && !json) {
      return yield* out.note(
        yield* hint(
          `no decision ${name === undefined ? "" : `for ${Sanitize.line(name)} `}is kept${Option.isSome(at) ? " from that time" : " yet"}; a leading worker decides every 15 s and keeps what changes: sluice scale status`
        )
      )
    }
    const zone = yield* shownZone(timeZone)
    const when = moment(zone)
    for (const [i, { seq }] of decisions.entries()) {
      const { decision, lines } = yield* scaler.explain(seq)
      if (json) {
        yield* out.json(ScaleExplanationShape, { ...toDecisionShape(decision), lines })
        continue
      }
      const move = decision.from === decision.to ? `stays at ${decision.to}` : `${decision.from} → ${decision.to} slots`
      yield* out.lines([
        ...(i === 0 ? [] : [""]),
        out.style.bold(`${Sanitize.line(decision.group)}: ${move}`) +
          out.style.dim(
            `  ${when(decision.at)} (${zone}), ${decision.reason}, mode ${decision.mode}, number ${decision.seq}`
          ),
        ...lines.map((line) => `  ${Sanitize.line(line)}`)
      ])
    }
  }, lookingAtScaler)
).pipe(
  Command.withDescription(
    "Decisions with their parts: what was seen, how many slots each need asked for, which one decided and what bounded it."
  ),
  Command.withExamples([
    { command: "sluice scale explain network", description: "the last decision" },
    {
      command: "sluice scale explain network --at 2026-11-27T09:05:00+01:00",
      description: "why it was so at that time"
    },
    { command: "sluice scale explain --last 20 --json", description: "of all groups, for programs" }
  ])
)
