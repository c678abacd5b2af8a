/** Where a pending job stands in the order of its group, in sentences. */
import { Job, type Order, type Place } from "../services/Queue/index.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"
import { relativeTime } from "./terminal/RelativeTime.ts"

const goesBy: Readonly<Record<Order.OrderName, string>> = {
  fifo: "first come, first served",
  priority: "priority",
  deadline: "deadline",
  shortest: "expected run time",
  score: "priority, deadline and expected run time"
}

const ownTerms = ({ deadline, expectedRunMs, order, priority }: Place, now: number): ReadonlyArray<string> => [
  ...(order === "priority" || order === "score" ? [`priority ${priority}`] : []),
  ...(order === "deadline" || order === "score"
    ? [deadline === undefined ? "no deadline" : `deadline ${relativeTime(deadline, now)}`]
    : []),
  ...(order === "shortest" || order === "score" || (order === "deadline" && deadline !== undefined)
    ? [expectedRunMs === undefined ? "run time not known yet" : `runs ${HumanNumber.duration(expectedRunMs)}`]
    : [])
]

const jobs = (count: number) => `${HumanNumber.count(count)} ${count === 1 ? "job" : "jobs"}`

export const inWords = (group: string, place: Place, now: number): ReadonlyArray<string> => {
  const terms = ownTerms(place, now)
  const ahead = `${place.isExact ? "" : "at least "}${place.ahead === 0 && place.isExact ? "nothing" : jobs(place.ahead)}`
  const passing =
    place.passing === 0
      ? ""
      : `, ${HumanNumber.count(place.passing)} of them due later (${place.passedBy.map(({ id }) => Job.formatJobId(id)).join(", ")}${place.passing > place.passedBy.length ? ", …" : ""})`
  return [
    `order: group ${group} goes by ${goesBy[place.order]}${terms.length === 0 ? "" : ` (this job: ${terms.join(", ")})`}`,
    `ahead: ${ahead}${passing}`,
    `bound: what becomes due ${place.passedUntil <= now ? "from now on" : `from ${new Date(place.passedUntil).toISOString()} on (${relativeTime(place.passedUntil, now)})`} starts after it`
  ]
}
