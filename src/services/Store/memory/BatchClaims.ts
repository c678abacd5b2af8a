/**
 * A claim in a group some of whose tasks start their jobs together: batches and single jobs in order of rank, one slot
 * each.
 */
import { heldUntil } from "../../Limits/policy/Holding.ts"
import type { BatchClaim, ClaimedJob } from "../Turn.ts"
import { pickBatches, windowOf } from "../../Queue/policy/jobs/BatchPick.ts"
import type { Claims } from "./Claims.ts"
import type { Group, Lane } from "./Lane.ts"
import type { MemorySession } from "./Sessions.ts"
import type { StoredJob } from "./StoredJob.ts"

/** What the claims of a turn have brought so far. */
export interface BatchesClaimed {
  readonly batches: Array<ReadonlyArray<ClaimedJob>>
  /** When the next batch is ripe by its time. */
  ripeAt: number | undefined
}

/** The first pending job of the group's single tasks. */
const nextSingle = (group: Group, session: MemorySession, together: ReadonlySet<string>): StoredJob | undefined => {
  let first: StoredJob | undefined
  for (const stream of group.streams) {
    if (stream.size === 0 || together.has(stream.lane.task) || !session.handles.has(stream.lane.task)) continue
    const head = stream.first()!
    if (first === undefined || head.rank < first.rank || (head.rank === first.rank && head.id < first.id)) first = head
  }
  return first
}

const ripeIn = (lane: Lane, rule: BatchClaim, room: number, now: number, epoch: number, into: BatchesClaimed) => {
  const jobs = lane.first(windowOf(rule, room))
  const { batches, ripeAt } = pickBatches(
    jobs.map(({ due, rare }) => ({ due: due + epoch, partitionKey: rare?.partitionKey, lost: rare?.lost ?? 0 })),
    rule,
    now
  )
  if (ripeAt !== undefined && !(into.ripeAt! <= ripeAt)) into.ripeAt = ripeAt
  return batches.map((batch) => batch.map((i) => jobs[i]!))
}

export const claimWithBatches = (
  claims: Claims,
  group: Group,
  limit: number,
  rules: ReadonlyArray<BatchClaim>,
  session: MemorySession,
  now: number,
  jobs: Array<ClaimedJob>,
  into: BatchesClaimed
): void => {
  const free = Math.min(limit, group.limit - group.running)
  if (group.paused || heldUntil(group, group.policy, now) > now || free <= 0) return
  const largest = rules.reduce((most, { size }) => Math.max(most, size), 1)
  claims.promoting(group, free * largest, session, now, false, () =>
    claimReady(claims, group, limit, rules, session, now, jobs, into)
  )
}

const claimReady = (
  claims: Claims,
  group: Group,
  limit: number,
  rules: ReadonlyArray<BatchClaim>,
  session: MemorySession,
  now: number,
  jobs: Array<ClaimedJob>,
  into: BatchesClaimed
): void => {
  let left = limit
  const free = () => Math.min(left, group.limit - group.running)
  const together = new Set(rules.map(({ task }) => task))
  const ripe = rules
    .flatMap((rule) => {
      const lane = group.lanes.get(rule.task)
      return lane === undefined || !session.handles.has(rule.task)
        ? []
        : ripeIn(lane, rule, free(), now, claims.life.epoch, into)
    })
    .sort((a, b) => a[0]!.rank - b[0]!.rank || a[0]!.id - b[0]!.id)
  for (const batch of ripe) {
    for (
      let single = nextSingle(group, session, together);
      single !== undefined && free() > 0 && single.rank <= batch[0]!.rank;
      single = nextSingle(group, session, together)
    ) {
      const had = jobs.length
      claims.claimReady(group, 1, session, now, jobs, { but: together })
      // What is first waits for slots or for the rate of the group, and nothing passes it.
      if (jobs.length === had && nextSingle(group, session, together) === single) return
      left -= jobs.length - had
    }
    if (free() <= 0 || !claims.mayStartTogether(group, batch, now)) return
    const claimed = claims.claimTogether(batch, session, now)
    // Some had expired: others may start in their place with the next turn.
    if (claimed.length < batch.length) into.ripeAt = now
    if (claimed.length === 0) continue
    into.batches.push(claimed)
    left--
  }
  claims.claimReady(group, left, session, now, jobs, { but: together })
}
