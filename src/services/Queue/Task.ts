/**
 * A typed definition of work, shared by everyone who touches it: the producer enqueues with it, the worker runs its
 * handler, the command line and the API read its schemas.
 *
 * ```ts
 * const Resize = Task.make("resize", {
 *   payload: { file: Schema.String, width: Schema.Int },
 *   success: Schema.Struct({ bytes: Schema.Int }),
 *   group: ResourceGroup.computation,
 *   hardLimit: "2 minutes"
 * })
 *
 * const ResizeLive = Resize.toLayer(({ file, width }, job) =>
 *   Effect.gen(function*() {
 *     yield* job.progress(50)
 *     return { bytes: yield* resize(file, width) }
 *   }))
 * ```
 *
 * A handler may run more than once for one job, since delivery is at least once: make it idempotent.
 */
import { type Context, type Duration, Effect, Layer, Schedule, Schema, type Scope, type Struct } from "effect"
import { batching, type Batching, type BatchHandler, type BatchOptions } from "../Batches/Batch.ts"
import type { RateLimited } from "../Limits/RateLimited.ts"
import type { JobId, JobRetention } from "./Job.ts"
import { type UniqueConflict, uniqueConflicts } from "../Store/Turn.ts"
import { checkGroupPolicy } from "../Limits/policy/CheckPolicy.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import { checkOrder } from "./policy/Order.ts"
import { checkPriority, defaultPriority } from "./policy/Rank.ts"
import { checkRetention, type RetentionOption } from "./policy/RetentionOption.ts"
import { checkRetry, retryFields, none, quick, standard, type RetryPolicy } from "./policy/RetryDelay.ts"
import { retryOn, type RetrySchedule } from "./policy/RetrySchedule.ts"
import * as ResourceGroup from "./ResourceGroup.ts"
import { type BatchTaskHandler, type ThreadHandler, type TaskHandler, TaskRegistry } from "./TaskRegistry.ts"

/**
 * How many times and when a failed attempt is repeated: a preset's name, single fields over the standard policy, or a
 * `Schedule`, which is stepped anew for each retry (one that never ends retries a million times).
 */
export type RetryOption = "standard" | "quick" | "none" | Partial<RetryPolicy> | RetrySchedule

/** How a task's unique keys work; see `UniqueConflict`. */
export interface UniqueOption {
  /** What a taken key does to an enqueue. Default `"existing"`: the live job is the answer. */
  readonly onConflict?: UniqueConflict
  /** Where a key is unique: among the jobs of this task (default), of its group, or of the whole store. */
  readonly scope?: "task" | "group" | "store"
  /**
   * From the first enqueue the key also stays taken for this long after its job has finished. Default: only while the
   * job is live.
   */
  readonly window?: Duration.Input
  /**
   * With `onConflict: "debounce"`: the job starts at the latest this long after the first call that it stands for,
   * however often others push it away; at least the delay of each call (`in`). Default: ten times the delay of the
   * call, so that steady calls never keep it from running; `Duration.infinity` for no limit.
   */
  readonly maxDelay?: Duration.Input
}

/** How a payload is given: as a schema, or as the fields of a struct. */
export type PayloadDefinition = Schema.Codec<any, any> | { readonly [field: string]: Schema.Codec<any, any> }

/** The decoded payload of a definition. */
export type PayloadOf<Definition extends PayloadDefinition> =
  Definition extends Schema.Codec<infer P, any>
    ? P
    : Definition extends Schema.Struct.Fields
      ? Struct.Simplify<Schema.Struct<Definition>["Type"]>
      : never

export interface TaskOptions<P, S, E, G> {
  /** What the job carries: a schema, or the fields of a struct. Encoded to JSON at the store's edge. */
  readonly payload: Schema.Codec<P, any>
  /**
   * Which form of this definition it is, kept with each job that is enqueued with it (`job.version`): a handler that
   * changes what its payload means tells old jobs from new ones by it. A whole number from 0. Default 0.
   */
  readonly version?: number
  /** What the handler answers. Default `Schema.Void`. */
  readonly success?: Schema.Codec<S, any>
  /** What the handler may fail with. Default `Schema.Never`: every failure is a defect. */
  readonly error?: Schema.Codec<E, any>
  /** What the handler reports while it runs. Default `Schema.Unknown`. */
  readonly progress?: Schema.Codec<G, any>
  /**
   * The budget its jobs draw on: a group or the name of one. Default: `computation` until workers have measured the
   * task, then the group it was placed in (`Placements.ts`).
   */
  readonly group?: ResourceGroup.ResourceGroup | string
  /** 1 (first) to 10. Default 5. */
  readonly priority?: number
  /** Default: the queue's setting, three retries after about 1, 2 and 4 s. */
  readonly retry?: RetryOption
  /** Which errors are worth another attempt. Default: all but `NonRetryable`. */
  readonly retryable?: (error: E) => boolean
  /** After which the handler is told to finish (`job.softLimit`, `job.signal`). Default 25 minutes. */
  readonly softLimit?: Duration.Input
  /**
   * After which it is interrupted, its thread or process killed. Default 30 minutes; `Duration.infinity` for none, as
   * commands have it.
   */
  readonly hardLimit?: Duration.Input
  /**
   * On one machine: how long a process that is stopped, or was continued a moment ago, keeps its jobs of this task,
   * from its last sign of life. Default 0: they run elsewhere when its lease has run out. Commands: 8 hours. No more
   * than the lease is the same as 0.
   */
  readonly suspendedFor?: Duration.Input
  /** A waiting job is cancelled after this long. Default: never. */
  readonly expiresIn?: Duration.Input
  /**
   * When the result is wanted, from when the job is due. It orders its group (see `ResourceGroup.make`) and cancels
   * nothing. Default: none.
   */
  readonly deadlineIn?: Duration.Input
  /**
   * Its jobs are wanted this long from their enqueue, and until then need not start at once: each is put where the load
   * of its group is forecast to be lowest, and never later than it can still be done in time. Where nothing is known it
   * starts at once. In place of `deadlineIn`. Default: jobs start at once.
   */
  readonly deferrable?: { readonly deadlineIn: Duration.Input }
  /** Names what makes two payloads the same work. Jobs with equal keys are unique as `unique` says. */
  readonly idempotencyKey?: (payload: P) => string
  /** How its keys are unique. Default: among the live jobs of the task, the live job being the answer. */
  readonly unique?: UniqueOption
  /**
   * How long its finished jobs stay: state by state, `"none"` or an age, a count, or both. Default: as the queue's
   * setting says. Of a job that leaves no history only who awaited it with `run` or `runMany`, or in the process that
   * ran it, sees the result; counters and roll-ups count it.
   */
  readonly retention?: RetentionOption
  /** Its jobs may run many in one call; see `toBatchLayer`. */
  readonly batch?: BatchOptions<P, S, E, G>
}

/** The options of a task whose payload is given as a schema or as fields. */
export type DefinitionOptions<Payload extends PayloadDefinition, P, S, E, G> = Omit<
  TaskOptions<P, S, E, G>,
  "payload"
> & { readonly payload: Payload }

/** Where a job keeps what its durable steps made, as JSON text; see `DurableStep.ts`. */
export interface JobSteps {
  readonly read: (name: string) => Effect.Effect<string | undefined>
  /** Durable when it answers. */
  readonly keep: (name: string, value: string) => Effect.Effect<void>
}

/** What a running handler knows of its job and can do to it. */
export interface JobContext<out S = unknown, in G = never> {
  readonly id: JobId
  readonly task: string
  readonly group: string
  /** From 1. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Of the definition that the job was enqueued with. */
  readonly version: number
  readonly priority: number
  readonly headers: Readonly<Record<string, string>>
  /** Stores the latest progress; the last call wins. Returns at once, durable with the store's next turn. */
  readonly progress: (value: G) => Effect.Effect<void>
  /** Completes when the soft limit is reached or the worker stops: finish, or clean up and fail. */
  readonly softLimit: Effect.Effect<void>
  /** Aborted at the soft limit, on cancellation and on interruption; for code that takes an `AbortSignal`. */
  readonly signal: AbortSignal
  /** Ends this attempt without counting it; the job runs again after the delay. */
  readonly snooze: (delay: Duration.Input) => Effect.Effect<never, Snoozed>
  /** For `step`. Absent where steps cannot be kept: each then runs in every attempt. */
  readonly steps?: JobSteps
  readonly _S?: S
}

/** Ends an attempt without counting it. Raised by `job.snooze`. */
export class Snoozed extends Schema.TaggedError<Snoozed>()("sluice/Snoozed", { delayMs: Schema.Finite }) {}

/** Fail with this when another attempt cannot help: the job is buried at once. */
export class NonRetryable extends Schema.TaggedError<NonRetryable>()("sluice/NonRetryable", {
  message: Schema.String,
  /** Any JSON value that helps whoever looks at the dead letter. */
  detail: Schema.optionalKey(Schema.Unknown)
}) {}

export type Handler<P, S, E, G, R> = (
  payload: P,
  job: JobContext<S, G>
) => Effect.Effect<S, E | NonRetryable | Snoozed | RateLimited, R>

export interface Task<in out P, in out S = void, in out E = never, in out G = unknown> {
  readonly name: string
  readonly version: number
  readonly payload: Schema.Codec<P, any>
  readonly success: Schema.Codec<S, any>
  readonly error: Schema.Codec<E, any>
  readonly progress: Schema.Codec<G, any>
  readonly group: ResourceGroup.ResourceGroup
  /** False: `group` is where its jobs go as long as nothing is known of it. */
  readonly isGroupDeclared: boolean
  readonly priority: number
  /** Undefined: the queue's setting. */
  readonly retry: RetryPolicy | undefined
  readonly retryable: (error: E) => boolean
  /** Milliseconds; undefined: the queue's setting. */
  readonly softLimitMs: number | undefined
  readonly hardLimitMs: number | undefined
  /** 0: a process that stands still loses its jobs with its lease. */
  readonly suspendedForMs: number
  readonly expiresInMs: number | undefined
  readonly deadlineInMs: number | undefined
  /** Whether its jobs may be put off within their deadline. */
  readonly isDeferrable: boolean
  readonly idempotencyKey: ((payload: P) => string) | undefined
  readonly unique: {
    readonly onConflict: UniqueConflict
    readonly scope: "task" | "group" | "store"
    readonly windowMs: number
    /** Undefined: ten times the delay of each call. */
    readonly maxDelayMs: number | undefined
  }
  /** Undefined: the queue's setting. */
  readonly retention: JobRetention | undefined
  /** Undefined: each job runs in a call of its own. */
  readonly batch: Batching<P> | undefined

  /**
   * The handler, run in a fiber of the worker. What it needs is taken from the layer's environment once. A handler that
   * acquires resources is `Effect.scoped`; an effect that makes the handler may keep its own as long as the layer.
   */
  readonly toLayer: <R = never, EX = never, RX = never>(
    handler: Handler<P, S, E, G, R> | Effect.Effect<Handler<P, S, E, G, R>, EX, RX>
  ) => Layer.Layer<never, EX, TaskRegistry | R | Exclude<RX, Scope.Scope>>

  /**
   * A handler for many jobs in one call, run in a fiber of the worker; without an argument the definition's
   * `batch.process`. A batch takes one slot of its group. Every job keeps its own outcome, retries, limits and
   * cancellation. Throws `InvalidTask` when the task declares no `batch`.
   */
  readonly toBatchLayer: <R = never, EX = never, RX = never>(
    handler?: BatchHandler<P, S, E, G, R> | Effect.Effect<BatchHandler<P, S, E, G, R>, EX, RX>
  ) => Layer.Layer<never, EX, TaskRegistry | R | Exclude<RX, Scope.Scope>>

  /**
   * The handler as the default export (or `export`) of a module that runs in a pool of threads, for work that keeps a
   * core busy. It is called with the decoded payload and may be killed alone at its hard limit.
   *
   * `when: "computing"`: the module runs on the worker's event loop until workers have seen the task compute for half
   * of its time or more, then in threads, and back when it no longer does. Default `"always"`.
   */
  readonly toThreadLayer: (options: {
    readonly module: URL | string
    readonly export?: string
    readonly when?: "always" | "computing"
  }) => Layer.Layer<never, never, TaskRegistry>
}

/** Any task, where its types do not matter. */
export type AnyTask = Task<any, any, any, any>

/** A task option outside its range. A defect of the program: `make` throws it. */
export class InvalidTask extends Schema.TaggedError<InvalidTask>()("InvalidTask", { message: Schema.String }) {}

const presets: { readonly [name: string]: RetryPolicy } = { standard, quick, none }

const toRetryPolicy = (option: RetryOption): RetryPolicy => {
  if (typeof option === "string") return presets[Bounds.oneOf("retry", option, Object.keys(presets))]!
  if (Schedule.isSchedule(option)) return retryOn(option)
  Bounds.fields("retry", option, retryFields)
  return checkRetry("retry", { ...standard, ...option })
}

const toGroup = (group: ResourceGroup.ResourceGroup | string): ResourceGroup.ResourceGroup => {
  const name = Bounds.name("group", typeof group === "string" ? group : Bounds.orRefuse("group", () => group?.name))
  if (typeof group === "string") {
    return ResourceGroup.defaults.find((known) => known.name === name) ?? ResourceGroup.undeclared(name)
  }
  Bounds.whole("group limit", group.limit, 1, Number.MAX_SAFE_INTEGER)
  if (group.order !== undefined) checkOrder("group order", group.order)
  if (group.policy !== undefined) checkGroupPolicy("group policy", group.policy)
  return group
}

const optionNames: ReadonlySet<string> = new Set<keyof TaskOptions<unknown, unknown, unknown, unknown>>([
  "payload",
  "version",
  "success",
  "error",
  "progress",
  "group",
  "priority",
  "retry",
  "retryable",
  "softLimit",
  "hardLimit",
  "suspendedFor",
  "expiresIn",
  "deadlineIn",
  "deferrable",
  "idempotencyKey",
  "unique",
  "retention",
  "batch"
])
const deferrableNames: ReadonlySet<string> = new Set<
  keyof NonNullable<TaskOptions<unknown, unknown, unknown, unknown>["deferrable"]>
>(["deadlineIn"])
const uniqueNames: ReadonlySet<string> = new Set<keyof UniqueOption>(["onConflict", "scope", "window", "maxDelay"])
const uniqueScopes = ["task", "group", "store"] as const

const toDeadlineIn = (options: {
  readonly deadlineIn?: Duration.Input
  readonly deferrable?: { readonly deadlineIn: Duration.Input }
}): number | undefined => {
  const { deadlineIn, deferrable } = options
  if (deferrable === undefined) return given(deadlineIn, (input) => Durations.duration("deadlineIn", input))
  Bounds.fields("deferrable", deferrable, deferrableNames)
  if (deadlineIn !== undefined)
    throw new Bounds.OutOfBounds("deadlineIn and deferrable both say by when; expected one of them")
  return Durations.duration("deferrable.deadlineIn", deferrable.deadlineIn)
}

/** Applies what is given; what is not, stays undefined. */
const given = <A, B>(value: A | undefined, read: (value: A) => B): B | undefined =>
  value === undefined ? undefined : read(value)

const toUnique = (option: UniqueOption = {}): AnyTask["unique"] => {
  Bounds.fields("unique", option, uniqueNames)
  const { maxDelay, onConflict = "existing", scope = "task", window } = option
  if (maxDelay !== undefined && onConflict !== "debounce")
    throw new Bounds.OutOfBounds(
      `unique.maxDelay limits what debounce puts off, and unique.onConflict is ${Bounds.shown(onConflict)}; leave it out`
    )
  return {
    onConflict: Bounds.oneOf("unique.onConflict", onConflict, uniqueConflicts),
    scope: Bounds.oneOf("unique.scope", scope, uniqueScopes),
    windowMs: window === undefined ? 0 : Durations.limit("unique.window", window),
    maxDelayMs: given(maxDelay, (input) => Durations.limit("unique.maxDelay", input))
  }
}

/** The schema itself, or the struct of the fields. */
const toPayload = (definition: PayloadDefinition): Schema.Codec<any, any> => {
  if (Schema.isSchema(definition)) return definition as Schema.Codec<any, any>
  const fields = Bounds.entries("payload", definition, "a schema, or the fields of a struct")
  for (const [field, schema] of fields) schemaOf(`payload.${field}`, schema)
  return Schema.Struct(definition) as unknown as Schema.Codec<any, any>
}

const schemaOf = (what: string, schema: unknown): void => {
  if (!Schema.isSchema(schema)) throw new Bounds.OutOfBounds(`${what} is ${Bounds.shown(schema)}; expected a schema`)
}

/** The options within their bounds, in the form a task has them. Throws `OutOfBounds`. */
const checkedOptions = <P, S, E, G>(name: string, options: DefinitionOptions<PayloadDefinition, P, S, E, G>) => {
  Bounds.name("its name", name)
  Bounds.fields("options", options, optionNames)
  for (const part of ["success", "error", "progress"] as const) given(options[part], (it) => schemaOf(part, it))
  if (options.retryable !== undefined) Bounds.callback("retryable", options.retryable)
  if (options.idempotencyKey !== undefined) Bounds.callback("idempotencyKey", options.idempotencyKey)
  const limit = (part: "softLimit" | "hardLimit" | "expiresIn") =>
    given(options[part], (input) => Durations.limit(part, input))
  return {
    payload: toPayload(options.payload) as Schema.Codec<P, any>,
    version: Bounds.whole("version", options.version ?? 0, 0, Number.MAX_SAFE_INTEGER),
    group: given(options.group, toGroup) ?? ResourceGroup.computation,
    priority: checkPriority(options.priority ?? defaultPriority),
    retry: given(options.retry, toRetryPolicy),
    softLimitMs: limit("softLimit"),
    hardLimitMs: limit("hardLimit"),
    expiresInMs: limit("expiresIn"),
    suspendedForMs: options.suspendedFor === undefined ? 0 : Durations.duration("suspendedFor", options.suspendedFor),
    deadlineInMs: toDeadlineIn(options),
    isDeferrable: options.deferrable !== undefined,
    unique: toUnique(options.unique),
    retention: given(options.retention, (option) => checkRetention("retention", option)),
    batch: given(options.batch, batching)
  }
}

const taskOf = (name: string) => `Task ${Bounds.shown(name)}`

/** Defines a task. Throws `InvalidTask` on an option outside its range, and on one that is none. */
export const make = <Payload extends PayloadDefinition, S = void, E = never, G = unknown>(
  name: string,
  options: DefinitionOptions<Payload, PayloadOf<Payload>, S, E, G>
): Task<PayloadOf<Payload>, S, E, G> => {
  type P = PayloadOf<Payload>
  let checked: ReturnType<typeof checkedOptions<P, S, E, G>>
  try {
    checked = checkedOptions(name, options)
  } catch (error) {
    throw error instanceof Bounds.OutOfBounds
      ? new InvalidTask({ message: `${taskOf(name)}: ${error.message}` })
      : error
  }
  const { batch } = checked
  const expected = (isThere: boolean, message: string) => {
    if (!isThere) throw new InvalidTask({ message: `${taskOf(name)}: ${message}` })
  }

  const task: Task<P, S, E, G> = {
    name,
    success: options.success ?? (Schema.Void as unknown as Schema.Codec<S, any>),
    error: options.error ?? (Schema.Never as unknown as Schema.Codec<E, any>),
    progress: options.progress ?? (Schema.Unknown as unknown as Schema.Codec<G, any>),
    ...checked,
    isGroupDeclared: options.group !== undefined,
    retryable: options.retryable ?? (() => true),
    idempotencyKey: options.idempotencyKey,
    toLayer: <R, EX, RX>(handler: Handler<P, S, E, G, R> | Effect.Effect<Handler<P, S, E, G, R>, EX, RX>) =>
      Layer.effectDiscard(
        Effect.gen(function* () {
          const registry = yield* TaskRegistry
          const run = Effect.isEffect(handler) ? yield* handler : handler
          const context = yield* Effect.context<R>()
          yield* registry.register({
            _tag: "Fiber",
            task,
            context: context as Context.Context<never>,
            run: run as TaskHandler
          })
        })
      ),
    toBatchLayer: <R, EX, RX>(
      handler: BatchHandler<P, S, E, G, R> | Effect.Effect<BatchHandler<P, S, E, G, R>, EX, RX> | undefined = options
        .batch?.process
    ) => {
      expected(batch !== undefined, "no batch; expected batch in its definition, for toBatchLayer")
      expected(handler !== undefined, "no batch handler; expected one in toBatchLayer or as batch.process")
      return Layer.effectDiscard(
        Effect.gen(function* () {
          const registry = yield* TaskRegistry
          const run = Effect.isEffect(handler) ? yield* handler : handler
          const context = yield* Effect.context<R>()
          yield* registry.register({
            _tag: "Batch",
            task,
            context: context as Context.Context<never>,
            run: run as BatchTaskHandler
          })
        })
      )
    },
    toThreadLayer: (module) =>
      Layer.effectDiscard(
        Effect.gen(function* () {
          const registry = yield* TaskRegistry
          const handler: ThreadHandler = {
            module: String(module.module),
            export: module.export ?? "default",
            onceComputing: module.when === "computing"
          }
          yield* registry.register({ _tag: "Thread", task, handler })
        })
      )
  }
  return task
}
