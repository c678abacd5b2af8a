/** The criteria of a soak. Pure: the same figures, the same verdicts. */
import * as HumanNumber from "../cli/terminal/HumanNumber.ts"
import type { RoleResult, SoakResult, Verdict } from "./SoakResult.ts"

/** Shares of the heap: growth over the run, and the upper end of the slope's 95 % interval over 24 hours. */
const heapLimit = 0.02
/** Handles more in the last tenth than in the first: a socket or two of a store that is just being looked at. */
const handleLimit = 2
/** The file keeps the size of its highest tide; between halves of equal load that may differ by as much. */
const storeLimit = 0.1

/**
 * A slope is drawn out to 24 hours by a factor of two at most: over less, what is left of the warm-up would be taken
 * for a leak.
 */
const leastHours = 12

/**
 * Shares of the seconds in which the queue answers. Enqueueing needs no worker. A claim does: each worker that is
 * killed may have a probe in hand, and one killed every two minutes is most of a hundredth.
 */
const enqueueLeast = 0.999
const claimLeast = 0.99
const leastSeconds = 1000

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`
const met = (isMet: boolean): Verdict["outcome"] => (isMet ? "met" : "missed")

const ofSlope = (slope: RoleResult["heapSlope"], hours: number): Omit<Verdict, "criterion"> => {
  if (slope === undefined) return { outcome: "undecided", found: tooShort }
  const found = `${percent(slope.perDay)} (${percent(slope.low)} to ${percent(slope.high)}), ${slope.samples} samples`
  if (hours < leastHours)
    return { outcome: "undecided", found: `${found}; only ${hours.toFixed(1)} h, ${leastHours} h are needed` }
  // With the limit within the interval nobody can tell a leak from noise.
  return {
    outcome: slope.low <= heapLimit && slope.high > heapLimit ? "undecided" : met(slope.high <= heapLimit),
    found
  }
}

const tooShort = "too few samples"

const ofRole = (
  { handleGrowth, heapGrowth, heapSlope, role, undisturbed }: RoleResult,
  hours: number
): ReadonlyArray<Verdict> => {
  if (role === "soak" || !undisturbed) return []
  return [
    {
      criterion: `${role}: heap after garbage collection grew by at most 2 % over the run`,
      outcome: heapGrowth === undefined ? "undecided" : met(heapGrowth <= heapLimit),
      found: heapGrowth === undefined ? tooShort : percent(heapGrowth)
    },
    {
      criterion: `${role}: upper end of the heap slope's 95 % interval at most 2 % in 24 hours`,
      ...ofSlope(heapSlope, hours)
    },
    {
      criterion: `${role}: handles flat, at most ${handleLimit} more at the end`,
      outcome: handleGrowth === undefined ? "undecided" : met(handleGrowth <= handleLimit),
      found: handleGrowth === undefined ? tooShort : `${handleGrowth >= 0 ? "+" : ""}${handleGrowth}`
    }
  ]
}

const answering = (unattended: SoakResult["unattended"]): ReadonlyArray<Verdict> =>
  (
    [
      ["enqueue", enqueueLeast],
      ["claim", claimLeast]
    ] as const
  ).flatMap(([kind, least]): ReadonlyArray<Verdict> => {
    if (unattended === undefined) return []
    const { availability } = unattended
    const criterion = `${kind} answered within a second in ${(least * 100).toFixed(1)} % of all seconds`
    if (availability === undefined) return [{ criterion, outcome: "undecided", found: tooShort }]
    const { longestGap, longestMs, share } = availability[kind]
    return [
      {
        criterion,
        // In few seconds a single one is more than may be missed.
        outcome: share < least && availability.seconds < leastSeconds ? "undecided" : met(share >= least),
        found: `${(share * 100).toFixed(3)} % of ${HumanNumber.count(availability.seconds)}, longest gap ${longestGap} s, longest answer ${HumanNumber.duration(longestMs)}`
      }
    ]
  })

export const verdictsOf = (result: Omit<SoakResult, "verdicts">): ReadonlyArray<Verdict> => {
  const { ended, faults, hours, jobs, ledger, plan, roles, store } = result
  const harmed = faults.killed + faults.stopped + faults.died > 0 || result.parts > 1 || !ended
  const repeatable = faults.killed * plan.slots
  const settled = jobs.completed + jobs.buried
  return [
    {
      criterion: "no job lost: every followed job ran to its end, none left behind",
      // What a part that did not end in order left behind is live, and runs when the soak goes on.
      outcome: !ended && jobs.live > 0 ? "undecided" : met(ledger.lost === 0 && jobs.live === 0 && ledger.followed > 0),
      found: `${HumanNumber.count(ledger.lost)} of ${HumanNumber.count(ledger.followed)} followed lost, ${HumanNumber.count(jobs.live)} live`
    },
    {
      criterion:
        faults.killed === 0 && result.parts === 1
          ? "no job run twice"
          : "no attempt run twice, and no job but for what a killed worker had in hand",
      outcome: met(ledger.impossible === 0 && (result.parts > 1 || ledger.repeated <= repeatable)),
      found: `${HumanNumber.count(ledger.repeated)} jobs repeated, ${HumanNumber.count(ledger.impossible)} attempts doubled`
    },
    ...(harmed
      ? []
      : [
          {
            criterion: "the store counted every job once: sent, arrived, settled",
            outcome: met(jobs.arrivals === jobs.sent && settled === jobs.sent),
            found: `${HumanNumber.count(jobs.sent)} sent, ${HumanNumber.count(jobs.arrivals)} arrived, ${HumanNumber.count(settled)} settled`
          }
        ]),
    {
      criterion: "no process ended by itself",
      outcome: met(faults.died === 0),
      found: `${faults.died} died; ${faults.killed} killed and ${faults.stopped} stopped as planned`
    },
    ...answering(result.unattended),
    ...roles.flatMap((role) => ofRole(role, hours)),
    {
      criterion: "store bounded: its file at most 10 % larger in the day's second half than in its first",
      // Before the day's end its halves are not alike.
      outcome: store.growth === undefined || !result.complete ? "undecided" : met(store.growth <= storeLimit),
      found:
        store.growth === undefined
          ? `retention of ${HumanNumber.count(plan.retain)} finished jobs not at work for a minute of the first half`
          : `${percent(store.growth)}, at most ${HumanNumber.bytes(store.peakBytes)}${result.complete ? "" : "; not complete"}`
    }
  ]
}
