/** `sluice map`: one job per line, so many at a time, resumable. */
import * as Arr from "effect/Array"
import * as ByteSize from "effect/ByteSize"
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import { createHash, randomBytes } from "node:crypto"
import { freemem, loadavg } from "node:os"
import path from "node:path"
import * as OwnFile from "../../files/OwnFile.ts"
import {
  isWhole,
  Job,
  type JobId,
  type JobRecord,
  JobValues,
  type OutputCounts,
  Outputs,
  ResourceGroup,
  ShellTask,
  TaskQueue
} from "../../services/Queue/index.ts"
import { recorded } from "../Caller.ts"
import { ExitCode } from "../ExitCode.ts"
import { type CommandFailure, fail, passOn } from "../Failure.ts"
import * as ByteText from "../input/ByteText.ts"
import * as CommandTemplate from "../input/CommandTemplate.ts"
import { Invocation } from "../Invocation.ts"
import { sayNew } from "../GroupArgument.ts"
import { checkTerminal, toEnqueueOptions } from "../JobFlags.ts"
import type { Halt } from "../map/Halt.ts"
import * as JobLog from "../map/JobLog.ts"
import * as KnownPrefix from "../map/KnownPrefix.ts"
import { delimiterOf, flags, recordFormat } from "../map/MapFlags.ts"
import { fieldOf, type MapInput } from "../map/MapInput.ts"
import * as MapInputs from "../map/MapInputs.ts"
import * as MapOutput from "../map/MapOutput.ts"
import * as MapLock from "../map/MapLock.ts"
import * as MapRecord from "../map/MapRecord.ts"
import * as MapRun from "../map/MapRun.ts"
import * as MapTemplate from "../map/MapTemplate.ts"
import * as Printing from "../map/Printing.ts"
import * as Results from "../map/Results.ts"
import * as Sources from "../map/Sources.ts"
import * as StartGate from "../map/StartGate.ts"
import * as Tags from "../map/Tags.ts"
import * as NestedSlot from "../NestedSlot.ts"
import * as Notifying from "../notify/Notifying.ts"
import { open, stateFolder } from "../OpenStore.ts"
import { output } from "../Output.ts"
import * as OwnWorker from "../OwnWorker.ts"
import { endedBy, Signals } from "../Signals.ts"
import { wroteNothing } from "../../api/JobShape.ts"
import * as StandardStreams from "../StandardStreams.ts"
import * as DisplayWidth from "../terminal/DisplayWidth.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import { Progress, progressMode } from "../terminal/Progress.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/** Failed lines named at the end. */
const failuresShown = 20
/** Bytes of each stream in a line's row, for who looks at the job: its output is in its log. */
const previewBytes = 4096
/** Jobs changed by one call. */
const idsAtOnce = 10_000
/** Fields named of a record that lacks one. */
const fieldsShown = 20

/** Jobs of an earlier run, as far as retention has left them. */
const jobsOf = (batchKey: string) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const jobs: Array<JobRecord> = []
    let cursor: JobId | undefined
    do {
      const page: { readonly jobs: ReadonlyArray<JobRecord>; readonly next: JobId | undefined } = yield* queue.list(
        { batchKey },
        { limit: 1000, order: "oldest", ...(cursor === undefined ? {} : { cursor }) }
      )
      jobs.push(...page.jobs)
      cursor = page.next
    } while (cursor !== undefined)
    return jobs
  }).pipe(Effect.provideService(JobValues, "json"))

const lineOf = (job: JobRecord): number => Number(job.extra?.headers?.[MapRun.lineHeader])

/** Takes the jobs of this line and of those behind it out of the store, so that no later run takes them for its own. */
const dropJobsFrom = (batchKey: string, number: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const ids = (yield* jobsOf(batchKey)).filter((job) => lineOf(job) >= number).map(({ id }) => id)
    for (const some of Arr.chunksOf(ids, idsAtOnce)) {
      yield* queue.cancelWhere({ ids: some }, "the map goes on with another list")
      yield* queue.removeWhere({ ids: some })
    }
  })

/** Of a line that no command could be made of: it has no log. */
const noJob = 0 as JobId

/** An attempt of a line, as its output knows it. */
interface LineAttempt {
  readonly attempt: number
  readonly output: MapOutput.LineOutput
  written: () => OutputCounts
}

const nothing: OutputCounts = { stdout: 0, stderr: 0 }

/**
 * As GNU parallel ends: with the code of the line that was one failure too many, or the last one; with 0 for enough
 * successes.
 */
const haltedBy = (halt: Halt, last: number): Effect.Effect<void, CommandFailure> =>
  halt.what === "success" || last === 0 ? Effect.void : Effect.fail(passOn(last))

/** `--dry-run`: the commands as a shell would take them, a line each. */
const showCommands = (
  pull: MapInputs.MapInputs["pull"],
  commandOf: (input: MapInput, number: number) => Result.Result<MapRun.Words, string>,
  shell: boolean
) =>
  Effect.gen(function* () {
    const out = yield* output
    let number = 0
    const show = (chunk: ReadonlyArray<MapInput>) =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        for (const input of chunk) {
          const command = commandOf(input, ++number)
          if (Result.isSuccess(command)) lines.push(JobLog.commandText(command.success, shell))
          else yield* out.note(`sluice: line ${number} cannot be run: ${command.failure}`)
        }
        if (lines.length > 0) yield* out.lines(lines)
      })
    yield* Effect.forever(Effect.flatMap(pull, show)).pipe(Pull.catchDone(() => Effect.void))
  })

const sourceCount = (words: ReadonlyArray<string>): Effect.Effect<number, CommandFailure> =>
  Effect.fromResult(
    Result.mapBoth(Sources.parse(words), {
      onFailure: (message) => fail("usage", message),
      onSuccess: ({ length }) => length
    })
  )

/** A field that the first record lacks is a slip in the command; one that a later record lacks is that record's. */
const checkFirst = (
  { record }: MapInput,
  rendered: Result.Result<unknown, CommandTemplate.CommandTemplateError>
): Effect.Effect<void, CommandFailure> =>
  Result.isFailure(rendered) && rendered.failure.reason === "NoSuchField" && record !== undefined
    ? Effect.fail(
        fail(
          "usage",
          `the first record has no field ${rendered.failure.placeholder}, which the command names; it has ${Object.keys(record).slice(0, fieldsShown).join(", ")}`
        )
      )
    : Effect.void

export const command = Command.make(
  "map",
  flags,
  Effect.fnUntraced(function* (config) {
    const invocation = yield* Invocation
    const out = yield* output
    const { cwd, stdin } = invocation
    if (config.fresh && config.retryFailed)
      return yield* fail("usage", "--fresh forgets what --retry-failed needs; give one of them")
    yield* checkTerminal(config)
    const slotsAsked = config.tty ? 1 : Option.getOrUndefined(config.slots)
    if (config.tty && Option.getOrElse(config.slots, () => 1) !== 1)
      return yield* fail("usage", "--tty gives the terminal to one command at a time; leave -j out")
    if (config.tty && Option.isSome(config.results))
      return yield* fail("usage", "--tty leaves nothing to write into --results; give one of them")
    const { inputs: words } = invocation.arguments
    const perJob = Option.getOrElse(config.inputsPerJob, () => 1)
    if (perJob < 1) return yield* fail("usage", `-N is ${perJob}; expected 1 or more`)
    if (config.skip < 0) return yield* fail("usage", `--skip is ${config.skip}; expected 0 or more`)
    const format = yield* recordFormat(config)
    const header = Option.getOrUndefined(config.header)
    const isTable = format === "csv" || format === "tsv"
    const haveFields = format === undefined ? header === true : !(isTable && header === false)
    if ((perJob > 1 || config.isFilled) && (format !== undefined || haveFields))
      return yield* fail("usage", "-N and -X put lines together, not records; leave them out")
    const sources = words === undefined ? 1 : yield* sourceCount(words)
    const templateInputs = {
      haveFields,
      perJob: isTable || config.isFilled ? Number.POSITIVE_INFINITY : perJob * sources
    }
    const names = !config.noNames
    const template = yield* Effect.fromResult(
      MapTemplate.read(config.words, { shell: config.shell, names }, templateInputs)
    )
    const places = Option.isNone(config.results)
      ? undefined
      : yield* Effect.fromResult(Results.read(config.results.value, cwd, { names }, templateInputs))
    if (config.tag && Option.isSome(config.tagstring))
      return yield* fail("usage", "--tag and --tagstring both say what lines begin with; give one of them")
    const tags = Option.isSome(config.tagstring)
      ? yield* Effect.fromResult(Tags.read(config.tagstring.value, { names }, templateInputs))
      : config.tag
        ? Tags.ofInput
        : undefined
    if (config.colorFailed && (config.lineBuffer || config.ungroup))
      return yield* fail("usage", "--color-failed needs outputs in blocks: leave --line-buffer and -u out")
    const placeholders = [
      ...CommandTemplate.placeholdersOf(template),
      ...(places?.placeholders ?? []),
      ...(tags?.placeholders ?? [])
    ]
    const halt = Option.getOrUndefined(config.halt)
    const folder = yield* stateFolder("maps")
    const inputs = yield* MapInputs.gather({
      words,
      from: Option.getOrUndefined(config.from),
      cwd,
      stdin,
      format,
      delimiter: yield* delimiterOf(config),
      header,
      skip: config.skip,
      shuffle: config.shuf ? { seed: Option.getOrUndefined(config.seed) } : undefined,
      inputsPerJob: Option.getOrUndefined(config.inputsPerJob),
      isFilled: config.isFilled,
      template,
      needsTotal:
        Option.isSome(config.spread) ||
        placeholders.some(({ kind }) => kind === "total") ||
        (halt?.what === "done" && halt.isShare)
    })
    const rendered = (input: MapInput, number: number, slot: number) =>
      CommandTemplate.render(template, {
        inputs: input.inputs,
        field: (name) => fieldOf(input, name),
        sequence: number,
        slot,
        ...(inputs.total === undefined ? {} : { total: inputs.total })
      })
    /** Where the results of lines go that are on their way. */
    const filesOf = new Map<number, Results.ResultFiles>()
    const commandOf = (input: MapInput, number: number, slot: number): Result.Result<MapRun.Words, string> => {
      if (input.problem !== undefined) return Result.fail(input.problem)
      const command = rendered(input, number, slot)
      if (Result.isFailure(command)) return Result.fail(command.failure.message)
      const files = places?.of(input, number, inputs.total)
      if (files !== undefined && Result.isFailure(files)) return Result.fail(files.failure)
      if (files !== undefined) filesOf.set(number, files.success)
      return Result.succeed(command.success as unknown as MapRun.Words)
    }
    const notifier = yield* Notifying.of(config.notify)
    const firstChunk = yield* inputs.pull.pipe(Pull.catchDone(() => Effect.succeed([])))
    const [first] = firstChunk
    if (first === undefined) return yield* out.note("sluice: nothing to map over")
    yield* checkFirst(first, rendered(first, 1, 1))
    let isFirst = true
    const takeFirst = () => {
      isFirst = false
      return firstChunk
    }
    const pull: MapInputs.MapInputs["pull"] = Effect.suspend(() => (isFirst ? Effect.sync(takeFirst) : inputs.pull))
    if (config.dryRun) {
      return yield* showCommands(
        pull,
        (input, number) => {
          const command = commandOf(input, number, 1)
          filesOf.delete(number)
          return command
        },
        config.shell
      )
    }

    const opened = yield* open({ create: true, thread: true })
    const options = toEnqueueOptions(config, 0)
    const group = options.group ?? ResourceGroup.computation.name
    const identity = createHash("sha256")
      .update(
        JSON.stringify([
          2,
          opened.location,
          template,
          config.shell,
          [format, header, config.skip, perJob, config.isFilled],
          [
            group,
            options.priority,
            options.retries,
            Option.map(config.timeout, Duration.toMillis).pipe(Option.getOrNull)
          ],
          cwd,
          ...(Option.isSome(config.results) ? [["results", config.results.value]] : []),
          // A stream is known by how it begins, and then line by line.
          inputs.hash === undefined ? ["stream", first.text] : ["list", inputs.hash]
        ])
      )
      .digest("hex")
      .slice(0, 32)
    yield* MapLock.acquire(folder, identity)

    const { command: surroundings, withheld } = yield* recorded(["true"], opened.settings, config)
    const startedAt = yield* Clock.currentTimeMillis
    const earlier = MapRecord.load(folder, identity)

    const isAppended = StandardStreams.isAppended()

    const work = Effect.gen(function* () {
      const queue = yield* TaskQueue
      const outputs = yield* Outputs
      const progress = yield* Progress
      const signals = yield* (yield* Signals).takeOver
      if (options.group !== undefined) yield* sayNew(options.group)

      if (config.retryFailed && earlier === undefined) {
        return yield* fail(
          "notFound",
          "no earlier run of this map is known, so none of its lines has failed; leave --retry-failed out"
        )
      }
      const goesOn = earlier !== undefined && !config.fresh && (!earlier.ended || config.retryFailed)
      if (earlier !== undefined && !earlier.ended && config.fresh) {
        yield* queue.cancelWhere({ batchKey: earlier.header.batch }, "the map was begun afresh")
      }
      /** What need not run: with `--retry-failed` failed lines do. */
      const finished = new Map(
        goesOn ? [...earlier.finished].filter(([, { exit }]) => exit === 0 || !config.retryFailed) : []
      )
      const batch =
        goesOn && !earlier.ended ? earlier.header.batch : `map:${identity}:${randomBytes(4).toString("hex")}`

      // What a killed run left in the store.
      const left = new Map<number, JobRecord>()
      let lane: number | undefined
      if (goesOn && !earlier.ended) {
        for (const job of yield* jobsOf(batch)) {
          const number = lineOf(job)
          const known = earlier.finished.get(number)
          if (known !== undefined && job.id <= known.job) continue
          // Of a line that runs again, since what it had written was not kept.
          finished.delete(number)
          left.set(number, job)
          if (Job.liveStates.includes(job.state)) lane = ShellTask.laneOf(job.task) ?? lane
        }
      }
      /** Above the bars, which a plain write would break. */
      const tell = (line: string) => (out.quiet ? Effect.void : progress.print("stderr", `sluice: ${line}\n`))
      if (finished.size > 0) {
        yield* tell(
          `going on where the last run stopped: ${HumanNumber.count(finished.size)}${inputs.total === undefined ? "" : ` of ${HumanNumber.count(inputs.total)}`} are done${isAppended ? "; what they wrote is not appended again" : ""} (--fresh begins anew)`
        )
      }

      const known = (yield* queue.stats).groups.find(({ name }) => name === group)
      const isNested = yield* NestedSlot.isWithin(group)
      const slots = slotsAsked ?? (isNested ? 1 : (known?.limit ?? ResourceGroup.undeclaredLimit))
      const set = isNested ? undefined : known?.operatorLimit
      if (set !== undefined && slots > set) {
        yield* tell(
          `group ${group} was limited to ${set} at a time over all workers, fewer than -j ${slots}; more with: sluice queue limit ${group} ${slots}`
        )
      }

      const record = yield* Effect.acquireRelease(
        Effect.try({
          try: () =>
            MapRecord.open(
              folder,
              identity,
              { batch, startedAt, ...(inputs.total === undefined ? {} : { total: inputs.total }) },
              finished
            ),
          catch: (error) => fail("notAllowed", `the map cannot be recorded in ${folder}: ${(error as Error).message}`)
        }),
        (record) => Effect.sync(record.close)
      )
      const joblog = Option.isNone(config.joblog)
        ? undefined
        : yield* Effect.try({
            try: () => JobLog.open(path.resolve(cwd, Option.getOrThrow(config.joblog)), goesOn, config.shell),
            catch: (error) => fail("notAllowed", `the job log cannot be written: ${(error as Error).message}`)
          })

      if (inputs.total !== undefined) {
        yield* progress.expect(group, inputs.total)
        yield* progress.resume(group, finished.size)
      }
      const prefix =
        inputs.hash === undefined
          ? yield* Effect.acquireRelease(
              Effect.try({
                try: () => KnownPrefix.open(path.join(folder, `${identity}.lines`), goesOn),
                catch: (error) =>
                  fail("notAllowed", `the map cannot be recorded in ${folder}: ${(error as Error).message}`)
              }),
              ({ close }) => Effect.sync(close)
            )
          : undefined

      const failures: Array<{
        readonly number: number
        readonly exit: number
        readonly input: string
        readonly remark: string
      }> = []
      let failed = 0
      for (const { exit } of finished.values()) if (exit !== 0) failed++
      const earlierFailed = failed
      let done = finished.size
      const forget = (number: number) => {
        if (finished.get(number)?.exit !== 0) failed--
        finished.delete(number)
        done--
      }

      const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())
      const printing = Printing.make(config.keepOrder && places === undefined)
      const unwritable = yield* Deferred.make<never, CommandFailure>()
      const results = Results.make(outputs, (error) => {
        Deferred.doneUnsafe(
          unwritable,
          Effect.fail(
            fail(
              "outputLost",
              `results cannot be written: ${error.message}; what is finished is kept, and the same command goes on`
            )
          )
        )
      })
      const output = MapOutput.make({
        outputs,
        out,
        progress,
        printing,
        runPromise,
        settings: {
          grouping:
            config.lineBuffer || (config.ungroup && tags !== undefined)
              ? "lines"
              : config.ungroup
                ? "chunks"
                : "blocks",
          keepOrder: config.keepOrder,
          isColoured: config.color,
          areFailuresRed: config.colorFailed
        }
      })
      /** Of lines that are on their way. */
      const tagOf = new Map<number, string>()
      const outputOf = (number: number, job: JobId, attempt: number) => {
        const files = filesOf.get(number)
        return files === undefined
          ? output.of({ number, tag: tagOf.get(number), job, attempt })
          : results.of({ number, job, attempt, files })
      }
      /** The last attempt of lines that are on their way. */
      const attempts = new Map<number, LineAttempt>()
      const began = (number: number, job: JobId, attempt: number): LineAttempt => {
        const line: LineAttempt = { attempt, output: outputOf(number, job, attempt), written: () => nothing }
        attempts.set(number, line)
        return line
      }
      /** What an ended attempt wrote, when its log has all of it; one that wrote nothing has none. */
      const wholeOutput = (job: JobId, attempt: number, wroteNothing: boolean) =>
        Effect.map(outputs.record(job, attempt), (found) =>
          found === undefined ? (wroteNothing ? nothing : undefined) : isWhole(found) ? found.written : undefined
        )
      let notKept = 0
      /** Whether what finished lines wrote is printed: not where it stands already. */
      const isReplayed = !isAppended && !(config.retryFailed && earlier?.ended === true && out.stdout.isTerminal)

      /** Of results it is enough that they are there. */
      const isFinished = (number: number, input: MapInput) =>
        Effect.gen(function* () {
          if (tags !== undefined) tagOf.set(number, tags.of(input, number, inputs.total))
          const line = finished.get(number)
          if (line === undefined) return false
          const files = places?.of(input, number, inputs.total)
          if (files !== undefined && Result.isSuccess(files)) {
            if (!config.retryFailed && !Results.areThere(files.success, line)) {
              forget(number)
              return false
            }
            printing.end(number, Effect.void)
            return true
          }
          const written = yield* wholeOutput(line.job, line.attempt, line.stdout + line.stderr === 0)
          const isKept = written?.stdout === line.stdout && written.stderr === line.stderr
          if (!isKept && !config.retryFailed) {
            // It runs again: what it wrote can not be printed again.
            forget(number)
            return false
          }
          if (!isKept) notKept++
          const { finish } = outputOf(number, line.job, line.attempt)
          tagOf.delete(number)
          printing.end(number, isKept && isReplayed ? Effect.asVoid(finish(line.exit !== 0)) : Effect.void)
          return true
        })

      /**
       * A job that has ended is gone on with when its output can be printed. One that was cancelled, or given up since
       * its workers died, runs again as another job: in the lane of this map, which need not be that of the job.
       */
      const leftOf = (number: number) =>
        Effect.gen(function* () {
          const job = left.get(number)
          if (job === undefined) return undefined
          if (Job.liveStates.includes(job.state)) return job.id
          if (job.state === "cancelled" || job.failure?.cause === "WorkerLost") return undefined
          const written = yield* wholeOutput(job.id, job.attempt, wroteNothing(job))
          if (written === undefined) return undefined
          began(number, job.id, job.attempt).written = () => written
          return job.id
        })

      const report: MapRun.MapReport = {
        read: (lines, finishedBefore) =>
          Effect.gen(function* () {
            prefix?.flush()
            if (inputs.total !== undefined) return
            yield* progress.expect(group, lines)
            yield* progress.resume(group, finishedBefore)
          }),
        ended: ({ command, end, input, number, startedAt }, job = noJob) => {
          const line = attempts.get(number) ?? began(number, job, 1)
          attempts.delete(number)
          tagOf.delete(number)
          filesOf.delete(number)
          const { stderr, stdout } = line.written()
          const block = Effect.gen(function* () {
            // What could not be written is not finished; what wrote nothing may have no log to look for, but leaves its
            // results.
            const hasOutput = stdout + stderr > 0 || places !== undefined
            if (hasOutput && !(yield* line.output.finish(end.exitCode !== 0))) return
            record.finished(number, { exit: end.exitCode, job, attempt: line.attempt, stdout, stderr })
            done++
            joblog?.({
              sequence: number,
              startedAt,
              durationMs: end.durationMs,
              received: stdout,
              exitCode: end.signal !== 0 ? 0 : end.exitCode,
              signal: end.signal,
              command
            })
            if (end.exitCode !== 0) {
              failed++
              if (failures.length < failuresShown)
                failures.push({ number, exit: end.exitCode, input, remark: end.remark })
            }
            if (command.length === 0) yield* progress.started(group)
            yield* progress.finished(group, { runMillis: end.durationMs, failed: end.exitCode !== 0 })
          })
          return { block, bytes: stdout + stderr }
        },
        sync: Effect.sync(record.sync),
        stopping: () =>
          tell(
            `stopping; running jobs have ${Duration.format(opened.queueSettings.grace)} to finish; once more ends them now`
          ),
        repeated: ({ number }, why) => tell(`line ${number} runs again: ${why}`)
      }

      const starts = new MapRun.Starts()
      const runFork = Effect.runForkWith(yield* Effect.context<never>())
      const clock = yield* Clock.Clock
      const own = yield* OwnWorker.acquire({
        name: `map:${process.pid}`,
        resume: lane,
        listener: {
          env: withheld,
          atTerminal: config.tty,
          previewBytes,
          onStart: (job) => {
            const number = Number(job.headers[MapRun.lineHeader])
            began(number, job.id, job.attempt)
            if (starts.started(number, clock.currentTimeMillisUnsafe())) runFork(progress.started(group))
          },
          onOutput: (job, log, chunk, stream) => {
            const line = attempts.get(Number(job.headers[MapRun.lineHeader]))!
            line.written = log.written
            return line.output.take(log, chunk, stream)
          }
        }
      })
      if (own === undefined)
        return yield* fail("conflict", "the jobs of this map are being run by another process; see: sluice worker ls")

      const outcome = yield* MapRun.run(
        {
          pull,
          isSame: (text) => prefix?.next(text) ?? true,
          differs: (number) =>
            Effect.gen(function* () {
              for (const known of finished.keys()) if (known >= number) forget(known)
              for (const known of left.keys()) if (known >= number) left.delete(known)
              if (goesOn) yield* Effect.provideService(dropJobsFrom(batch, number), TaskQueue, queue)
              record.forgetFrom(number)
              if (goesOn) yield* tell(`from line ${number} on the input is another than that of the last run`)
            }),
          batch,
          group,
          slots,
          options,
          keepOrder: config.keepOrder,
          halt,
          total: inputs.total,
          mayStart: StartGate.make(
            {
              delay: Option.getOrUndefined(config.delay),
              spread: Option.getOrUndefined(
                Option.map(config.spread, (over) => ({ over, commands: Math.max(1, inputs.total! - finished.size) }))
              ),
              rate: Option.getOrUndefined(config.rate),
              load: Option.getOrUndefined(config.load),
              freeBytes: Option.getOrUndefined(Option.map(config.memfree, ByteSize.toNumberUnsafe))
            },
            { load: () => loadavg()[0]!, freeBytes: freemem }
          ),
          beyond: isNested ? "nested" : slotsAsked,
          grace: opened.queueSettings.grace,
          printing,
          isFinished,
          left: leftOf,
          commandOf,
          namesSlots: placeholders.some(({ kind }) => kind === "slot"),
          payloadOf: ([program, ...words]) => ({
            ...surroundings,
            command: [ByteText.word(program), ...words.map(ByteText.word)]
          })
        },
        own,
        starts,
        report,
        signals
      ).pipe(
        Effect.scoped,
        Effect.raceFirst(Deferred.await(unwritable)),
        Effect.onExit((exit) =>
          Exit.isSuccess(exit) && exit.value.signal === undefined ? Effect.void : own.worker.hurry
        )
      )

      if (outcome.signal === undefined && !outcome.halted && outcome.lost === 0) {
        if (notKept > 0)
          yield* tell(
            `the outputs of ${HumanNumber.count(notKept)} finished lines are not kept any more and not printed`
          )
        if (failed === 0) {
          // There is nothing to go on with: what was printed need not be kept.
          for (const { attempt, job, stderr, stdout } of MapRecord.load(folder, identity)?.finished.values() ?? [])
            if (attempt > 1 || stdout + stderr > 0) yield* outputs.remove(job, attempt)
          MapRecord.remove(folder, identity)
          OwnFile.remove(path.join(folder, `${identity}.lines`))
        } else record.end()
      }
      return { ...outcome, failures, failed, earlierFailed, done, isKept: !queue.store.restsInHeap }
    })

    const mode = progressMode({ quiet: out.quiet || config.tty, lively: out.lively })
    const outcome = yield* work.pipe(
      Effect.scoped,
      Effect.provide(
        Layer.merge(
          Progress.layer({ mode, stdout: out.stdout, stderr: out.stderr, style: out.noteStyle }),
          opened.layer
        )
      )
    )

    const total = inputs.total ?? (outcome.isWhole ? outcome.read : undefined)
    const left = total === undefined ? undefined : total - outcome.done
    const count = HumanNumber.count(total ?? outcome.read)
    const elapsed = (yield* Clock.currentTimeMillis) - startedAt
    if (outcome.failed > 0) {
      yield* out.stderr.write(`sluice: ${HumanNumber.count(outcome.failed)} of ${count} failed\n`)
      for (const { exit, input, number, remark } of [...outcome.failures].sort((a, b) => a.number - b.number)) {
        const text = DisplayWidth.truncate(Sanitize.line(ByteText.shown(input)), 100)
        yield* out.stderr.write(
          `  line ${number}: ${text}: ${remark === "" ? `exit code ${exit}` : Sanitize.line(remark)}\n`
        )
      }
      const more = outcome.failed - outcome.failures.length
      if (more > 0)
        yield* out.stderr.write(
          `  and ${HumanNumber.count(more)} more${outcome.earlierFailed > 0 ? `, ${HumanNumber.count(outcome.earlierFailed)} of them in an earlier run` : ""}\n`
        )
      if (left === 0 && outcome.isKept) yield* out.note("sluice: the same command with --retry-failed runs them again")
    }
    if (left === undefined)
      yield* out.note(
        `sluice: ${HumanNumber.count(outcome.done)} are done, and the input had not ended; the same command goes on with the rest`
      )
    else if (left > 0)
      yield* out.note(`sluice: ${HumanNumber.count(left)} of ${count} are left; the same command goes on with them`)
    else if (outcome.failed === 0 && out.lively)
      yield* out.note(`sluice: ${count} done in ${HumanNumber.duration(elapsed)}`)
    if (outcome.signal !== undefined) return yield* endedBy(outcome.signal)
    const hasFailed = outcome.failed > 0 || left !== 0
    yield* notifier({
      id: undefined,
      state: hasFailed ? "failed" : "completed",
      exitCode: hasFailed ? ExitCode.failure : ExitCode.ok,
      task: "map",
      group,
      what: config.words.join(" "),
      durationMs: elapsed,
      error: hasFailed ? `${HumanNumber.count(outcome.failed)} of ${count} failed` : ""
    })
    if (outcome.halted && halt !== undefined) return yield* haltedBy(halt, outcome.last)
    if (hasFailed) return yield* fail("failure")
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "One job per line or argument, so many at a time, from the first line on. {} is the input, {.} without extension, {/} its last part, {//} its folder, {/.} both, {1} {2} inputs of several sources or columns, {name} a field of a record, {#} the job's number, {%} its slot, {##} how many there are (waits for the end of the input). Sources: ::: words, :::: files; twice for every combination, :::+ linked. Inputs may begin with a dash: put -- before them, or --url and the like. A map that was stopped goes on when it is started again with the same arguments."
  ),
  Command.withExamples([
    { command: MapTemplate.usage },
    { command: "find . -name '*.png' -print0 | sluice map -0 -j 4 'sha256sum -- {}'" },
    { command: "tail -f jobs.txt | sluice map -j 2 './work.sh --item {}'" },
    { command: "sluice map 'gzip -k -{2} -S .{2}.gz -- {1}' ::: *.log ::: 1 9" },
    { command: "sluice map --from users.csv --dry-run 'notify --to {email} --name {name}'" },
    { command: "sluice map --from urls.ndjson -g network 'curl -fsS -o {#}.html --url {url}'" },
    { command: "sluice map --results 'out/{/.}.txt' 'wc -w -- {}' ::: *.md" },
    { command: "sluice map --shell 'sort -- {} | uniq -c > {.}.counts' ::: *.txt" }
  ])
)
