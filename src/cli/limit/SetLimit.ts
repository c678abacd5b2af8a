/** What limits a group, or the keys in it, set: what `queue limit set` does with its flags. */
import * as Effect from "effect/Effect"
import { type GroupPolicy, LimitLayers, Limits, PolicyEdit, PolicyText } from "../../services/Limits/index.ts"
import { type LimitFlags, type Subject, subjectOf } from "../LimitFlags.ts"
import { output } from "../Output.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import { groupEdit, keyEdit } from "./LimitEdits.ts"
import { policyInForce } from "./PolicyInForce.ts"

const said = (text: string): string => (text === "" ? "no limit of their own" : text)

/** The group's policy with the edit in it, and what it says now of its subject. */
const edited = Effect.fnUntraced(function* (
  policy: GroupPolicy,
  subject: Exclude<Subject, { readonly _tag: "Key" }>,
  flags: LimitFlags
) {
  switch (subject._tag) {
    case "Group": {
      const after = PolicyEdit.editPolicy(policy, yield* groupEdit(flags, policy))
      return { policy: after, text: `its jobs together: ${said(PolicyText.groupPolicyText(after))}` }
    }
    case "Tier": {
      const edit = yield* keyEdit(flags, policy.tiers?.[subject.tier] ?? {}, false)
      const after = PolicyEdit.editTier(policy, subject.tier, edit)
      const text = PolicyText.keyPolicyText(after.tiers?.[subject.tier] ?? {})
      return { policy: after, text: `tier ${Sanitize.line(subject.tier)}: ${said(text)}` }
    }
    case "Keys": {
      const before = policy.keys?.find(({ keys }) => keys === subject.keys)
      const edit = yield* keyEdit(flags, before?.policy ?? {}, subject.tier !== undefined)
      const after = PolicyEdit.editRule(policy, subject.keys, { tier: subject.tier, policy: edit })
      const rule = after.keys?.find(({ keys }) => keys === subject.keys)
      const own = PolicyText.keyPolicyText(rule?.policy ?? {})
      const text = [rule?.tier === undefined ? "" : `as tier ${Sanitize.line(rule.tier)}`, own]
      return {
        policy: after,
        text: `each key that fits ${JSON.stringify(subject.keys)}: ${said(text.filter((words) => words !== "").join(", "))}`
      }
    }
  }
})

export const setLimit = Effect.fnUntraced(function* (group: string, flags: LimitFlags, dryRun: boolean) {
  const out = yield* output
  const limits = yield* Limits
  const subject = yield* subjectOf(flags)
  if (subject._tag === "Key") {
    const [before] = yield* limits.keys({ group, keys: [subject.key] }, 1)
    const policy = PolicyEdit.editKeyPolicy(
      before?.ownPolicy ?? before?.policy ?? {},
      yield* keyEdit(flags, before?.ownPolicy ?? before?.policy ?? {}, false)
    )
    const text = `key ${JSON.stringify(subject.key)}: ${said(PolicyText.keyPolicyText(policy))}`
    if (dryRun) return yield* out.line(`would set for group ${group}, ${text}`)
    const record = yield* limits.setKey(group, subject.key, policy)
    return yield* out.line(
      out.quiet ? group : `group ${group}, ${text}; ${record.running} running, ${record.waiting} waiting`
    )
  }
  const { policy, text } = yield* edited(yield* policyInForce(group), subject, flags)
  if (dryRun) return yield* out.line(`would set for group ${group}, ${text}`)
  yield* limits.set(group, { policy })
  yield* out.line(out.quiet ? group : `group ${group}, ${text}`)
}, Effect.provide(LimitLayers.layer))
