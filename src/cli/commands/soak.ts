/**
 * `sluice soak`: a day of load, by the clock or as fast as it goes, and what it did to memory, handles, the store and
 * the jobs.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import path from "node:path"
import { type CommandFailure, fail } from "../Failure.ts"
import * as GlobalFlags from "../GlobalFlags.ts"
import { Invocation } from "../Invocation.ts"
import { durationFlag, json } from "../JobFlags.ts"
import { privateFolder, stateFolder } from "../OpenStore.ts"
import { output } from "../Output.ts"
import { endedBy, type Signal, Signals } from "../Signals.ts"
import * as SoakFolder from "../../soak/SoakFolder.ts"
import { files, type SoakPlan } from "../../soak/SoakPlan.ts"
import { resultOf } from "../../soak/SoakReport.ts"
import { SoakResult } from "../../soak/SoakResult.ts"
import { runPart } from "../../soak/SoakRun.ts"
import { read } from "../../soak/SoakSamples.ts"
import * as SoakText from "../../soak/SoakText.ts"
import { layerAsking } from "../../soak/SoakWorkload.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

const flags = {
  hours: Flag.Finite("hours").pipe(
    Flag.withMetavar("HOURS"),
    Flag.withDescription(
      "length of the day the jobs are spread over; real hours, or with --accelerated simulated ones (default 24)"
    ),
    Flag.withDefault(24)
  ),
  accelerated: Flag.Boolean("accelerated").pipe(
    Flag.withDescription("the day's jobs as fast as they go: minute by minute of the day's curve, no waiting between"),
    Flag.withDefault(false)
  ),
  rate: Flag.Finite("rate").pipe(
    Flag.withMetavar("PER-SECOND"),
    Flag.withDescription("mean jobs a second of that day (default 100: 8.64 million in 24 hours)"),
    Flag.withDefault(100)
  ),
  workers: Flag.Int("workers").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("worker processes (default 1; 2 when some are killed or stopped)"),
    Flag.optional
  ),
  killEvery: durationFlag("kill-every").pipe(
    Flag.withDescription("kill the oldest worker process with -9 and replace it, every so often: 2m"),
    Flag.optional
  ),
  stopEvery: durationFlag("stop-every").pipe(
    Flag.withDescription("stop the oldest worker process gracefully and replace it, every so often"),
    Flag.optional
  ),
  sampleEvery: durationFlag("sample-every").pipe(
    Flag.withDescription("how often memory, handles and the store are looked at and written down (default 10s)"),
    Flag.optional
  ),
  for: durationFlag("for").pipe(
    Flag.withDescription("end this part in order after so long; --resume goes on with the rest"),
    Flag.optional
  ),
  folder: Flag.String("folder").pipe(
    Flag.withMetavar("FOLDER"),
    Flag.withDescription("a new folder for store, samples and report (default: one in the state folder)"),
    Flag.optional
  ),
  resume: Flag.String("resume").pipe(
    Flag.withMetavar("FOLDER"),
    Flag.withDescription("go on with the soak in this folder, with its plan; a finished one is only reported again"),
    Flag.optional
  ),
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription("exit 1 also when a criterion is undecided, as in runs too short for it"),
    Flag.withDefault(false)
  ),
  json
} as const

type Flags = Command.Command.Config.Infer<typeof flags>

const millisOf = Option.map(Duration.toMillis)

const planOf = (asked: Flags): Effect.Effect<SoakPlan, CommandFailure> =>
  Effect.gen(function* () {
    const { accelerated, hours, rate } = asked
    if (!(hours > 0 && hours <= 8760))
      return yield* fail("usage", `--hours is ${hours}; expected more than 0, at most 8760`)
    if (!(rate > 0 && rate <= 10_000))
      return yield* fail("usage", `--rate is ${rate}; expected more than 0, at most 10000`)
    const killMs = Option.getOrUndefined(millisOf(asked.killEvery))
    const stopMs = Option.getOrUndefined(millisOf(asked.stopEvery))
    const sampleMs = Option.getOrElse(millisOf(asked.sampleEvery), () => 10_000)
    for (const [name, value, least] of [
      ["kill-every", killMs, 1000],
      ["stop-every", stopMs, 1000],
      ["sample-every", sampleMs, 100]
    ] as const) {
      if (value !== undefined && value < least)
        return yield* fail("usage", `--${name} is ${value} ms; expected at least ${least} ms`)
    }
    const workers = Option.getOrElse(asked.workers, () => ((killMs ?? stopMs) === undefined ? 1 : 2))
    if (workers < 1 || workers > 64) return yield* fail("usage", `--workers is ${workers}; expected 1 to 64`)
    const jobs = Math.round(hours * 3600 * rate)
    if (jobs < 1) return yield* fail("usage", "the run has no job; expected a longer --hours or a higher --rate")
    return {
      format: 1,
      accelerated,
      // As fast as it goes, slots and sizes that move would be measured instead of the queue.
      ...(!accelerated && { unattended: true }),
      hours,
      jobs,
      workers,
      slots: 100,
      retain: 20_000,
      sampleMs,
      ...(killMs !== undefined && { killMs }),
      ...(stopMs !== undefined && { stopMs })
    }
  })

/** Between two reports of a part that goes on: the samples of a day are read within a second. */
const reportEveryMs = 15 * 60_000

/** The folder with its plan: a new one, or that of `--resume`. */
const begin = (asked: Flags) =>
  Effect.gen(function* () {
    const { cwd } = yield* Invocation
    if (Option.isSome(asked.resume)) {
      const folder = path.resolve(cwd, asked.resume.value)
      return { folder, plan: yield* SoakFolder.readPlan(folder) }
    }
    const plan = yield* planOf(asked)
    const stamp = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 19).replaceAll(":", "-")
    const folder = Option.isSome(asked.folder)
      ? path.resolve(cwd, asked.folder.value)
      : path.join(yield* stateFolder("soak"), stamp)
    yield* privateFolder(folder)
    yield* SoakFolder.writePlan(folder, plan)
    return { folder, plan }
  })

export const command = Command.make(
  "soak",
  flags,
  Effect.fnUntraced(function* (asked) {
    const out = yield* output
    if (Option.isSome(yield* GlobalFlags.Store))
      return yield* fail("usage", "a soak makes a store of its own; choose where with --folder instead of --store")
    const { folder, plan } = yield* begin(asked)
    const shown = Sanitize.line(folder)
    const report = Effect.gen(function* () {
      const result = yield* resultOf(folder, plan, yield* read(files(folder).samples))
      yield* SoakFolder.writeReport(folder, result)
      return result
    })
    const position = yield* SoakFolder.position(folder)
    let signal: Signal | undefined
    if (!position.finished) {
      yield* out.note(`soak in ${shown}; Ctrl-C ends this part in order, sluice soak --resume ${shown} goes on`)
      yield* Effect.gen(function* () {
        yield* SoakFolder.alone(folder)
        const signals = yield* (yield* Signals).takeOver
        const first = yield* Deferred.make<Signal>()
        const hurried = Effect.gen(function* () {
          signal = yield* Queue.take(signals)
          yield* Deferred.succeed(first, signal)
          // The second waits for nothing.
          return yield* endedBy(yield* Queue.take(signals))
        })
        const time = Option.match(asked.for, { onNone: () => Effect.never, onSome: Effect.sleep })
        // So that a run of days can be looked at while it goes on; one that cannot be read says so at its end.
        const reporting = Effect.forever(Effect.delay(Effect.ignore(report), reportEveryMs))
        const part = runPart({
          folder,
          plan,
          ...position,
          stop: Effect.raceFirst(Deferred.await(first), time),
          onStore: ({ elapsed, fileBytes, live, walBytes }, sent) =>
            out.note(
              `${HumanNumber.duration(elapsed)}: ${HumanNumber.count(sent)} of ${HumanNumber.count(plan.jobs)} sent, ${HumanNumber.count(live)} live, store ${HumanNumber.bytes(fileBytes + walBytes)}`
            )
        }).pipe(Effect.provide(layerAsking(folder, plan)))
        yield* Effect.raceAllFirst([part, hurried, reporting])
      }).pipe(
        Effect.scoped,
        Effect.catchTag("Unverified", ({ message }) =>
          out.note(`this part ended early: ${Sanitize.line(message)}; the report has what was seen`)
        )
      )
    }
    const result = yield* report
    if (asked.json) yield* out.json(SoakResult, result)
    else yield* out.lines(SoakText.lines(result).map(Sanitize.line))
    yield* out.note(`report: ${Sanitize.line(files(folder).page)}`)
    if (signal !== undefined) return yield* endedBy(signal)
    const bad = result.verdicts.filter(
      ({ outcome }) => outcome === "missed" || (asked.strict && outcome === "undecided")
    )
    if (bad.length > 0)
      return yield* fail(
        "failure",
        `${bad.length} criteria not met: ${bad.map(({ criterion }) => criterion).join("; ")}`
      )
  })
).pipe(
  Command.withDescription(
    "A day of load on a store of its own, a producer and workers in processes of their own, every job checked. Samples are kept as they come: a run ended at any time goes on with --resume. Ends with report.html, report.json and report.txt in its folder; exit code 1 when a criterion is missed."
  ),
  Command.withExamples([
    { command: "sluice soak --hours 24 --kill-every 2m", description: "a day by the clock, workers killed" },
    { command: "sluice soak --accelerated", description: "8.64 million jobs as fast as they go" },
    { command: "sluice soak --accelerated --for 20m", description: "as many of them as 20 minutes allow" },
    { command: "sluice soak --resume ~/.local/state/sluice/soak/2026-11-21T12-00-00", description: "go on" }
  ])
)
