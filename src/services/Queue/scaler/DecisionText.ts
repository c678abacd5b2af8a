/** Decisions in words. */
import type { ScaleDecision } from "../ScaleDecision.ts"

const figure = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
const slots = (count: number): string => `${count} ${count === 1 ? "slot" : "slots"}`
const span = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : ms < 120_000 ? `${figure(ms / 1000)} s` : `${figure(ms / 60_000)} min`

const because = (decision: Omit<ScaleDecision, "text">): string => {
  const { distrust, inputs, needs } = decision
  switch (decision.reason) {
    case "forecast":
      return `${figure(inputs.atQuantile)} jobs may arrive before slots decided later could help, ${span(inputs.serviceMs)} each`
    case "reactive":
      return `${inputs.running} run and ${inputs.pending} wait${distrust === null ? "" : `; the forecast is left out: ${distrust}`}`
    case "backlog":
      return `${inputs.pending} jobs wait, the first for ${span(inputs.oldestMs)}`
    case "hold":
      return "fewer would do, but not yet for long enough"
    case "bounds":
      return `the bounds allow no other; ${figure(Math.max(needs.forecast, needs.reactive, needs.backlog))} would be needed`
    case "step limit":
      return "one step goes no further"
    case "event":
      return "an operator's event says so"
    case "frozen":
      return "the store did not answer, or its time is not to be trusted"
  }
}

export const sentenceOf = (decision: Omit<ScaleDecision, "text">): string => {
  const { from, mode, to } = decision
  const moved = to === from ? `${slots(to)} as before` : `${slots(to)} instead of ${from}`
  return `${mode === "on" ? "" : "would give "}${moved}: ${because(decision)}`
}

/** What was seen, what each need asked for, what decided. */
export const explanationOf = (decision: ScaleDecision): ReadonlyArray<string> => {
  const { distrust, held, inputs, needs } = decision
  return [
    decision.text,
    `seen: ${inputs.running} running, ${inputs.pending} pending (the first waits ${span(inputs.oldestMs)}), ${slots(inputs.slots)} in ${inputs.workers} ${inputs.workers === 1 ? "worker" : "workers"}, limit ${inputs.limit ?? "none"}`,
    `arrivals: ${inputs.arrivals === null ? "not measured" : figure(inputs.arrivals)} in the last step; ${figure(inputs.expected)} expected within start-up (${span(inputs.startupMs)}) and a round, ${figure(inputs.atQuantile)} at the quantile; ${span(inputs.serviceMs)} of slot per job`,
    `needs: forecast ${figure(needs.forecast)}${distrust === null ? "" : ` (left out: ${distrust})`}, reactive ${figure(needs.reactive)}, backlog ${figure(needs.backlog)}`,
    `before it ${held} ${held === 1 ? "round" : "rounds"} changed nothing`
  ]
}
