/** What is known of another side, as the file keeps it: JSON text. What cannot be read is learned anew. */
import { newAdaptive } from "../../Limits/policy/AdaptiveRate.ts"
import { newBreaker } from "../../Limits/policy/Breaker.ts"
import type { Feedback } from "../../Limits/policy/Feedback.ts"

/** Whether a value has the fields of another, and numbers where that has numbers. */
const isLike = <A extends object>(value: unknown, like: A): value is A =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(like).every(([name, part]: [string, unknown]) => {
    const own = (value as { readonly [name: string]: unknown })[name]
    return typeof part === "object" && part !== null ? isLike(own, part) : Number.isFinite(own)
  })

const parsed = (text: string): Feedback | undefined => {
  try {
    return (JSON.parse(text) ?? undefined) as Feedback | undefined
  } catch {
    return undefined
  }
}

export const feedbackIn = (text: string | null): Feedback | undefined => {
  if (text === null) return undefined
  const { breaker, rate } = parsed(text) ?? {}
  const isRate = isLike(rate, newAdaptive)
  const isBreaker = isLike(breaker, newBreaker)
  if (!isRate && !isBreaker) return undefined
  return { ...(isRate && { rate }), ...(isBreaker && { breaker }) }
}

export const feedbackText = (feedback: Feedback | undefined): string | null =>
  feedback === undefined ? null : JSON.stringify(feedback)
