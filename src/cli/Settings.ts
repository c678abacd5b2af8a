/**
 * The settings in force and where each comes from: flag, then `SLUICE_*`, then `sluice.config.ts` or `.json` of the project, then
 * `$XDG_CONFIG_HOME/sluice/config.json`, then the default. One syntax everywhere: what is written in the environment can be
 * written in a file.
 */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { existsSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { AlertSettings } from "../services/Alerts/index.ts"
import { QueueSettings } from "../services/Queue/index.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import * as GlobalFlags from "./GlobalFlags.ts"
import { parseDuration } from "./input/DurationInput.ts"
import { parseSize } from "./input/SizeInput.ts"
import { didYouMean, nearest } from "./input/Suggestion.ts"
import { Invocation } from "./Invocation.ts"

type Environment = Readonly<Record<string, string | undefined>>

/** What a setting's text must be; the message says what was expected. */
type Check = (text: string) => Result.Result<unknown, { readonly message: string }>

interface SettingSpec {
  readonly environment: string
  readonly summary: string
  readonly check: Check
  /** A file or folder: relative ones start where they are written down. */
  readonly isPath?: boolean
  /** Never printed. */
  readonly isSecret?: boolean
}

const anyText: Check = (text) => (text === "" ? Result.fail({ message: "it is empty" }) : Result.succeed(text))

const onOrOff: Check = (text) =>
  text === "on" || text === "off" ? Result.succeed(text) : Result.fail({ message: `"${text}"; expected on or off` })

const specs = {
  store: { environment: "SLUICE_STORE", summary: "where jobs rest", check: anyText, isPath: true },
  tasks: {
    environment: "SLUICE_TASKS",
    summary: "module with the handlers of your tasks",
    check: anyText,
    isPath: true
  },
  lease: {
    environment: "SLUICE_LEASE",
    summary: "how long a worker keeps its jobs without a sign of life",
    check: parseDuration
  },
  sweepInterval: {
    environment: "SLUICE_SWEEP_INTERVAL",
    summary: "how often expired leases are looked for",
    check: parseDuration
  },
  pollInterval: {
    environment: "SLUICE_POLL_INTERVAL",
    summary: "how often a worker looks without being woken",
    check: parseDuration
  },
  grace: { environment: "SLUICE_GRACE", summary: "how long a stop waits for running jobs", check: parseDuration },
  softLimit: { environment: "SLUICE_SOFT_LIMIT", summary: "after which a job is told to finish", check: parseDuration },
  hardLimit: { environment: "SLUICE_HARD_LIMIT", summary: "after which a job is stopped", check: parseDuration },
  maxPayload: { environment: "SLUICE_MAX_PAYLOAD", summary: "largest payload and result", check: parseSize },
  keepCompleted: {
    environment: "SLUICE_KEEP_COMPLETED",
    summary: "how long completed jobs stay",
    check: parseDuration
  },
  keepFailed: { environment: "SLUICE_KEEP_FAILED", summary: "how long failed jobs stay", check: parseDuration },
  keepCancelled: {
    environment: "SLUICE_KEEP_CANCELLED",
    summary: "how long cancelled jobs stay",
    check: parseDuration
  },
  scaleCommand: {
    environment: "SLUICE_SCALE_COMMAND",
    summary: "a program that is called when a scaled group should have another number of slots",
    check: anyText
  },
  scaleWorkload: {
    environment: "SLUICE_SCALE_WORKLOAD",
    summary: "the Deployment or StatefulSet of these workers in Kubernetes, and its replicas: deployment/workers=1..20",
    check: anyText
  },
  alerts: { environment: "SLUICE_ALERTS", summary: "whether workers look after the alerts: on or off", check: onOrOff },
  alertCommand: {
    environment: "SLUICE_ALERT_COMMAND",
    summary: "a program that is given alerts as JSON on its standard input",
    check: anyText
  },
  alertWebhooks: {
    environment: "SLUICE_ALERT_WEBHOOKS",
    summary: "https addresses that alerts are posted to, with spaces between",
    check: anyText,
    isSecret: true
  },
  alertWebhookHosts: {
    environment: "SLUICE_ALERT_WEBHOOK_HOSTS",
    summary: "hosts that alerts may be posted to, with spaces between",
    check: anyText
  },
  alertWebhookSecretFile: {
    environment: "SLUICE_ALERT_WEBHOOK_SECRET_FILE",
    summary: "file with the secret that signs what is posted",
    check: anyText,
    isPath: true
  },
  alertRunbooks: { environment: "SLUICE_ALERT_RUNBOOKS", summary: "where the runbooks lie", check: anyText },
  alertTimeZone: {
    environment: "SLUICE_ALERT_TIME_ZONE",
    summary: "the zone that days and hours of unusual load are counted in",
    check: anyText
  }
} as const satisfies { readonly [key: string]: SettingSpec }

export type SettingName = keyof typeof specs

export const settingNames = Object.keys(specs) as ReadonlyArray<SettingName>

/** As it may be printed. */
export const shown = (name: SettingName, { source, value }: Setting): Setting => {
  const spec: SettingSpec = specs[name]
  return spec.isSecret === true && value !== "" ? { value: "(set)", source } : { value, source }
}

const prefix = "SLUICE_"
/** What jobs and scaling commands are given. */
const givenToCommands = /^(JOB_ID|ATTEMPT|GROUP|WORKER_NAME|SCALE_(GROUP|CURRENT|DESIRED|REASON|DECIDED_AT))$/

/** Variables that are no settings but nearly have the name of one, each in a line. Others may belong to somebody else's program. */
export const misspelt = (env: Environment): ReadonlyArray<string> => {
  const known = settingNames.map((name) => specs[name].environment.slice(prefix.length))
  return Object.keys(env).flatMap((variable) => {
    const name = variable.startsWith(prefix) ? variable.slice(prefix.length) : ""
    if (name === "" || known.includes(name) || givenToCommands.test(name)) return []
    const meant = nearest(name, known)
    return meant === undefined ? [] : [`sluice: ${variable} is no setting; did you mean ${prefix}${meant}?`]
  })
}

export const summaryOf = (name: SettingName): string => specs[name].summary

export interface Setting {
  readonly value: string
  /** `default`, a flag, a variable of the environment, or the path of a file. */
  readonly source: string
}

export type Settings = Readonly<Record<SettingName, Setting>>

const days = (millis: number): string => `${millis / 86_400_000}d`
const seconds = (duration: Duration.Duration): string => `${Duration.toSeconds(duration)}s`

const { defaults } = QueueSettings

const stateHome = (env: Environment): string =>
  env.XDG_STATE_HOME || path.join(env.HOME || homedir(), ".local", "state")

const configHome = (env: Environment): string => env.XDG_CONFIG_HOME || path.join(env.HOME || homedir(), ".config")

/** Where what Sluice remembers by itself lies: the default store, logs of background workers, records of maps. */
export const stateFolder = (env: Environment): string => path.join(stateHome(env), "sluice")

const defaultValue = (name: SettingName, env: Environment): string => {
  switch (name) {
    case "store":
      return path.join(stateFolder(env), "queue.db")
    case "tasks":
    case "scaleCommand":
    case "scaleWorkload":
    case "alertCommand":
    case "alertWebhooks":
    case "alertWebhookHosts":
    case "alertWebhookSecretFile":
      return ""
    case "alerts":
      return "on"
    case "alertRunbooks":
      return AlertSettings.defaults.runbooks
    case "alertTimeZone":
      return AlertSettings.defaults.timeZone
    case "maxPayload":
      return `${defaults.maxPayloadBytes / 1024}KiB`
    case "keepCompleted":
      return days(defaults.retention.completed.ageMs)
    case "keepFailed":
      return days(defaults.retention.failed.ageMs)
    case "keepCancelled":
      return days(defaults.retention.cancelled.ageMs)
    default:
      return seconds(defaults[name])
  }
}

/** A store is a path unless it names a kind of store. */
const isUrl = (value: string): boolean => /^[a-z][a-z0-9+.-]+:/i.test(value)

const absolute = (name: SettingName, value: string, folder: string): string => {
  const spec: SettingSpec = specs[name]
  return spec.isPath !== true || value === "" || isUrl(value) ? value : path.resolve(folder, value)
}

const projectNames = [
  "sluice.config.ts",
  "sluice.config.mts",
  "sluice.config.mjs",
  "sluice.config.js",
  "sluice.config.json"
]

/** The project's config: in this folder or one above it, up to the first that is the root of a project. */
const projectConfig = (from: string): string | undefined => {
  let folder = from
  for (;;) {
    const found = projectNames.map((name) => path.join(folder, name)).find(existsSync)
    if (found !== undefined) return found
    const parent = path.dirname(folder)
    const isRoot = existsSync(path.join(folder, "package.json")) || existsSync(path.join(folder, ".git"))
    if (isRoot || parent === folder) return undefined
    folder = parent
  }
}

const bad = (file: string, what: string) => fail("usage", `${file}: ${what}`)

const oneLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split("\n")[0]!

const readConfig = (file: string): Effect.Effect<Readonly<Record<string, string>>, CommandFailure> =>
  Effect.gen(function* () {
    const content = yield* Effect.tryPromise({
      try: async (): Promise<unknown> =>
        file.endsWith(".json")
          ? JSON.parse(readFileSync(file, "utf8"))
          : ((await import(pathToFileURL(file).href)) as { readonly default?: unknown }).default,
      catch: (error) => bad(file, `cannot be read: ${oneLine(error)}`)
    })
    if (typeof content !== "object" || content === null || Array.isArray(content)) {
      return yield* bad(
        file,
        file.endsWith(".json")
          ? 'expected an object, like { "lease": "30s" }'
          : 'expected `export default { lease: "30s" }`'
      )
    }
    const texts: Record<string, string> = {}
    for (const [key, value] of Object.entries(content)) {
      if (!Object.hasOwn(specs, key)) {
        return yield* bad(
          file,
          `unknown setting ${JSON.stringify(key)}; known are ${settingNames.join(", ")}.${didYouMean(key, settingNames)}`
        )
      }
      if (typeof value !== "string" && typeof value !== "number") {
        return yield* bad(file, `${key} is ${value === null ? "null" : typeof value}; expected text like "30s"`)
      }
      texts[key] = String(value)
    }
    return texts
  })

const checked = (name: SettingName, setting: Setting): Effect.Effect<Setting, CommandFailure> => {
  if (setting.source === "default") return Effect.succeed(setting)
  const result = (specs[name].check as Check)(setting.value)
  return Result.isFailure(result)
    ? Effect.fail(fail("usage", `${name} (${setting.source}): ${result.failure.message}`))
    : Effect.succeed(setting)
}

/** Reads what there is to read. Fails with `usage` on the first thing that is not understood. */
export const resolve = Effect.gen(function* () {
  const { cwd, env } = yield* Invocation
  const storeFlag = yield* GlobalFlags.Store
  const project = projectConfig(cwd)
  const user = path.join(configHome(env), "sluice", "config.json")
  const files: Array<{ readonly file: string; readonly texts: Readonly<Record<string, string>> }> = []
  for (const file of [project, existsSync(user) ? user : undefined]) {
    if (file !== undefined) files.push({ file, texts: yield* readConfig(file) })
  }
  const settings: Partial<Record<SettingName, Setting>> = {}
  for (const name of settingNames) {
    const { environment } = specs[name]
    const fromEnvironment = env[environment]
    const inFile = files.find(({ texts }) => texts[name] !== undefined)
    const setting: Setting =
      name === "store" && Option.isSome(storeFlag)
        ? { value: absolute(name, storeFlag.value, cwd), source: "--store" }
        : fromEnvironment !== undefined && fromEnvironment !== ""
          ? { value: absolute(name, fromEnvironment, cwd), source: environment }
          : inFile !== undefined
            ? { value: absolute(name, inFile.texts[name]!, path.dirname(inFile.file)), source: inFile.file }
            : { value: defaultValue(name, env), source: "default" }
    settings[name] = yield* checked(name, setting)
  }
  return settings as Settings
})

/** With the source of the one that is out of range, which stands first in what the queue says of it. */
const checkedQueueSettings = (settings: Settings, queue: QueueSettings.QueueSettings) =>
  Effect.try({
    try: () => QueueSettings.check(queue),
    catch: (error) => {
      const text = oneLine(error)
      const name = settingNames.find((known) => text.startsWith(`${known} `))
      return fail("usage", name === undefined ? text : `${name} (${settings[name].source})${text.slice(name.length)}`)
    }
  })

/** As the queue takes them. */
export const toQueueSettings = (settings: Settings): Effect.Effect<QueueSettings.QueueSettings, CommandFailure> =>
  Effect.suspend(() => {
    const duration = (name: SettingName) => Result.getOrThrow(parseDuration(settings[name].value))
    const millis = (name: SettingName) => Duration.toMillis(duration(name))
    return checkedQueueSettings(settings, {
      ...defaults,
      lease: duration("lease"),
      sweepInterval: duration("sweepInterval"),
      pollInterval: duration("pollInterval"),
      grace: duration("grace"),
      softLimit: duration("softLimit"),
      hardLimit: duration("hardLimit"),
      maxPayloadBytes: Option.getOrThrow(ByteSize.toNumber(Result.getOrThrow(parseSize(settings.maxPayload.value)))),
      retention: {
        completed: { ...defaults.retention.completed, ageMs: millis("keepCompleted") },
        failed: { ...defaults.retention.failed, ageMs: millis("keepFailed") },
        cancelled: { ...defaults.retention.cancelled, ageMs: millis("keepCancelled") }
      }
    })
  })
