/** What is known of another side, as the file keeps it: JSON text. */
import type { Feedback } from "../../Limits/policy/Feedback.ts"

export const feedbackIn = (text: string | null): Feedback | undefined =>
  text === null ? undefined : (JSON.parse(text) as Feedback)

export const feedbackText = (feedback: Feedback | undefined): string | null =>
  feedback === undefined ? null : JSON.stringify(feedback)
