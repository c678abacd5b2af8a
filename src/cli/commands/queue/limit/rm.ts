import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { type GroupPolicy, Limits, PolicyEdit } from "../../../../services/Limits/index.ts"
import { fail } from "../../../Failure.ts"
import { existing, groupArgument } from "../../../GroupArgument.ts"
import { didYouMean } from "../../../input/Suggestion.ts"
import { type Subject, subjectFlags, subjectOf } from "../../../LimitFlags.ts"
import { writing } from "../../../OpenStore.ts"
import { output } from "../../../Output.ts"
import { policyInForce } from "./set.ts"

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

export const rm = Command.make(
  "rm",
  { ...subjectFlags, group: groupArgument },
  Effect.fnUntraced(function* ({ group, ...flags }) {
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
  }, writing)
).pipe(
  Command.withDescription("Takes a limit away: that of a key, a pattern or a tier; without one, all that was set."),
  Command.withExamples([
    { command: "sluice queue limit rm network --keys 'acme-*'" },
    { command: "sluice queue limit rm network --key acme-7", description: "as its pattern says again" },
    { command: "sluice queue limit rm network", description: "as the programs declared it" }
  ])
)
