import * as Argument from "effect/cli/Argument"
import { InvalidValue } from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { PredictiveScaler, ResourceGroup, type ScaleEvent, ScaleSettings } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { didYouMean } from "../../input/Suggestion.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { moment } from "../../plot/TimeAxis.ts"
import { changingScaler, lookingAtScaler } from "../../scale/Scaling.ts"
import { shownZone, shownZoneFlag, zoneFlag } from "../../scale/Zone.ts"
import { ScaleEventShape, toEventShape } from "../../../api/ScaleShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import type { Column } from "../../terminal/Table.ts"

type Event = ScaleEvent

const groupOrEvery = Argument.String("group").pipe(
  Argument.withDescription("a resource group, or '*' for every one"),
  Argument.mapEffect((text) =>
    text === ScaleSettings.everyGroup || ResourceGroup.namePattern.test(text)
      ? Effect.succeed(text)
      : Effect.fail(
          new InvalidValue({
            option: "group",
            value: text,
            expected: "letters, digits and . _ - : /, at most 100, or '*'",
            kind: "argument"
          })
        )
  )
)

/** From the note, else from the group: letters and digits, and a number where it is taken. */
const freeId = (note: string, group: string, taken: ReadonlyArray<string>): string => {
  const words = (note === "" ? (group === "*" ? "event" : group) : note)
    .toLowerCase()
    .normalize("NFKD")
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "")
    .join("-")
    .slice(0, 60)
  const base = words === "" ? "event" : words
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}-${n}`
    if (!taken.includes(id)) return id
  }
}

const whenText = (event: Event, time: (at: number) => string, zone: string): string =>
  event.when._tag === "Once"
    ? `${time(event.when.from)} to ${time(event.when.to)} (${zone})`
    : `${event.when.cron} (${event.when.timeZone}) for ${HumanNumber.duration(event.when.durationMs)}`

const loadText = ({ load }: Event): string =>
  load._tag === "Factor" ? `×${load.factor}` : `${HumanNumber.count(load.perMinute)}/min`

const columns = (zone: string): ReadonlyArray<Column<Event>> => [
  { header: "id", value: ({ id }) => id, minimum: 8 },
  { header: "group", value: ({ group }) => group },
  { header: "when", value: (event) => whenText(event, moment(zone), zone), minimum: 20 },
  { header: "load", value: loadText, align: "right" },
  { header: "note", value: ({ note }) => note }
]

const add = Command.make(
  "add",
  {
    group: groupOrEvery,
    from: JobFlags.timeFlag("from").pipe(Flag.withDescription("once: its start (RFC 3339)"), Flag.optional),
    to: JobFlags.timeFlag("to").pipe(Flag.withDescription("its end; or give --for"), Flag.optional),
    cron: Flag.String("cron").pipe(
      Flag.withMetavar("CRON"),
      Flag.withDescription("again and again: five fields for its start, in --time-zone"),
      Flag.optional
    ),
    for: JobFlags.durationFlag("for").pipe(Flag.withDescription("how long it lasts"), Flag.optional),
    timeZone: zoneFlag.pipe(Flag.withDescription("of --cron (default this machine's)"), Flag.optional),
    factor: Flag.Finite("factor").pipe(
      Flag.withMetavar("X"),
      Flag.withDescription("times what is forecast"),
      Flag.optional
    ),
    arrivals: Flag.Finite("arrivals").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("instead of the forecast: jobs per minute"),
      Flag.optional
    ),
    note: Flag.String("note").pipe(Flag.withMetavar("TEXT"), Flag.withDescription("for people"), Flag.withDefault("")),
    id: Flag.String("id").pipe(
      Flag.withMetavar("ID"),
      Flag.withDescription("its name; one of the same name is replaced (default from the note)"),
      Flag.optional
    ),
    json: JobFlags.json
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const scaler = yield* PredictiveScaler
    const { arrivals, cron, factor, from, to } = flags
    if (Option.isSome(from) === Option.isSome(cron))
      return yield* fail("usage", "when is it? Give --from with --to or --for, or --cron with --for")
    if (Option.isSome(factor) === Option.isSome(arrivals))
      return yield* fail(
        "usage",
        "how much comes? Give --factor (times what is forecast) or --arrivals (jobs per minute)"
      )
    const lasts = Option.map(flags.for, Duration.toMillis)
    const zone = yield* shownZone(flags.timeZone)
    const start = Option.map(from, DateTime.toEpochMillis)
    const end = Option.orElse(Option.map(to, DateTime.toEpochMillis), () =>
      Option.zipWith(start, lasts, (start, lasts) => start + lasts)
    )
    if (
      Option.isSome(start) &&
      (Option.isNone(end) || end.value <= start.value || (Option.isSome(to) && Option.isSome(lasts)))
    )
      return yield* fail("usage", "when does it end? Give one of --to, after --from, and --for")
    if (Option.isSome(cron) && (Option.isNone(lasts) || Option.isSome(to)))
      return yield* fail("usage", "how long does it last? Give --for with --cron")
    const taken = (yield* scaler.events).map(({ id }) => id)
    const event: Event = {
      id: Option.getOrElse(flags.id, () => freeId(flags.note, flags.group, taken)),
      group: flags.group,
      when: Option.isSome(cron)
        ? { _tag: "Recurring", cron: cron.value, timeZone: zone, durationMs: Option.getOrThrow(lasts) }
        : { _tag: "Once", from: Option.getOrThrow(start), to: Option.getOrThrow(end) },
      load: Option.isSome(factor)
        ? { _tag: "Factor", factor: factor.value }
        : { _tag: "Arrivals", perMinute: Option.getOrThrow(arrivals) },
      note: flags.note
    }
    yield* scaler.putEvent(event)
    if (flags.json) return yield* out.json(ScaleEventShape, toEventShape(event))
    if (out.quiet) return yield* out.line(event.id)
    yield* out.table(columns(zone), [event])
  }, changingScaler)
).pipe(
  Command.withDescription("Tells the scaler what no history shows: a sale, a holiday, a migration."),
  Command.withExamples([
    {
      command:
        'sluice scale event add network --from 2026-11-27T09:00:00+01:00 --to 2026-11-27T18:00:00+01:00 --factor 3 --note "Black Friday"'
    },
    { command: "sluice scale event add reports --cron '0 6 1 * *' --for 2h --arrivals 200 --note 'month end'" }
  ])
)

const ls = Command.make(
  "ls",
  { timeZone: shownZoneFlag, json: JobFlags.json, wide: JobFlags.wide },
  Effect.fnUntraced(function* ({ json, timeZone, wide }) {
    const out = yield* output
    const events = yield* PredictiveScaler.use((scaler) => scaler.events)
    if (json) for (const event of events) yield* out.json(ScaleEventShape, toEventShape(event))
    else if (out.quiet) yield* out.lines(events.map(({ id }) => id))
    else if (events.length === 0) yield* out.note("no events; add one with: sluice scale event add GROUP …")
    else yield* out.table(columns(yield* shownZone(timeZone)), events, { wide })
  }, lookingAtScaler)
).pipe(Command.withDescription("Lists events."), Command.withExamples([{ command: "sluice scale event ls" }]))

const rm = Command.make(
  "rm",
  { id: Argument.String("id").pipe(Argument.withDescription("as `sluice scale event ls` shows it")) },
  Effect.fnUntraced(function* ({ id }) {
    const out = yield* output
    const scaler = yield* PredictiveScaler
    if (!(yield* scaler.removeEvent(id))) {
      const known = (yield* scaler.events).map((event) => event.id)
      return yield* fail(
        "notFound",
        `no event ${JSON.stringify(id)}${known.length === 0 ? "" : `; known are ${known.join(", ")}`}.${didYouMean(id, known)}`
      )
    }
    yield* out.note(`event ${id} removed`)
  }, lookingAtScaler)
).pipe(Command.withDescription("Removes an event."), Command.withExamples([{ command: "sluice scale event rm sale" }]))

export const event = Command.make("event").pipe(
  Command.withDescription("What is known to come: it takes the place of the forecast while it lasts."),
  Command.withSubcommands([add, ls, rm])
)
