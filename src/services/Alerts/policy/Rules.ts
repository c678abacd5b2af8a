/** The rules in force: those built in, as somebody changed, switched off or added to them. */
import type { AlertRule, RuleInForce } from "../AlertRule.ts"
import { defaultRules } from "./DefaultRules.ts"

type Put = { readonly off: true } | { readonly rule: AlertRule }

export const isBuiltIn = (name: string): boolean => defaultRules.some((rule) => rule.name === name)

export const rulesInForce = (put: ReadonlyMap<string, Put>): ReadonlyArray<RuleInForce> => {
  const builtIn = defaultRules.map((rule): RuleInForce => {
    const changed = put.get(rule.name)
    if (changed === undefined) return { rule, source: "built in" }
    return "off" in changed ? { rule, source: "off" } : { rule: changed.rule, source: "changed" }
  })
  const added = [...put.values()].flatMap(
    (each): ReadonlyArray<RuleInForce> =>
      "rule" in each && !isBuiltIn(each.rule.name) ? [{ rule: each.rule, source: "added" }] : []
  )
  return [...builtIn, ...added].sort((a, b) => (a.rule.name < b.rule.name ? -1 : 1))
}
