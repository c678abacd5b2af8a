/** A group's policy with one thing of it set or taken away. */
import type { GroupPolicy, KeyPolicy, KeyRule } from "../GroupPolicy.ts"

type Defined<A> = { readonly [K in keyof A]?: Exclude<A[K], undefined> }

/** What is said over what was; `null` takes a field away. */
export type Edit<A> = { readonly [K in keyof A]?: A[K] | null }

const edited = <A extends object>(before: A, edit: Edit<A>): A => {
  const after = Object.fromEntries(
    Object.entries({ ...before, ...edit }).filter(([, value]) => value !== null && value !== undefined)
  )
  return after as Defined<A> as A
}

export const editPolicy = (policy: GroupPolicy, edit: Edit<GroupPolicy>): GroupPolicy => edited(policy, edit)

export const editKeyPolicy = (policy: KeyPolicy, edit: Edit<KeyPolicy>): KeyPolicy => edited(policy, edit)

/**
 * A rule of this pattern changed where it stands. A new one comes before the first whose pattern is wider, so that
 * `customer-7` is asked before `customer-*`, and that before `*`; the width of a pattern is how little it says: the
 * fewer characters beside its stars, the wider.
 */
export const editRule = (
  policy: GroupPolicy,
  keys: string,
  edit: { readonly tier?: string | null | undefined; readonly policy: Edit<KeyPolicy> }
): GroupPolicy => {
  const rules = policy.keys ?? []
  const at = rules.findIndex((rule) => rule.keys === keys)
  const before: KeyRule = rules[at] ?? { keys }
  const tier = edit.tier === undefined ? before.tier : (edit.tier ?? undefined)
  const own = editKeyPolicy(before.policy ?? {}, edit.policy)
  const rule: KeyRule = {
    keys,
    ...(tier === undefined ? undefined : { tier }),
    ...(Object.keys(own).length === 0 ? undefined : { policy: own })
  }
  if (at >= 0) return { ...policy, keys: rules.with(at, rule) }
  const wider = rules.findIndex((other) => isWider(other.keys, keys))
  return { ...policy, keys: wider < 0 ? [...rules, rule] : rules.toSpliced(wider, 0, rule) }
}

export const removeRule = (policy: GroupPolicy, keys: string): GroupPolicy => {
  const { keys: rules = [], ...rest } = policy
  const left = rules.filter((rule) => rule.keys !== keys)
  return left.length === 0 ? rest : { ...rest, keys: left }
}

export const editTier = (policy: GroupPolicy, name: string, edit: Edit<KeyPolicy>): GroupPolicy => ({
  ...policy,
  tiers: { ...policy.tiers, [name]: editKeyPolicy(policy.tiers?.[name] ?? {}, edit) }
})

export const removeTier = (policy: GroupPolicy, name: string): GroupPolicy => {
  const { [name]: _, ...left } = policy.tiers ?? {}
  const { tiers: __, ...rest } = policy
  return Object.keys(left).length === 0 ? rest : { ...rest, tiers: left }
}

/** A pattern without a star names one key. */
const isWider = (a: string, b: string): boolean => {
  if (!a.includes("*") || !b.includes("*")) return a.includes("*") && !b.includes("*")
  return a.replaceAll("*", "").length < b.replaceAll("*", "").length
}
