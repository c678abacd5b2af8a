/** The flags of `sluice queue limit set` and `rm`. */
import * as Flag from "effect/cli/Flag"
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { KeyConflict } from "../services/Limits/index.ts"
import { fail } from "./Failure.ts"
import { parseRate } from "./input/RateInput.ts"
import { reading } from "./JobFlags.ts"

/** In the words of the command line. */
export const conflicts = {
  queue: "queue",
  "cancel-newest": "cancelNewest",
  "cancel-running": "cancelRunning"
} as const satisfies Record<string, KeyConflict>

const none = "none"

/** A value, or `none`, which takes back what was set. */
const orNone =
  <A>(read: (text: string) => Result.Result<A, { readonly advice: string }>) =>
  (text: string): Result.Result<A | null, { readonly advice: string }> =>
    text === none ? Result.succeed(null) : read(text)

const count = (text: string): Result.Result<number, { readonly advice: string }> =>
  /^\d{1,9}$/.test(text) && Number(text) > 0
    ? Result.succeed(Number(text))
    : Result.fail({ advice: `a whole number from 1, or ${none}` })

const positive = (text: string): Result.Result<number, { readonly advice: string }> =>
  /^\d{1,9}(\.\d{1,6})?$/.test(text) && Number(text) > 0
    ? Result.succeed(Number(text))
    : Result.fail({ advice: `a number above 0, or ${none}` })

const flag = <A>(
  name: string,
  metavar: string,
  description: string,
  read: (text: string) => Result.Result<A, { readonly advice: string }>
) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.mapEffect(reading(name, "flag", orNone(read))),
    Flag.optional
  )

const onOff = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.optional)

/** Whom of a group a limit is about; none of them: the group as a whole. */
export const subjectFlags = {
  keys: Flag.String("keys").pipe(
    Flag.withMetavar("PATTERN"),
    Flag.withDescription("each partition key that fits: customer-*; * is all of them"),
    Flag.optional
  ),
  key: Flag.String("key").pipe(
    Flag.withMetavar("KEY"),
    Flag.withDescription("this key alone, over what the patterns say"),
    Flag.optional
  ),
  tier: Flag.String("tier").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("a tier, for patterns to refer to; with --keys: what those keys have"),
    Flag.optional
  )
}

export type SubjectFlags = Command.Command.Config.Infer<typeof subjectFlags>

export const limitFlags = {
  ...subjectFlags,
  concurrency: flag("concurrency", "N", "jobs of a key at a time, over all workers", count),
  rate: flag("rate", "N/TIME", "starts at most so many in this time: 5/s, 100/min", parseRate),
  burst: flag("burst", "N", "of a rate: so many at once after a rest (default a tenth of a second's)", positive),
  weight: flag("weight", "N", "its part of a fair group (default 1)", positive),
  backlog: flag("backlog", "N", "refuse more jobs than these that wait", count),
  conflict: flag("conflict", Object.keys(conflicts).join("|"), "what a new job does whose key is full", (text) => {
    const conflict = (conflicts as { readonly [word: string]: KeyConflict | undefined })[text]
    return conflict === undefined
      ? Result.fail({ advice: `${Object.keys(conflicts).join(", ")} or ${none}` })
      : Result.succeed(conflict)
  }),
  fifo: onOff("fifo", "start the jobs of a key as they were enqueued, one at a time unless --concurrency says more"),
  pass: onOff("pass", "of --fifo: a job that waits for its next attempt or its time lets the others pass"),
  adaptive: onOff("adaptive", "find the rate that the other side takes from what it refuses (429), never above --rate"),
  breaker: onOff("breaker", "start nothing while half of the attempts fail, then probe"),
  fair: onOff("fair", "keys share the group's slots by their weights")
}

export type LimitFlags = Command.Command.Config.Infer<typeof limitFlags>

/** What a limit is about. */
export type Subject =
  | { readonly _tag: "Group" }
  | { readonly _tag: "Key"; readonly key: string }
  | { readonly _tag: "Keys"; readonly keys: string; readonly tier: string | null | undefined }
  | { readonly _tag: "Tier"; readonly tier: string }

export const subjectOf = (flags: SubjectFlags) => {
  const key = Option.getOrUndefined(flags.key)
  const keys = Option.getOrUndefined(flags.keys)
  const tier = Option.getOrUndefined(flags.tier)
  if (key !== undefined && (keys !== undefined || tier !== undefined))
    return Effect.fail(fail("usage", "--key names one key, --keys and --tier say what others have; give them apart"))
  return Effect.succeed<Subject>(
    key !== undefined
      ? { _tag: "Key", key }
      : keys !== undefined
        ? { _tag: "Keys", keys, tier: tier === none ? null : tier }
        : tier !== undefined
          ? { _tag: "Tier", tier }
          : { _tag: "Group" }
  )
}
