/**
 * The settings in force and where each comes from: flag, then `SLUICE_*`, then `sluice.config.ts` and `.json` of the
 * project (or the file of `--config`), then `$XDG_CONFIG_HOME/sluice/config.json`, then the default. One syntax
 * everywhere: what is written in the environment can be written in a file.
 *
 * A project's files may be a stranger's: whoever clones a repository stands among them. So its code runs, and what it
 * says of programs, modules and addresses is taken, only by commands that run jobs or need exactly that: they ask for
 * `acting`, all others for `looking`.
 */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { existsSync } from "node:fs"
import { availableParallelism, homedir } from "node:os"
import path from "node:path"
import { AlertSettings } from "../services/Alerts/index.ts"
import { mostSlots, QueueSettings, SlotDecisions } from "../services/Queue/index.ts"
import * as ConfigFiles from "./ConfigFiles.ts"
import { type CommandFailure, fail } from "./Failure.ts"
import * as GlobalFlags from "./GlobalFlags.ts"
import { parseDuration } from "./input/DurationInput.ts"
import { parseSize } from "./input/SizeInput.ts"
import { didYouMean, nearest } from "./input/Suggestion.ts"
import { Invocation } from "./Invocation.ts"
import { parseChoice } from "./KeptEnvironment.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"

type Environment = Readonly<Record<string, string | undefined>>

/** What a setting's text must be; the message says what was expected. */
type Check = (text: string) => Result.Result<unknown, { readonly message: string }>

interface SettingSpec {
  readonly environment: string
  readonly summary: string
  readonly check: Check
  /** A file or folder: relative ones start where they are written down. */
  readonly isPath?: boolean
  /** Names a program, a module, or where something is sent: only for commands that need it. */
  readonly acts?: boolean
  /** For the caller alone to say, by flag or environment. */
  readonly isCallers?: boolean
  /**
   * Says what of the caller's is put down: for the caller's own file as well, or one that is insisted on (`--config`),
   * never a project's.
   */
  readonly isPersonal?: boolean
  /** What is printed only when asked for: all of it, or the arguments of the program it names. */
  readonly secret?: "all" | "arguments"
}

const anyText: Check = (text) => (text === "" ? Result.fail({ message: "it is empty" }) : Result.succeed(text))

const onOrOff: Check = (text) =>
  text === "on" || text === "off" ? Result.succeed(text) : Result.fail({ message: `"${text}"; expected on or off` })

const wholeUpTo =
  (most: number): Check =>
  (text) =>
    /^[1-9]\d*$/.test(text) && Number(text) <= most
      ? Result.succeed(Number(text))
      : Result.fail({ message: `"${text}"; expected a whole number from 1 to ${HumanNumber.count(most)}` })

const specs = {
  store: { environment: "SLUICE_STORE", summary: "where jobs rest", check: anyText, isPath: true },
  shared: {
    environment: "SLUICE_SHARED",
    summary: "whether the store may be another user's, or writable by others: on or off",
    check: onOrOff,
    isCallers: true
  },
  tasks: {
    environment: "SLUICE_TASKS",
    summary: "module with the handlers of your tasks",
    check: anyText,
    isPath: true,
    acts: true
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
  totalSlots: {
    environment: "SLUICE_TOTAL_SLOTS",
    summary: "slots of all groups together that a worker fills at a time",
    check: wholeUpTo(mostSlots)
  },
  softLimit: {
    environment: "SLUICE_SOFT_LIMIT",
    summary: "after which a job of a task is told to finish; commands have --timeout",
    check: parseDuration
  },
  hardLimit: {
    environment: "SLUICE_HARD_LIMIT",
    summary: "after which a job of a task is stopped; commands have --timeout",
    check: parseDuration
  },
  outputLimit: {
    environment: "SLUICE_OUTPUT_LIMIT",
    summary: "largest log of what one attempt of a command wrote; of a longer one beginning and end are kept",
    check: parseSize
  },
  outputTotal: {
    environment: "SLUICE_OUTPUT_TOTAL",
    summary: "largest sum of those logs; beyond it the oldest go",
    check: parseSize
  },
  maxPayload: { environment: "SLUICE_MAX_PAYLOAD", summary: "largest payload and result", check: parseSize },
  env: {
    environment: "SLUICE_ENV",
    summary: "what of the caller's environment is kept with a command: no-secrets, all or clean, and names besides",
    check: parseChoice,
    isPersonal: true
  },
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
  scaling: {
    environment: "SLUICE_SCALING",
    summary: "whether workers take their turn at leading the scaler: on or off",
    check: onOrOff
  },
  scaleCommand: {
    environment: "SLUICE_SCALE_COMMAND",
    summary: "a program that is called when a scaled group should have another number of slots",
    check: anyText,
    acts: true,
    secret: "arguments"
  },
  scaleWorkload: {
    environment: "SLUICE_SCALE_WORKLOAD",
    summary:
      "the Deployment or StatefulSet of workers in Kubernetes, its replicas, and the slots of one unless they are this worker's: deployment/workers=1..20 network=10",
    check: anyText,
    acts: true
  },
  alerts: { environment: "SLUICE_ALERTS", summary: "whether workers look after the alerts: on or off", check: onOrOff },
  alertCommand: {
    environment: "SLUICE_ALERT_COMMAND",
    summary: "a program that is given alerts as JSON on its standard input",
    check: anyText,
    acts: true,
    secret: "arguments"
  },
  alertWebhooks: {
    environment: "SLUICE_ALERT_WEBHOOKS",
    summary: "https addresses that alerts are posted to, with spaces between",
    check: anyText,
    acts: true,
    secret: "all"
  },
  alertWebhookHosts: {
    environment: "SLUICE_ALERT_WEBHOOK_HOSTS",
    summary: "hosts that alerts may be posted to, with spaces between",
    check: anyText,
    acts: true
  },
  alertWebhookSecretFile: {
    environment: "SLUICE_ALERT_WEBHOOK_SECRET_FILE",
    summary: "file with the secret that signs what is posted",
    check: anyText,
    isPath: true,
    acts: true
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

export const secretOf = (name: SettingName): SettingSpec["secret"] => {
  const spec: SettingSpec = specs[name]
  return spec.secret
}

const prefix = "SLUICE_"
/** What jobs, notifiers and scaling commands are given. */
const givenToCommands =
  /^(JOB_(ID|STATE|EXIT_CODE|TASK|GROUP|COMMAND|SECONDS|ERROR)|ATTEMPT|GROUP|WORKER_NAME|SCALE_(GROUP|CURRENT|DESIRED|REASON|DECIDED_AT))$/

/**
 * Variables that are no settings but nearly have the name of one, each in a line. Others may belong to somebody else's
 * program.
 */
export const misspelt = (env: Environment): ReadonlyArray<string> => {
  const known = settingNames.map((name) => specs[name].environment.slice(prefix.length))
  return Object.keys(env).flatMap((variable) => {
    const name = variable.startsWith(prefix) ? variable.slice(prefix.length) : ""
    if (name === "" || known.includes(name) || givenToCommands.test(name)) return []
    const meant = nearest(name, known)
    return meant === undefined ? [] : [`sluice: ${variable} is no setting; did you mean ${prefix}${meant}?`]
  })
}
/** The variable of the environment that says it. */
export const environmentOf = (name: SettingName): string => specs[name].environment

export const summaryOf = (name: SettingName): string => specs[name].summary

export interface Setting {
  readonly value: string
  /** `default`, a flag, a variable of the environment, or the path of a file. */
  readonly source: string
}

export type Settings = Readonly<Record<SettingName, Setting>>

type ActingName = {
  [Name in SettingName]: (typeof specs)[Name] extends { readonly acts: true } ? Name : never
}[SettingName]

/** Without what names programs, modules and addresses. */
export type PlainSettings = Omit<Settings, ActingName>

/** The settings, and the files of the project they were looked for in. */
export interface Read<S extends PlainSettings> {
  readonly settings: S
  /** A project's code that was not run: what it would set is not known. */
  readonly unread: string | undefined
  /** Data of a project that was found, not named: it speaks for its own folder. */
  readonly found: string | undefined
}

const days = (millis: number): string => `${millis / 86_400_000}d`
const seconds = (duration: Duration.Duration): string => `${Duration.toSeconds(duration)}s`

const { defaults } = QueueSettings

const stateHome = (env: Environment): string =>
  env.XDG_STATE_HOME || path.join(env.HOME || homedir(), ".local", "state")

const configHome = (env: Environment): string => env.XDG_CONFIG_HOME || path.join(env.HOME || homedir(), ".config")

/** Where what Sluice remembers by itself lies: the default store, logs of background workers, records of maps. */
export const stateFolder = (env: Environment): string => path.join(stateHome(env), "sluice")

/** What holds where nothing is said. */
export const defaultOf = (name: SettingName, env: Environment): string => {
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
    case "shared":
      return "off"
    case "alerts":
    case "scaling":
      return "on"
    case "alertRunbooks":
      return AlertSettings.defaults.runbooks
    case "alertTimeZone":
      return AlertSettings.defaults.timeZone
    case "env":
      return "no-secrets"
    case "totalSlots":
      return String(SlotDecisions.defaultTotalSlots)
    case "maxPayload":
      return `${defaults.maxPayloadBytes / 1024}KiB`
    case "outputLimit":
      return `${defaults.outputLimitBytes / 1024 ** 2}MiB`
    case "outputTotal":
      return `${defaults.outputTotalBytes / 1024 ** 3}GiB`
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
export const isUrl = (value: string): boolean => /^[a-z][a-z0-9+.-]+:/i.test(value)

const absolute = (name: SettingName, value: string, folder: string): string => {
  const spec: SettingSpec = specs[name]
  return spec.isPath !== true || value === "" || isUrl(value) ? value : path.resolve(folder, value)
}

const bad = (file: string, what: string) => fail("usage", `${file}: ${what}`)

type Texts = Readonly<Record<string, string>>

/** `found`: a project's, which the caller did not name. */
const readConfig = (file: string, whose: "named" | "found" | "user"): Effect.Effect<Texts, CommandFailure> =>
  Effect.gen(function* () {
    const content = yield* ConfigFiles.contentOf(file, whose === "named")
    if (typeof content !== "object" || content === null || Array.isArray(content)) {
      return yield* bad(
        file,
        ConfigFiles.isCode(file)
          ? 'expected `export default { lease: "30s" }`'
          : 'expected an object, like { "lease": "30s" }'
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
      const spec: SettingSpec = specs[key as SettingName]
      if (spec.isCallers === true) {
        return yield* bad(
          file,
          `${key} is not for a file to say; say it where you call: --${key}, or ${spec.environment}`
        )
      }
      if (spec.isPersonal === true && whose === "found") {
        return yield* bad(
          file,
          `${key} is not for a project to say; say it with ${spec.environment}, in your own config.json, or insist with --config`
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

const projectFiles = Effect.gen(function* () {
  const { cwd, env } = yield* Invocation
  const flag = Option.getOrUndefined(yield* GlobalFlags.Config) ?? env.SLUICE_CONFIG
  if (flag !== undefined && flag !== "") return ConfigFiles.named(path.resolve(cwd, flag))
  return yield* ConfigFiles.find(cwd, env.HOME || homedir())
})

/** With the source of the one that is out of range, which stands first in what the queue says of it. */
const checkedQueueSettings = (settings: PlainSettings, queue: QueueSettings.QueueSettings) =>
  Effect.try({
    try: () => QueueSettings.check(queue),
    catch: (error) => {
      const text = error instanceof Error ? error.message : String(error)
      const name = (Object.keys(settings) as ReadonlyArray<keyof PlainSettings>).find((known) =>
        text.startsWith(`${known} `)
      )
      return fail("usage", name === undefined ? text : `${name} (${settings[name].source})${text.slice(name.length)}`)
    }
  })

const flagOf = (name: SettingName) =>
  Effect.gen(function* () {
    if (name === "store") return Option.getOrUndefined(yield* GlobalFlags.Store)
    if (name === "shared" && (yield* GlobalFlags.Shared)) return "on"
    return undefined
  })

/**
 * Reads what there is to read; code that was only found is run with `runsCode`. Fails with `usage` on the first thing
 * not understood.
 */
const read = (runsCode: boolean) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* Invocation
    const { code, data, isNamed } = yield* projectFiles
    const run = runsCode || isNamed ? code : undefined
    if (code !== undefined && run === undefined) yield* ConfigFiles.mustBeTrusted(code)
    const user = path.join(configHome(env), "sluice", "config.json")
    const files: Array<{ readonly file: string; readonly texts: Texts }> = []
    for (const file of [run, data, existsSync(user) ? user : undefined]) {
      if (file === undefined) continue
      const whose = file === user ? "user" : isNamed ? "named" : "found"
      files.push({ file, texts: yield* readConfig(file, whose) })
    }
    const inProject = files
      .filter(({ file }) => file !== user)
      .map(({ file, texts }) => absolute("store", texts.store ?? "", path.dirname(file)))
    if (inProject.length === 2 && inProject.every((store) => store !== "") && inProject[0] !== inProject[1]) {
      return yield* fail(
        "usage",
        `${run} and ${path.basename(data!)} beside it name different stores; name it in ${path.basename(data!)} alone, which all commands read`
      )
    }
    const settings: Partial<Record<SettingName, Setting>> = {}
    for (const name of settingNames) {
      const { environment } = specs[name]
      const flag = yield* flagOf(name)
      const fromEnvironment = env[environment]
      const inFile = files.find(({ texts }) => texts[name] !== undefined)
      const setting: Setting =
        flag !== undefined
          ? { value: absolute(name, flag, cwd), source: `--${name}` }
          : fromEnvironment !== undefined && fromEnvironment !== ""
            ? { value: absolute(name, fromEnvironment, cwd), source: environment }
            : inFile !== undefined
              ? { value: absolute(name, inFile.texts[name]!, path.dirname(inFile.file)), source: inFile.file }
              : { value: defaultOf(name, env), source: "default" }
      settings[name] = yield* checked(name, setting)
    }
    const result: Read<Settings> = {
      settings: settings as Settings,
      unread: run === code ? undefined : code,
      found: isNamed ? undefined : data
    }
    return result
  })

/** For commands that look, or that run the caller's own commands: no code of a project's is run. */
export const looking = Effect.map(read(false), (found): Read<PlainSettings> => found)

/** For commands that run the project's jobs or need its sinks. */
export const acting = read(true)

/** All there is to print without running anything. */
export const printable = read(false)

/** As the queue takes them. */
export const toQueueSettings = (settings: PlainSettings): Effect.Effect<QueueSettings.QueueSettings, CommandFailure> =>
  Effect.suspend(() => {
    const duration = (name: keyof PlainSettings) => Result.getOrThrow(parseDuration(settings[name].value))
    const millis = (name: keyof PlainSettings) => Duration.toMillis(duration(name))
    const bytes = (name: keyof PlainSettings) =>
      Option.getOrThrow(ByteSize.toNumber(Result.getOrThrow(parseSize(settings[name].value))))
    return checkedQueueSettings(settings, {
      ...defaults,
      lease: duration("lease"),
      sweepInterval: duration("sweepInterval"),
      pollInterval: duration("pollInterval"),
      grace: duration("grace"),
      softLimit: duration("softLimit"),
      hardLimit: duration("hardLimit"),
      maxPayloadBytes: bytes("maxPayload"),
      outputLimitBytes: bytes("outputLimit"),
      outputTotalBytes: bytes("outputTotal"),
      computationLimit: availableParallelism(),
      retention: {
        completed: { ...defaults.retention.completed, ageMs: millis("keepCompleted") },
        failed: { ...defaults.retention.failed, ageMs: millis("keepFailed") },
        cancelled: { ...defaults.retention.cancelled, ageMs: millis("keepCancelled") }
      }
    })
  })
