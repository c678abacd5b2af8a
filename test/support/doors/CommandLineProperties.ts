/**
 * What must hold at the doors of the command line for any words: they are taken or refused in one line with its exit
 * code, on every store alike, and what was taken reads back the same. Flags and payloads go through the whole parser to
 * queues that stay open; settings are read from the environment and from a file as every command reads them.
 */
import { assert } from "@effect/vitest"
import { Effect, Schema, type Scope } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { TestClock } from "effect/testing"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { startFlags, startOptions } from "../../../src/cli/commands/add.ts"
import type { CommandGroup } from "../../../src/cli/CommandTable.ts"
import { ExitCode } from "../../../src/cli/ExitCode.ts"
import { filterFlags, toFilter } from "../../../src/cli/JobFilter.ts"
import { commandFlags, toEnqueueOptions } from "../../../src/cli/JobFlags.ts"
import { readPayload } from "../../../src/cli/Payload.ts"
import * as Settings from "../../../src/cli/Settings.ts"
import { type JobId, type JobRecord, Task, type TaskQueue } from "../../../src/services/Queue/index.ts"
import * as CommandLine from "../../cli/CommandLine.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { queues, temporaryFolder } from "./BothStores.ts"
import { HostileValues } from "./HostileValues.ts"

type Queue = TaskQueue["Service"]

/** The time that it is, on the virtual clock, all the while. */
const now = Date.parse("2026-07-01T09:30:00Z")

/** What a flag may be given and take. */
const plausible = [
  "0",
  "1",
  "5",
  "10",
  "1000000",
  "1h30m",
  "500ms",
  "36500d",
  "2030-01-01T00:00:00Z",
  "1970-01-01T00:00:00Z",
  "9999-12-31T23:59:59.999-23:59",
  "network",
  "a:b",
  "pending",
  "-0",
  "1e3",
  "0x10",
  "５",
  "1_000"
]

/** Words as a program can be given them: without NUL, of whole characters. */
export const words = (hostile: HostileValues) => () =>
  hostile.random.chance(0.8)
    ? hostile.random.pick(plausible)
    : hostile.text().slice(0, 2000).replaceAll("\0", "").toWellFormed()

const refusals: ReadonlyArray<number> = [ExitCode.usage, ExitCode.notFound]

/** A line for a person, and nothing else. */
export const isOneLine = ({ code, stderr, stdout }: CommandLine.Called, what: string) => {
  assert.include(refusals, code, `${what}: ${stderr}`)
  assert.strictEqual(stdout, "", what)
  assert.match(stderr, /^sluice[^\n]+\n$/, what)
  assert.notMatch(stderr.trimEnd(), CommandLine.control, what)
}

const Plain = Task.make("plain", { payload: Schema.Any, group: "network" })

/** Asks every store the same; they answer alike. */
const onBoth = <A, E>(both: ReadonlyArray<Queue>, ask: (queue: Queue) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const [inMemory, inFile] = yield* Effect.forEach(both, (queue) => Effect.exit(ask(queue)))
    assert.strictEqual(inFile!._tag, inMemory!._tag, `${String(inMemory)}, and ${String(inFile)}`)
    return yield* Effect.all([inMemory!, inFile!])
  })

/** The commands of jobs over queues that stay open. `heard` is told what each call came to. */
const commandsOver = (both: ReadonlyArray<Queue>, heard: (ids: ReadonlyArray<JobId>) => void): CommandGroup => {
  const add = Command.make(
    "add",
    { ...commandFlags, ...startFlags, words: Argument.String("command").pipe(Argument.variadic()) },
    (flags) =>
      Effect.gen(function* () {
        const start = yield* startOptions(flags)
        const options = { ...toEnqueueOptions(flags, undefined), ...start }
        const handles = yield* onBoth(both, (queue) => queue.enqueue(Plain, flags.words, options))
        heard(handles.map(({ id }) => id))
      })
  )
  const enqueue = Command.make("enqueue", { payload: Flag.String("payload") }, ({ payload }) =>
    Effect.gen(function* () {
      const value = yield* readPayload(payload, 1024 * 1024)
      const handles = yield* onBoth(both, (queue) => queue.enqueue(Plain, value))
      heard(handles.map(({ id }) => id))
    })
  )
  const ls = Command.make("ls", filterFlags, (flags) =>
    Effect.gen(function* () {
      const filter = yield* toFilter(flags)
      const [inMemory, inFile] = yield* onBoth(both, (queue) => queue.count(filter))
      assert.deepStrictEqual(inFile, inMemory)
      heard([])
    })
  )
  const entry = (name: string, command: Command.Command.Any) => ({
    name,
    summary: name,
    load: () => Promise.resolve({ command })
  })
  return { group: "Jobs", commands: [entry("add", add), entry("enqueue", enqueue), entry("ls", ls)] }
}

/** Of a job what does not differ between stores. */
const stored = (job: JobRecord) => ({
  group: job.group,
  priority: job.priority,
  maxAttempts: job.maxAttempts,
  uniqueKey: job.uniqueKey,
  waitingFor: job.waitingFor.length,
  extra: job.extra,
  payload: job.payload
})

const durations: Readonly<Record<string, number>> = {
  0: 0,
  "1h30m": 5_400_000,
  "500ms": 500,
  "36500d": 3_153_600_000_000,
  "1 second": 1000
}

/** What a job says of a flag, and what it was given. */
const readBack: Readonly<Record<string, (job: JobRecord, text: string) => readonly [read: unknown, given: unknown]>> = {
  "--group": ({ group }, text) => [group, text],
  "--priority": ({ priority }, text) => [priority, Number(text)],
  "--retry": ({ maxAttempts }, text) => [maxAttempts, Number(text) + 1],
  "--key": ({ uniqueKey }, text) => [uniqueKey, `task:plain:${text}`],
  "--tag": ({ extra }, text) => [extra?.tags?.includes(text), true],
  "--at": ({ due }, text) => [due, Math.max(now, Date.parse(text))],
  "--in": ({ due }, text) => [due, now + durations[text]!],
  "--deadline": ({ extra }, text) => [extra?.deadline, Date.parse(text)],
  "--deadline-in": ({ due, extra }, text) => [extra!.deadline! - due, durations[text]],
  "--timeout": ({ extra }, text) => [extra?.softLimit, durations[text]],
  "--env": () => [true, true]
}

const filters = ["--state", "--task", "--group", "--tag", "--owner", "--batch", "--since", "--before"]

/** One or two flags of `add`, with what they are given. */
export const addWords = (hostile: HostileValues): ReadonlyArray<string> =>
  Array.from(
    { length: 1 + hostile.random.below(2) },
    () => `${hostile.random.pick(Object.keys(readBack))}=${words(hostile)()}`
  )

/** Flags and payloads of jobs. Answers how many words were taken. */
const commandLine = (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const hostile = new HostileValues(new SeededRandom(seed))
    const { random } = hostile
    const word = words(hostile)
    yield* TestClock.setTime(now)
    const both = yield* queues(path.join(yield* temporaryFolder, "jobs.db"))
    const cli = yield* CommandLine.make
    const heard: Array<ReadonlyArray<JobId>> = []
    const commands = [commandsOver(both, (ids) => void heard.push(ids))]
    const seen = new Set<JobId>()
    let taken = 0
    for (let asked = 0; asked < values; ) {
      const kind = random.pick(["add", "add", "add", "enqueue", "ls"])
      const names =
        kind === "enqueue"
          ? ["--payload"]
          : Array.from({ length: 1 + random.below(2) }, () =>
              random.pick(kind === "add" ? Object.keys(readBack) : filters)
            )
      const given = names.map((flag) => ({
        flag,
        text: kind === "enqueue" && random.chance(0.7) ? JSON.stringify(hostile.json()) : word()
      }))
      asked += given.length
      const what = JSON.stringify([kind, given])
      const called = yield* cli.call(
        [kind, ...given.map(({ flag, text }) => `${flag}=${text}`), ...(kind === "add" ? ["--", "true"] : [])],
        { commands }
      )
      if (called.code !== ExitCode.ok) {
        isOneLine(called, what)
        continue
      }
      const [ids] = heard.splice(0)
      assert.isDefined(ids, what)
      taken += given.length
      if (ids!.length === 0) continue
      const [inMemory, inFile] = yield* Effect.all([both[0].get(ids![0]!), both[1].get(ids![1]!)])
      assert.deepStrictEqual(stored(inFile), stored(inMemory), what)
      // A live job of the same key is what it was.
      if (seen.has(inMemory.id)) continue
      seen.add(inMemory.id)
      if (kind === "enqueue") {
        assert.deepStrictEqual(inFile.payload, JSON.parse(JSON.stringify(JSON.parse(given[0]!.text))), what)
        continue
      }
      for (const { flag, text } of given) {
        if (given.filter((other) => other.flag === flag).length > 1) continue
        const [read, expected] = readBack[flag]!(inMemory, text)
        assert.deepStrictEqual(read, expected, what)
      }
    }
    for (const queue of both) assert.strictEqual((yield* queue.count({})).count, seen.size)
    return Math.min(taken, values)
  })

/** How often a setting's text is kept as it stands: paths begin where they are written down. */
const isKept = (name: Settings.SettingName) => !["store", "tasks", "alertWebhookSecretFile"].includes(name)

/** Prints the settings in force, in a folder of a project's. */
const settingsAt = (cli: CommandLine.CommandLine, env: Readonly<Record<string, string>>) =>
  cli.call(["config", "print", "--json", "--reveal"], { cwd: cli.folder, env })

const settingsProperty =
  (
    /** How a value is given to a setting, and how it reads there; undefined: not one text. */
    give: (
      name: Settings.SettingName,
      hostile: HostileValues,
      folder: string
    ) => { readonly env: Readonly<Record<string, string>>; readonly text: string | undefined; readonly source: string }
  ) =>
  (seed: number, values: number): Effect.Effect<number, unknown, Scope.Scope> =>
    Effect.gen(function* () {
      const hostile = new HostileValues(new SeededRandom(seed))
      const cli = yield* CommandLine.make
      let taken = 0
      for (let i = 0; i < values; i++) {
        const name = hostile.random.pick(Settings.settingNames)
        const { env, source, text } = give(name, hostile, cli.folder)
        const what = JSON.stringify([name, text, env])
        const called = yield* settingsAt(cli, env)
        if (called.code !== ExitCode.ok) {
          isOneLine(called, what)
          continue
        }
        taken++
        const read = (JSON.parse(called.stdout) as Record<string, { value: string; source: string }>)[name]!
        if (text === undefined || text === "") continue
        assert.strictEqual(read.source, source, what)
        if (isKept(name)) assert.strictEqual(read.value, text, what)
        else assert.isTrue(path.isAbsolute(read.value) || Settings.isUrl(read.value), what)
      }
      return taken
    })

/** Settings from the environment. Answers how many were taken. */
const environment = settingsProperty((name, hostile) => {
  const text = words(hostile)()
  const source = Settings.environmentOf(name)
  return { env: { [source]: text }, source, text }
})

/** Settings from a project's file. Answers how many were taken. */
const configFile = settingsProperty((name, hostile, folder) => {
  const { random } = hostile
  const source = path.join(folder, "sluice.config.json")
  const value = random.chance(0.7) ? words(hostile)() : hostile.json()
  const content = JSON.stringify({ [random.chance(0.95) ? name : hostile.text()]: value })
  const broken = random.chance(0.05)
  writeFileSync(
    source,
    broken ? random.pick(["", "\ufeff{}", "[]", "null", "{", hostile.text(), `\ufeff${content}`]) : content
  )
  const isText = typeof value === "string" || typeof value === "number"
  return { env: {}, source, text: broken || !isText ? undefined : String(value) }
})

export const doors = { "the command line": commandLine, "the environment": environment, "a config file": configFile }
