/** A limit taken away: what `queue limit rm` does with its flags. */
import * as Effect from "effect/Effect"
import { type GroupPolicy, LimitLayers, Limits, PolicyEdit } from "../../services/Limits/index.ts"
import { fail } from "../Failure.ts"
import { existing } from "../GroupArgument.ts"
import { didYouMean } from "../input/Suggestion.ts"
import { type Subject, type SubjectFlags, subjectOf } from "../LimitFlags.ts"
import { output } from "../Output.ts"
import { policyInForce } from "./PolicyInForce.ts"

const without = (policy: GroupPolicy, subject: Extract<Subject, { readonly _tag: "Keys" | "Tier" }>) => {
  const [name, known, of] =
    subject._tag === "Keys"
      ? [subject.keys, (policy.keys ?? []).map(({ keys }) => keys), "keys"]
      : [subject.tier, Object.keys(policy.tiers ?? {}), "tier"]
  if (!known.includes(name))
    return Effect.fail(
      fail(
        "notFound",
        `no limit of ${of} ${JSON.stringify(name)}; ${known.length === 0 ? "there is none" : `known are ${known.map((each) => JSON.stringify(each)).join(", ")}`}.${didYouMean(name, known)}`
      )
    )
  const user = policy.keys?.find(({ tier }) => subject._tag === "Tier" && tier === name)
  if (user !== undefined)
    return Effect.fail(
      fail("conflict", `tier ${name} is that of keys ${JSON.stringify(user.keys)}; change those first`)
    )
  return Effect.succeed(
    subject._tag === "Keys" ? PolicyEdit.removeRule(policy, name) : PolicyEdit.removeTier(policy, name)
  )
}

export const removeLimit = Effect.fnUntraced(function* (group: string, flags: SubjectFlags) {
  const out = yield* output
  yield* existing(group)
  const limits = yield* Limits
  const subject = yield* subjectOf(flags)
  switch (subject._tag) {
    case "Group": {
      yield* limits.set(group, { policy: null })
      break
    }
    case "Key": {
      yield* limits.setKey(group, subject.key, null)
      break
    }
    case "Keys":
    case "Tier": {
      yield* limits.set(group, { policy: yield* without(yield* policyInForce(group), subject) })
      break
    }
  }
  yield* out.line(
    out.quiet
      ? group
      : subject._tag === "Group"
        ? `group ${group} is limited as declared`
        : `group ${group} no longer has that limit; jobs that waited for it are let go`
  )
}, Effect.provide(LimitLayers.layer))
