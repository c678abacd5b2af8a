/**
 * Limits by name, for what is not a job and for operators. A limit is a group: its rate, its rules of partition keys
 * and its breaker hold for the jobs of the group and for whoever takes units of them here, in all processes of the
 * store alike.
 *
 * ```ts
 * const Api = ResourceGroup.make("api", 10, { policy: { rate: { limit: 50, perMs: 1_000 }, adaptive: true } })
 *
 * const call = Effect.gen(function* () {
 *   const limits = yield* Limits
 *   yield* limits.declare(Api)
 *   yield* limits.take("api")
 *   return yield* request
 * })
 * ```
 */
import { Context, type Effect, Schema } from "effect"
import type { ResourceGroup } from "../Queue/ResourceGroup.ts"
import type { GroupRecord } from "../Store/GroupRecord.ts"
import type { KeyFilter, KeyRecord } from "../Store/KeyRecord.ts"
import type { StoreError } from "../Store/StoreError.ts"
import type { GroupPolicy, KeyPolicy } from "./GroupPolicy.ts"

/** No group has this name. Declare it, or correct the name: those that are there are listed. */
export class LimitNotFound extends Schema.TaggedError<LimitNotFound>()("LimitNotFound", {
  message: Schema.String,
  name: Schema.String
}) {}
/** A name, policy, key or cost is outside its range. Correct it; the message says what was expected. */
export class InvalidLimit extends Schema.TaggedError<InvalidLimit>()("InvalidLimit", { message: Schema.String }) {}

/** Nothing was taken or changed. */
export class LimitError extends Schema.TaggedError<LimitError>()("LimitError", {
  reason: Schema.Union([LimitNotFound, InvalidLimit])
}) {
  override get message() {
    return this.reason.message
  }
}

export interface TakeOptions {
  /** Units: above 0, with fractions. Default 1. */
  readonly cost?: number
  /** Of the rate of this partition key, as the group's rules have it. Default: of the group's own. */
  readonly key?: string
}

export type Taken =
  | { readonly taken: true }
  /** In so many milliseconds they may be taken, unless others take them first. */
  | {
      readonly taken: false
      readonly retryAfterMs: number
      /** The limit is outside of its hours: when it opens, in milliseconds since 1970. */
      readonly opensAt?: number
    }

export interface LimitChange {
  /** Slots over all workers; `null`: as declared. */
  readonly slots?: number | null
  /** `null`: as declared. */
  readonly policy?: GroupPolicy | null
}

export class Limits extends Context.Service<
  Limits,
  {
    // Using.
    /**
     * Waits until the units are there, and takes them. Those who wait in this process take turns in the order in which
     * they came; of several processes the store decides. A paused limit gives nothing until it is resumed, one
     * outside of its hours nothing until it opens: `tryTake` says when. Interrupting it while it waits takes nothing. A
     * call of the store for each try.
     */
    readonly take: (name: string, options?: TakeOptions) => Effect.Effect<void, LimitError | StoreError>
    /** Takes the units if they are there. Does not pass over those who wait in `take` of this process. */
    readonly tryTake: (name: string, options?: TakeOptions) => Effect.Effect<Taken, LimitError | StoreError>
    /** Makes a limit known, as a task does with its group. What operators set stays in force. */
    readonly declare: (group: ResourceGroup) => Effect.Effect<void, LimitError | StoreError>

    // Looking.
    /** All groups, by name. */
    readonly list: Effect.Effect<ReadonlyArray<GroupRecord>, StoreError>
    readonly get: (name: string) => Effect.Effect<GroupRecord, LimitError | StoreError>
    /** Limited keys, those with the most waiting jobs first. At most 1,000; default 100. */
    readonly keys: (
      filter: KeyFilter,
      limit?: number
    ) => Effect.Effect<ReadonlyArray<KeyRecord>, LimitError | StoreError>

    // Changing, for operators. In force when it answers, for whatever starts from then on; what runs goes on. Where
    // very many jobs wait they are shown where the change puts them some seconds later: the next turns see to it.
    /** Sets what is in force over what is declared; what is absent stays. A name that is new makes a group. */
    readonly set: (name: string, change: LimitChange) => Effect.Effect<GroupRecord, LimitError | StoreError>
    /** Takes back what operators set: slots and policy are as declared. */
    readonly remove: (name: string) => Effect.Effect<GroupRecord, LimitError | StoreError>
    /** Of the limit nothing starts and nothing is taken; with `key`, of that key. */
    readonly pause: (name: string, key?: string) => Effect.Effect<void, LimitError | StoreError>
    readonly resume: (name: string, key?: string) => Effect.Effect<void, LimitError | StoreError>
    /** A policy for one key, over the rules of the group; `null`: back to them. */
    readonly setKey: (
      name: string,
      key: string,
      policy: KeyPolicy | null
    ) => Effect.Effect<KeyRecord, LimitError | StoreError>
  }
>()("sluice/services/Limits/Limits") {}
