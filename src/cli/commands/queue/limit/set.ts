import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { type GroupPolicy, Limits, PolicyEdit, PolicyText } from "../../../../services/Limits/index.ts"
import { TaskQueue } from "../../../../services/Queue/index.ts"
import { groupArgument } from "../../../GroupArgument.ts"
import * as JobFlags from "../../../JobFlags.ts"
import { groupEdit, keyEdit, limitFlags, type LimitFlags, type Subject, subjectOf } from "../../../LimitFlags.ts"
import { limiting } from "../../../Limiting.ts"
import { writing } from "../../../OpenStore.ts"
import { output } from "../../../Output.ts"
import * as Sanitize from "../../../terminal/Sanitize.ts"

/** What is in force of a group. */
export const policyInForce = (group: string) =>
  Effect.map(
    TaskQueue.use((queue) => queue.stats),
    ({ groups }): GroupPolicy => groups.find(({ name }) => name === group)?.policy ?? {}
  )

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

export const set = Command.make(
  "set",
  { ...limitFlags, dryRun: JobFlags.dryRun, group: groupArgument },
  Effect.fnUntraced(
    function* ({ dryRun, group, ...flags }) {
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
    },
    limiting,
    writing
  )
).pipe(
  Command.withDescription(
    "Sets what limits a group, or the partition keys in it, at once and over all workers. What was set before stays; none takes one thing back."
  ),
  Command.withExamples([
    { command: "sluice queue limit set network --rate 50/s", description: "the whole group" },
    { command: "sluice queue limit set network --keys '*' --concurrency 2", description: "two at a time for each key" },
    { command: "sluice queue limit set network --keys 'acme-*' --rate 100/min --backlog 1000" },
    {
      command: "sluice queue limit set network --fair",
      description: "keys take turns; --weight gives one more of them"
    },
    { command: "sluice queue limit set network --keys 'pro-*' --weight 4" },
    { command: "sluice queue limit set network --key acme-7 --concurrency 10", description: "this key alone" }
  ])
)
