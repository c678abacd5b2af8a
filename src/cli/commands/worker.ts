/** `sluice worker`: runs jobs in the foreground, in the background or in many processes; and looks after workers. */
import { InvalidValue } from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import path from "node:path"
import { mostSlots, ResourceGroup, SecretVariables, type SlotBounds } from "../../services/Queue/index.ts"
import { fail, passOn } from "../Failure.ts"
import * as GlobalFlags from "../GlobalFlags.ts"
import { Invocation } from "../Invocation.ts"
import { notifyFlag } from "../JobFlags.ts"
import { sayObstacle } from "../notify/Notifying.ts"
import { actingLocation, openActing } from "../OpenStore.ts"
import { output } from "../Output.ts"
import { Signals } from "../Signals.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import { startInBackground } from "../worker/InBackground.ts"
import * as Supervisor from "../worker/Supervisor.ts"
import { drain } from "./worker/drain.ts"
import { ls } from "./worker/ls.ts"
import { stop } from "./worker/stop.ts"

const invalid = (option: string, value: string, expected: string) =>
  Effect.fail(new InvalidValue({ option, value, expected, kind: "flag" }))

const switchFlag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

/** `network=20`, `network=2..20`, `network=2..20:tune`, `*=0`; undefined: none of these. */
const slotsIn = (text: string): readonly [string, number | SlotBounds] | undefined => {
  const [, group = "", first = "", second, tune] = /^(.+)=(\d{1,5})(?:\.\.(\d{1,5})(:tune)?)?$/.exec(text) ?? []
  if (group !== "*" && !ResourceGroup.namePattern.test(group)) return undefined
  const min = Number(first)
  if (second === undefined) return [group, min]
  const max = Number(second)
  return group === "*" || min < 1 || max < min ? undefined : [group, { min, max, tune: tune !== undefined }]
}

const flags = {
  tasks: Flag.String("tasks").pipe(
    Flag.withMetavar("MODULE"),
    Flag.withDescription("module whose default export is the layer of your handlers (default: the config's)"),
    Flag.optional
  ),
  slots: Flag.String("group").pipe(
    Flag.withAlias("g"),
    Flag.withMetavar("GROUP=N"),
    Flag.withDescription(
      "slots for a group, 0 for none, 2..20 to grow and shrink between, 2..20:tune to find where most complete, '*=0' for all others; may be repeated (default: each group's limit)"
    ),
    Flag.mapEffect((text) => {
      const slots = slotsIn(text)
      return slots === undefined
        ? invalid("group", text, "GROUP=N, like network=20, GROUP=MIN..MAX, like network=2..20, or GROUP=MIN..MAX:tune")
        : Effect.succeed(slots)
    }),
    Flag.between(0, 100)
  ),
  detach: switchFlag("detach", "stay in the background; sluice worker stop ends it").pipe(Flag.withAlias("d")),
  processes: Flag.String("processes").pipe(
    Flag.withMetavar("N|auto"),
    Flag.withDescription("so many processes, restarted when they crash; auto: one per core, or as scaled groups need"),
    Flag.mapEffect(
      (text): Effect.Effect<Processes, InvalidValue> =>
        text === "auto"
          ? Effect.succeed(text)
          : /^[1-9]\d{0,2}$/.test(text)
            ? Effect.succeed(Number(text))
            : invalid("processes", text, "1 to 999, or auto")
    ),
    Flag.optional
  ),
  min: Flag.Int("min").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("with --processes auto: the fewest (default 1)"),
    Flag.optional
  ),
  max: Flag.Int("max").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("with --processes auto: the most (default: the cores)"),
    Flag.optional
  ),
  totalSlots: Flag.Int("total-slots").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(
      "slots of all groups together that are filled at a time (default: the config's, 1000, or those of --group together where they are more)"
    ),
    Flag.mapEffect((total) =>
      total >= 1 && total <= mostSlots
        ? Effect.succeed(total)
        : invalid("total-slots", String(total), `1 to ${HumanNumber.count(mostSlots)}`)
    ),
    Flag.optional
  ),
  threads: Flag.Int("threads").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("threads for CPU-bound handlers (default: one less than the cores)"),
    Flag.optional
  ),
  once: switchFlag("once", "run what is due, then exit: 1 when a job failed"),
  noShell: switchFlag("no-shell", "leave the commands of sluice add to other workers"),
  everyJob: switchFlag("log-jobs", "a line for every job, not only for those that fail"),
  notify: notifyFlag("for each job that has ended here")
}

type Processes = number | "auto"

interface Config {
  readonly slots: ReadonlyArray<readonly [string, number | SlotBounds]>
  readonly processes: Option.Option<Processes>
  readonly min: Option.Option<number>
  readonly max: Option.Option<number>
  readonly totalSlots: Option.Option<number>
  readonly threads: Option.Option<number>
  readonly once: boolean
  readonly noShell: boolean
  readonly everyJob: boolean
  readonly notify: Option.Option<string>
}

/** The flags for a worker process under this one. */
const argumentsFor = (
  config: Config,
  store: string,
  tasks: string,
  options: {
    readonly shared: boolean
    readonly configFile: string | undefined
    readonly processes: boolean
    readonly quiet: boolean
    readonly noColor: boolean
  }
): ReadonlyArray<string> => [
  "worker",
  "--store",
  store,
  ...(options.shared ? ["--shared"] : []),
  ...(options.configFile === undefined ? [] : ["--config", options.configFile]),
  ...(tasks === "" ? [] : ["--tasks", tasks]),
  ...config.slots.flatMap(([group, slots]) => [
    "--group",
    `${group}=${typeof slots === "number" ? slots : `${slots.min}..${slots.max}${slots.tune === true ? ":tune" : ""}`}`
  ]),
  ...(options.processes
    ? (["processes", "min", "max"] as const).flatMap((flag) =>
        Option.match(config[flag], { onNone: () => [], onSome: (value) => [`--${flag}`, String(value)] })
      )
    : []),
  ...(Option.isSome(config.totalSlots) ? ["--total-slots", String(config.totalSlots.value)] : []),
  ...(Option.isSome(config.threads) ? ["--threads", String(config.threads.value)] : []),
  ...(config.once ? ["--once"] : []),
  ...(config.noShell ? ["--no-shell"] : []),
  ...(config.everyJob ? ["--log-jobs"] : []),
  ...(Option.isSome(config.notify) ? [`--notify=${config.notify.value}`] : []),
  ...(options.quiet ? ["--quiet"] : []),
  ...(options.noColor ? ["--no-color"] : [])
]

/** A worker under a supervisor ends when that is gone, even when it went before the worker had begun. */
const endWithSupervisor = Effect.sync(() => {
  const end = () => void process.kill(process.pid, "SIGTERM")
  if (process.connected === false) return end()
  process.once("disconnect", end)
  process.channel?.unref()
})

/** From `--min` and `--max`, which bound `--processes auto`. */
const processBounds = (config: Pick<Config, "min" | "max" | "processes">) =>
  Effect.gen(function* () {
    if (Option.isNone(config.min) && Option.isNone(config.max)) return { min: 1, max: Supervisor.autoProcesses() }
    if (!Option.contains(config.processes, "auto")) {
      return yield* fail("usage", "--min and --max bound --processes auto; add it, or leave them out")
    }
    const min = Option.getOrElse(config.min, () => 1)
    const max = Option.getOrElse(config.max, () => Math.max(min, Supervisor.autoProcesses()))
    if (!(min >= 1 && max <= 999 && min <= max)) {
      return yield* fail(
        "usage",
        `--min is ${min} and --max is ${max}; expected 1 to 999, the first not above the second`
      )
    }
    return { min, max }
  })

/** The slots a process is declared with: where they move, the most; of no group more than of all together. */
const declaredSlots = (slots: Config["slots"], total: number = Infinity): Readonly<Record<string, number>> =>
  Object.fromEntries(
    slots.map(([group, count]) => [group, Math.min(total, typeof count === "number" ? count : count.max)])
  )

export const command = Command.make(
  "worker",
  flags,
  Effect.fnUntraced(function* (config) {
    const { cwd, env } = yield* Invocation
    const out = yield* output
    const { location, settings, shared } = yield* actingLocation
    const tasks = Option.isSome(config.tasks) ? path.resolve(cwd, config.tasks.value) : settings.tasks.value
    const many = Option.isSome(config.processes)
    if (location._tag === "Memory" && (many || config.detach)) {
      return yield* fail(
        "usage",
        "memory: lives in one process; name a file with --store for a background worker or several processes"
      )
    }
    if (Option.isSome(config.threads) && !(config.threads.value >= 1 && config.threads.value <= 256)) {
      return yield* fail("usage", `--threads is ${config.threads.value}; expected 1 to 256`)
    }
    const { source, value } = settings.totalSlots
    // Nobody said: the worker goes by the slots it is declared with.
    const totalSlots = Option.getOrElse(config.totalSlots, () => (source === "default" ? undefined : Number(value)))
    const bounds = yield* processBounds(config)
    yield* sayObstacle(config.notify)
    const noColor = !out.lively
    const configFile = Option.getOrUndefined(yield* GlobalFlags.Config)
    const args = (processes: boolean) =>
      argumentsFor(config, settings.store.value, tasks, { shared, configFile, processes, quiet: out.quiet, noColor })

    const watchesAlerts = settings.alerts.value === "on" && !config.once
    // What signs and addresses alerts is for those who may send them.
    const childEnv: NodeJS.ProcessEnv = watchesAlerts ? { ...env } : SecretVariables.withoutOwnSecrets(env)

    if (config.detach) {
      const opened = yield* openActing({ create: true, thread: false })
      const started = startInBackground(args(true), settings.store.value, childEnv)
      return yield* out.line(String(yield* Effect.provide(started, opened.layer)))
    }
    if (Option.isSome(config.processes)) {
      const signals = yield* (yield* Signals).takeOver
      const supervised = { args: args(false), cwd, env: childEnv, signals, note: out.note }
      const processes = config.processes.value
      const begin = Math.min(bounds.max, Math.max(bounds.min, Supervisor.autoProcesses()))
      // With --once the processes end when nothing is left: their number is not the scaler's.
      if (processes !== "auto" || config.once) {
        const code = yield* Supervisor.supervise({ ...supervised, processes: processes === "auto" ? begin : processes })
        return code === 0 ? undefined : yield* passOn(code)
      }
      const opened = yield* openActing({ create: true, thread: false })
      const code = yield* Supervisor.superviseTargets({
        ...supervised,
        ...bounds,
        processes: begin,
        slots: declaredSlots(config.slots, totalSlots)
      }).pipe(Effect.scoped, Effect.provide(opened.layer))
      return code === 0 ? undefined : yield* passOn(code)
    }

    const leads = settings.scaling.value === "on"
    yield* endWithSupervisor
    const { scaleActuators, serve, TaskModule } = yield* Effect.promise(() => import("../worker/Serving.ts"))
    const module = tasks === "" ? undefined : yield* TaskModule.load(tasks)
    if (module !== undefined && module.handlers === undefined) {
      return yield* fail(
        "usage",
        `${tasks} has no default export; expected the layer of your handlers (task.toLayer(...)) or an array of them`
      )
    }
    const opened = yield* openActing({ create: true, thread: true })
    const { SLUICE_WORKER_NAME: name } = env
    yield* serve({
      handlers: module?.handlers,
      shell: !config.noShell,
      slots: Object.fromEntries(config.slots),
      totalSlots,
      threads: Option.getOrUndefined(config.threads),
      name,
      once: config.once,
      storeFile: opened.location._tag === "File" ? opened.location.path : undefined,
      everyJob: config.everyJob,
      notify: Option.getOrUndefined(config.notify),
      actuators: config.once
        ? undefined
        : leads
          ? yield* scaleActuators(declaredSlots(config.slots, totalSlots))
          : Layer.empty,
      leads,
      scalesOnly: leads && !config.once && (settings.scaleCommand.value !== "" || settings.scaleWorkload.value !== ""),
      alerts: watchesAlerts,
      settings: opened.queueSettings
    }).pipe(Effect.scoped, Effect.provide(opened.layer))
  }, Effect.scoped)
).pipe(
  Command.withDescription("Runs jobs: the commands of sluice add, and with --tasks the tasks of your own module."),
  Command.withSubcommands([ls, drain, stop]),
  Command.withExamples([
    { command: "sluice worker" },
    { command: "sluice worker -d --processes auto", description: "in the background, a process per core" },
    {
      command: "sluice worker --processes auto --max 8 -g computation=2",
      description: "as many as scaled groups need, two slots each"
    },
    { command: "sluice worker --tasks ./tasks.ts -g network=20 -g computation=2" },
    {
      command: 'sluice worker --notify \'./told.sh "$SLUICE_JOB_ID" "$SLUICE_JOB_STATE"\'',
      description: "a command for each finished job"
    },
    { command: "sluice worker --once", description: "run what is due, for cron and CI" }
  ])
)
