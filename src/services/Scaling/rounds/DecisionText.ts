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
    case "standing":
      return "bursts have come out of nothing, and so many slots took them"
    case "hold":
      return "fewer would do, but not yet for long enough"
    case "bounds":
      return `the bounds allow no other; ${figure(Math.max(needs.forecast ?? 0, needs.reactive, needs.backlog, needs.standing))} would be needed`
    case "running":
      return `${inputs.running} run, and none of them is interrupted`
    case "not yet zero":
      return "none is needed, but it is too early to have none"
    case "step limit":
      return "one step goes no further"
    case "event":
      return "an operator's event says so"
    case "frozen":
      return "nothing else could be decided"
  }
}

/** `frozen`: since when nothing could be decided, and why; only of the first decision after it. */
export const sentenceOf = (
  decision: Omit<ScaleDecision, "text">,
  frozen?: { readonly since: number; readonly why: string }
): string => {
  const { from, mode, to } = decision
  const moved = to === from ? `${slots(to)} as before` : `${slots(to)} instead of ${from}`
  const held =
    frozen === undefined ? "" : `; held for ${span(decision.at - frozen.since)} before that, since ${frozen.why}`
  return `${mode === "on" ? "" : "would give "}${moved}: ${because(decision)}${held}`
}

/** What was seen, what each need asked for, what decided. */
export const explanationOf = (decision: ScaleDecision): ReadonlyArray<string> => {
  const { distrust, held, inputs, needs } = decision
  return [
    decision.text,
    `seen: ${inputs.running} running, ${inputs.pending} pending (the first waits ${span(inputs.oldestMs)}), ${slots(inputs.slots)} in ${inputs.workers} ${inputs.workers === 1 ? "worker" : "workers"}, limit ${inputs.limit ?? "none"}`,
    `arrivals: ${inputs.arrivals === null ? "not measured" : figure(inputs.arrivals)} in the last step; ${figure(inputs.expected)} expected within start-up (${span(inputs.startupMs)}) and a step, ${figure(inputs.atQuantile)} at the quantile; ${span(inputs.serviceMs)} of slot per job`,
    `needs: forecast ${needs.forecast === null ? `left out (${distrust ?? "none"})` : figure(needs.forecast)}, reactive ${figure(needs.reactive)}, backlog ${figure(needs.backlog)}, standing reserve ${figure(needs.standing)}`,
    `before it ${held} ${held === 1 ? "round" : "rounds"} changed nothing`
  ]
}
