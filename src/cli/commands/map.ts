/** `sluice map`: one job per line, so many at a time, resumable. */
import * as Argument from "effect/cli/Argument"
import { InvalidValue } from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { createHash, randomBytes } from "node:crypto"
import path from "node:path"
import {
  isWhole,
  Job,
  type JobId,
  type JobRecord,
  type OutputCounts,
  Outputs,
  ResourceGroup,
  ShellTask,
  TaskQueue
} from "../../services/Queue/index.ts"
import { recorded } from "../Caller.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import * as CommandTemplate from "../input/CommandTemplate.ts"
import { Invocation } from "../Invocation.ts"
import { commandFlags, toEnqueueOptions } from "../JobFlags.ts"
import { parseHalt } from "../map/Halt.ts"
import * as JobLog from "../map/JobLog.ts"
import * as MapInputs from "../map/MapInputs.ts"
import * as MapOutput from "../map/MapOutput.ts"
import * as MapLock from "../map/MapLock.ts"
import * as MapRecord from "../map/MapRecord.ts"
import * as MapRun from "../map/MapRun.ts"
import * as Printing from "../map/Printing.ts"
import * as RecordTemplate from "../map/RecordTemplate.ts"
import { open, stateFolder } from "../OpenStore.ts"
import { output } from "../Output.ts"
import * as OwnWorker from "../OwnWorker.ts"
import { endedBy, Signals } from "../Signals.ts"
import * as StandardStreams from "../StandardStreams.ts"
import * as DisplayWidth from "../terminal/DisplayWidth.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import { Progress, progressMode } from "../terminal/Progress.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/** Failed lines named at the end. */
const failuresShown = 20
/** Bytes of each stream in a line's row, for who looks at the job: its output is in its log. */
const previewBytes = 4096

const usage = "sluice map 'gzip -k -- {}' ::: a.log b.log"

const switchFlag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

const flags = {
  ...commandFlags,
  slots: Flag.Int("jobs").pipe(
    Flag.withAlias("j"),
    Flag.withMetavar("N"),
    Flag.withDescription("so many at a time (default: the group's limit, which always holds)"),
    Flag.optional
  ),
  keepOrder: switchFlag("keep-order", "print outputs in the order of the inputs").pipe(Flag.withAlias("k")),
  lineBuffer: switchFlag("line-buffer", "print whole lines as they come, not a block when a command has ended").pipe(
    Flag.withAlias("linebuffer")
  ),
  ungroup: switchFlag("ungroup", "print at once what comes, lines of several commands mixed").pipe(Flag.withAlias("u")),
  tag: switchFlag("tag", "begin each line of output with its input and a tab"),
  from: Flag.String("from").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "a file of lines; of JSON objects when it ends in .ndjson or .jsonl: {name} is the field name"
    ),
    Flag.optional
  ),
  nul: switchFlag("null", "inputs end in NUL instead of newline, as find -print0 writes them").pipe(
    Flag.withAlias("0")
  ),
  halt: Flag.String("halt").pipe(
    Flag.withMetavar("WHEN,WHAT=N"),
    Flag.withDescription("stop early: now,fail=1 ends what runs, soon,fail=3 lets it finish (also success=, done=)"),
    Flag.mapEffect((text) =>
      Result.match(parseHalt(text), {
        onFailure: ({ advice }) =>
          Effect.fail(new InvalidValue({ option: "halt", value: text, expected: advice, kind: "flag" })),
        onSuccess: (halt) => Effect.succeed(halt)
      })
    ),
    Flag.optional
  ),
  joblog: Flag.String("joblog").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("a line per finished job, in GNU parallel's columns"),
    Flag.optional
  ),
  retryFailed: switchFlag("retry-failed", "run the failed lines of the last run again, and no others"),
  fresh: switchFlag("fresh", "forget what an unfinished run of this map has done"),
  words: Argument.String("command").pipe(
    Argument.withDescription("one quoted word, or words after --"),
    Argument.variadic()
  )
}

const parseTemplate = (
  words: ReadonlyArray<string>,
  shell: boolean
): Effect.Effect<CommandTemplate.CommandTemplate, CommandTemplate.CommandTemplateError | CommandFailure> => {
  if (words.length === 0) return Effect.fail(fail("usage", `no command; write ${usage}`))
  const parsed = shell
    ? CommandTemplate.parseShell(words.join(" "))
    : words.length === 1
      ? CommandTemplate.parse(words[0]!)
      : CommandTemplate.fromWords(words)
  return Effect.fromResult(parsed)
}

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
  })

const lineOf = (job: JobRecord): number => Number(job.extra?.headers?.[MapRun.lineHeader])

/** An attempt of a line, as its output knows it. */
interface LineAttempt {
  readonly attempt: number
  readonly output: MapOutput.LineOutput
  written: () => OutputCounts
}

const nothing: OutputCounts = { stdout: 0, stderr: 0 }

export const command = Command.make(
  "map",
  flags,
  Effect.fnUntraced(function* (config) {
    const invocation = yield* Invocation
    const out = yield* output
    const { cwd, stdin } = invocation
    if (config.fresh && config.retryFailed)
      return yield* fail("usage", "--fresh forgets what --retry-failed needs; give one of them")
    const slotsAsked = Option.getOrUndefined(config.slots)
    if (slotsAsked !== undefined && !(slotsAsked >= 1 && slotsAsked <= 10_000))
      return yield* fail("usage", `-j is ${slotsAsked}; expected 1 to 10000`)
    const template = yield* parseTemplate(config.words, config.shell)
    const from = Option.isSome(config.from) ? path.resolve(cwd, config.from.value) : undefined
    const records =
      from !== undefined && /\.(ndjson|jsonl)$/i.test(from) ? RecordTemplate.make(template, config.words) : undefined
    if (records !== undefined && "_tag" in records) return yield* records

    const folder = yield* stateFolder("maps")
    const commandOf = (input: string, number: number): readonly [string, ...Array<string>] => {
      const rendered = CommandTemplate.render(
        records === undefined ? template : records.fill(input, number),
        input,
        number
      )
      if (Result.isFailure(rendered)) throw fail("usage", `input ${number}: ${rendered.failure.message}`)
      return rendered.success as unknown as readonly [string, ...Array<string>]
    }
    const inputs = yield* MapInputs.gather({
      words: invocation.arguments.inputs,
      from,
      checkRecord: (input, number) => void commandOf(input, number),
      stdin,
      separator: config.nul ? "\0" : "\n",
      folder
    })
    if (inputs.count === 0) return yield* out.note("sluice: nothing to map over")

    const opened = yield* open({ create: true, thread: true })
    const options = toEnqueueOptions(config, 0)
    const group = options.group ?? ResourceGroup.computation.name
    const identity = createHash("sha256")
      .update(
        JSON.stringify([
          1,
          opened.location,
          template,
          config.shell,
          [
            group,
            options.priority,
            options.retries,
            Option.map(config.timeout, Duration.toMillis).pipe(Option.getOrNull)
          ],
          cwd,
          inputs.hash
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
          if (finished.has(number) || (config.retryFailed && earlier.finished.has(number))) continue
          left.set(number, job)
          if (Job.liveStates.includes(job.state)) lane = ShellTask.laneOf(job.task) ?? lane
        }
      }
      /** Above the bars, which a plain write would break. */
      const tell = (line: string) => (out.quiet ? Effect.void : progress.print("stderr", `sluice: ${line}\n`))
      if (finished.size > 0) {
        yield* tell(
          `going on where the last run stopped: ${HumanNumber.count(finished.size)} of ${HumanNumber.count(inputs.count)} are done${isAppended ? "; what they wrote is not appended again" : ""} (--fresh begins anew)`
        )
      }

      const limit = (yield* queue.stats).groups.find(({ name }) => name === group)?.limit
      const slots = slotsAsked ?? limit ?? ResourceGroup.undeclaredLimit
      if (limit !== undefined && slots > limit) {
        yield* tell(
          `group ${group} allows ${limit} at a time over all workers, fewer than -j ${slots}; more with: sluice queue limit ${group} ${slots}`
        )
      }

      const record = yield* Effect.acquireRelease(
        Effect.try({
          try: () => MapRecord.open(folder, identity, { batch, total: inputs.count, startedAt }, finished),
          catch: (error) => fail("notAllowed", `the map cannot be recorded in ${folder}: ${(error as Error).message}`)
        }),
        (record) => Effect.sync(record.close)
      )
      const joblog = Option.isNone(config.joblog)
        ? undefined
        : yield* Effect.try({
            try: () => JobLog.open(path.resolve(cwd, Option.getOrThrow(config.joblog)), goesOn),
            catch: (error) => fail("notAllowed", `the job log cannot be written: ${(error as Error).message}`)
          })

      yield* progress.expect(group, inputs.count)
      yield* progress.resume(group, finished.size)

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

      const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())
      const printing = Printing.make(config.keepOrder)
      const output = MapOutput.make({
        outputs,
        out,
        progress,
        printing,
        runPromise,
        settings: {
          grouping:
            config.lineBuffer || (config.ungroup && config.tag) ? "lines" : config.ungroup ? "chunks" : "blocks",
          keepOrder: config.keepOrder,
          tagOf: (input) => (config.tag ? input : undefined)
        }
      })
      /** Inputs of lines that are on their way, for their tags. */
      const inputOf = new Map<number, string>()
      const outputOf = (number: number, job: JobId, attempt: number) =>
        output.of({ number, input: inputOf.get(number) ?? "", job, attempt })
      /** The last attempt of lines that are on their way. */
      const attempts = new Map<number, LineAttempt>()
      const began = (number: number, job: JobId, attempt: number): LineAttempt => {
        const line: LineAttempt = { attempt, output: outputOf(number, job, attempt), written: () => nothing }
        attempts.set(number, line)
        return line
      }
      /** What an ended attempt wrote, when its log has all of it. */
      const wholeOutput = (job: JobId, attempt: number) =>
        Effect.map(outputs.record(job, attempt), (found) =>
          found === undefined ? nothing : isWhole(found) ? found.written : undefined
        )
      let notKept = 0
      /** Whether what finished lines wrote is printed: not where it stands already. */
      const isReplayed = !isAppended && !(config.retryFailed && earlier?.ended === true && out.stdout.isTerminal)

      const isFinished = (number: number, input: string) =>
        Effect.gen(function* () {
          if (config.tag) inputOf.set(number, input)
          const line = finished.get(number)
          if (line === undefined) return false
          const written = yield* wholeOutput(line.job, line.attempt)
          const isKept = written?.stdout === line.stdout && written.stderr === line.stderr
          if (!isKept && !config.retryFailed) {
            // It runs again: what it wrote can not be printed again.
            finished.delete(number)
            done--
            if (line.exit !== 0) failed--
            return false
          }
          if (!isKept) notKept++
          const { finish } = outputOf(number, line.job, line.attempt)
          inputOf.delete(number)
          printing.end(number, isKept && isReplayed ? Effect.asVoid(finish) : Effect.void)
          return true
        })

      /** A job that has ended is gone on with when its output can be printed; one that was cancelled runs again. */
      const leftOf = (number: number) =>
        Effect.gen(function* () {
          const job = left.get(number)
          if (job === undefined || job.state === "cancelled") return undefined
          if (Job.liveStates.includes(job.state)) return job.id
          const written = yield* wholeOutput(job.id, job.attempt)
          if (written === undefined) return undefined
          began(number, job.id, job.attempt).written = () => written
          return job.id
        })

      const report: MapRun.MapReport = {
        ended: ({ command, end, input, number, startedAt }, job) => {
          const line = attempts.get(number) ?? began(number, job, 1)
          attempts.delete(number)
          inputOf.delete(number)
          const { stderr, stdout } = line.written()
          const block = Effect.gen(function* () {
            // What could not be written is not finished.
            if (!(yield* line.output.finish)) return
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
            yield* progress.finished(group, { runMillis: end.durationMs, failed: end.exitCode !== 0 })
          })
          return { block, bytes: stdout + stderr }
        },
        sync: Effect.sync(record.sync),
        stopping: () =>
          tell(
            `stopping; running jobs have ${Duration.format(opened.queueSettings.grace)} to finish; once more ends them now`
          )
      }

      const starts = new MapRun.Starts()
      const runFork = Effect.runForkWith(yield* Effect.context<never>())
      const clock = yield* Clock.Clock
      const own = yield* OwnWorker.acquire({
        name: `map:${process.pid}`,
        resume: lane,
        listener: {
          env: withheld,
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
          inputs,
          batch,
          group,
          slots,
          options,
          keepOrder: config.keepOrder,
          halt: Option.getOrUndefined(config.halt),
          grace: opened.queueSettings.grace,
          printing,
          isFinished,
          left: leftOf,
          commandOf,
          payloadOf: (command) => ({ ...surroundings, command })
        },
        own,
        starts,
        report,
        signals
      ).pipe(
        Effect.scoped,
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
          for (const { attempt, job } of MapRecord.load(folder, identity)?.finished.values() ?? [])
            yield* outputs.remove(job, attempt)
          MapRecord.remove(folder, identity)
        } else record.end()
      }
      return { ...outcome, failures, failed, earlierFailed, done }
    })

    const mode = progressMode({ quiet: out.quiet, lively: out.lively })
    const outcome = yield* work.pipe(
      Effect.scoped,
      Effect.provide(
        Layer.merge(
          Progress.layer({ mode, stdout: out.stdout, stderr: out.stderr, style: out.noteStyle }),
          opened.layer
        )
      )
    )

    const left = inputs.count - outcome.done
    const elapsed = (yield* Clock.currentTimeMillis) - startedAt
    if (outcome.failed > 0) {
      yield* out.stderr.write(
        `sluice: ${HumanNumber.count(outcome.failed)} of ${HumanNumber.count(inputs.count)} failed\n`
      )
      for (const { exit, input, number, remark } of [...outcome.failures].sort((a, b) => a.number - b.number)) {
        const text = DisplayWidth.truncate(Sanitize.line(input), 100)
        yield* out.stderr.write(
          `  line ${number}: ${text}: ${remark === "" ? `exit code ${exit}` : Sanitize.line(remark)}\n`
        )
      }
      const more = outcome.failed - outcome.failures.length
      if (more > 0)
        yield* out.stderr.write(
          `  and ${HumanNumber.count(more)} more${outcome.earlierFailed > 0 ? `, ${HumanNumber.count(outcome.earlierFailed)} of them in an earlier run` : ""}\n`
        )
      if (left === 0) yield* out.note("sluice: the same command with --retry-failed runs them again")
    }
    if (left > 0)
      yield* out.note(
        `sluice: ${HumanNumber.count(left)} of ${HumanNumber.count(inputs.count)} are left; the same command goes on with them`
      )
    else if (outcome.failed === 0 && out.lively)
      yield* out.note(`sluice: ${HumanNumber.count(inputs.count)} done in ${HumanNumber.duration(elapsed)}`)
    if (outcome.signal !== undefined) return yield* endedBy(outcome.signal)
    if (outcome.failed > 0 || left > 0) return yield* fail("failure")
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "One job per line or argument, so many at a time. {} is the input, {.} without extension, {/} its last part, {//} its folder, {/.} both, {#} its number. Inputs may begin with a dash: put -- before them, or --url and the like. A map that was stopped goes on when it is started again with the same arguments."
  ),
  Command.withExamples([
    { command: usage },
    { command: "find . -name '*.png' -print0 | sluice map -0 -j 4 'oxipng -- {}'" },
    { command: "sluice map --from urls.ndjson -g network 'curl -fsS -o {#}.html --url {url}'" },
    { command: "sluice map --shell 'sort -- {} | uniq -c > {.}.counts' ::: *.txt" }
  ])
)
