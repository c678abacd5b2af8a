/** The flags of `sluice queue limit set`, as edits of a group's policy. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { GroupPolicy, KeyPolicy, PolicyEdit, Rate } from "../../services/Limits/index.ts"
import { fail } from "../Failure.ts"
import type { LimitFlags } from "../LimitFlags.ts"

const said = <K extends string, A>(name: K, value: Option.Option<A>): { readonly [k in K]?: A } =>
  Option.isSome(value) ? ({ [name]: value.value } as { readonly [k in K]: A }) : {}

/** The rate with a burst over the one before; a burst alone changes the rate that is there. */
const rateEdit = (flags: LimitFlags, before: Rate | undefined) => {
  const rate = Option.getOrUndefined(flags.rate)
  const burst = Option.getOrUndefined(flags.burst)
  if (burst === undefined) return Effect.succeed(rate === undefined ? {} : { rate })
  const base = rate === undefined ? before : rate
  if (base === undefined || base === null)
    return Effect.fail(fail("usage", "--burst goes with a rate; give --rate 5/s --burst 10"))
  const { burst: _, ...plain } = base
  return Effect.succeed({ rate: burst === null ? plain : { ...plain, burst } })
}

const feedbackEdit = ({ adaptive, breaker }: LimitFlags) => ({
  ...(Option.isSome(adaptive) ? { adaptive: adaptive.value ? true : null } : {}),
  ...(Option.isSome(breaker) ? { breaker: breaker.value ? {} : null } : {})
})

const refused = (flags: LimitFlags, names: ReadonlyArray<keyof LimitFlags>, of: string) => {
  const given = names.find((name) => Option.isSome<unknown>(flags[name]))
  return given === undefined ? Effect.void : Effect.fail(fail("usage", `--${given} says nothing ${of}; leave it out`))
}

const isSaid = (edit: object) =>
  Object.keys(edit).length > 0
    ? Effect.void
    : Effect.fail(
        fail(
          "usage",
          "nothing to set; give --concurrency, --rate, --weight, --backlog, --fifo, --adaptive, --breaker or --fair"
        )
      )

export const groupEdit = Effect.fnUntraced(function* (flags: LimitFlags, before: GroupPolicy) {
  yield* refused(
    flags,
    ["concurrency", "weight", "conflict", "fifo", "pass"],
    "of a group as a whole: name keys with --keys '*'; how many jobs of a group run at a time says sluice queue limit GROUP N"
  )
  const edit: PolicyEdit.Edit<GroupPolicy> = {
    ...(yield* rateEdit(flags, before.rate)),
    ...feedbackEdit(flags),
    ...said("backlog", flags.backlog),
    ...(Option.isSome(flags.fair) ? { fair: flags.fair.value ? true : null } : {})
  }
  yield* isSaid(edit)
  return edit
})

export const keyEdit = Effect.fnUntraced(function* (flags: LimitFlags, before: KeyPolicy, mayBeEmpty: boolean) {
  yield* refused(flags, ["fair"], "of keys: a group as a whole is fair")
  const edit: PolicyEdit.Edit<KeyPolicy> = {
    ...said("concurrency", flags.concurrency),
    ...(yield* rateEdit(flags, before.rate)),
    ...feedbackEdit(flags),
    ...said("weight", flags.weight),
    ...said("backlog", flags.backlog),
    ...said("conflict", flags.conflict),
    ...(Option.isSome(flags.fifo) ? { order: flags.fifo.value ? ("fifo" as const) : null } : {}),
    ...(Option.isSome(flags.pass) ? { holds: flags.pass.value ? false : null } : {})
  }
  if (!mayBeEmpty) yield* isSaid(edit)
  return edit
})
