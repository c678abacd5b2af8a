/**
 * A worker's room for running jobs, per group and in all, and what it asks the store for.
 *
 * A group is asked for only while it is *hot*: after an enqueue, a settle, a wake, a due time or a poll, until a claim
 * brings less than was asked for. Asking cools a group before the turn leaves, so what heats it meanwhile is not lost.
 *
 * While there is less room in all than the hot groups could fill, they share it evenly, and take turns where there is
 * not one slot for each: whoever was not asked this time stays hot and is the first of the next.
 */
import type { BatchClaim, BeyondLimit, ClaimedJob, ClaimRequest } from "../../Store/Turn.ts"
import { isPlain, type SlotDecision } from "../policy/SlotDecision.ts"
import { slotShares } from "../policy/SlotShares.ts"
import type { GroupLoad } from "../Worker.ts"
import type { Decided, SlotProposals } from "./SlotProposals.ts"

interface GroupSlots {
  readonly name: string
  readonly proposed: Decided
  busy: number
  finished: number
  succeeded: number
  hot: boolean
  beyond: BeyondLimit | undefined
}

export const noBatches: ReadonlyArray<never> = []
export const noClaims: ReadonlyArray<ClaimRequest> = []

const free = ({ busy, proposed }: GroupSlots): number => proposed.decision.slots - busy

export class Slots {
  private readonly groups = new Map<string, GroupSlots>()
  private readonly list: Array<GroupSlots> = []
  private readonly proposals: SlotProposals
  private readonly onUnknown: () => void
  private readonly batches: () => ReadonlyArray<BatchClaim> | undefined
  /** Busy ones of all groups. */
  private inUse = 0
  /** Place in the list of the group that is asked first. */
  private first = 0

  /**
   * `onUnknown` hears of a group whose limit is not known yet; `batches` tells the tasks whose jobs start together, if
   * there are any.
   */
  constructor(
    proposals: SlotProposals,
    onUnknown: () => void,
    batches: () => ReadonlyArray<BatchClaim> | undefined = () => undefined
  ) {
    this.proposals = proposals
    this.onUnknown = onUnknown
    this.batches = batches
  }

  private of(name: string): GroupSlots {
    return this.groups.get(name) ?? this.add(name)
  }

  private add(name: string): GroupSlots {
    const group: GroupSlots = {
      name,
      proposed: this.proposals.of(name),
      busy: 0,
      finished: 0,
      succeeded: 0,
      hot: true,
      beyond: undefined
    }
    this.groups.set(name, group)
    this.list.push(group)
    this.onUnknown()
    return group
  }

  /** The group's limit as the store has it now. */
  limited(name: string, limit: number): void {
    const group = this.of(name)
    if (this.proposals.limited(name, limit)) group.hot = true
  }

  /** What its claims may take beyond the group's limit. */
  reach(name: string, beyond: BeyondLimit | undefined): void {
    this.of(name).beyond = beyond
  }

  heat(name: string): void {
    this.of(name).hot = true
  }

  heatAll(): void {
    for (let i = 0; i < this.list.length; i++) this.list[i]!.hot = true
  }

  take(name: string): void {
    this.of(name).busy++
    this.inUse++
  }

  /** A slot is free when its handler ends, before its settle is stored. */
  free(name: string): void {
    const group = this.of(name)
    group.busy--
    this.inUse--
    group.finished++
    group.hot = true
  }

  /** A job that ran in a slot of the group completed. */
  succeed(name: string): void {
    this.of(name).succeeded++
  }

  /** What could be started now; cools what it asks for. Never more in all than the worker's total leaves. */
  claims(): ReadonlyArray<ClaimRequest> {
    const room = this.proposals.total.slots - this.inUse
    if (room <= 0) return noClaims
    const { length } = this.list
    let asked: Array<GroupSlots> | undefined
    let fillable = 0
    let looked = 0
    while (looked < length && (asked === undefined || asked.length < room)) {
      const group = this.list[(this.first + looked) % length]!
      looked++
      if (!group.hot || free(group) <= 0) continue
      group.hot = false
      asked ??= []
      asked.push(group)
      fillable += free(group)
    }
    if (asked === undefined) return noClaims
    if (looked < length) this.first = (this.first + looked) % length
    const shares =
      fillable <= room
        ? undefined
        : slotShares(
            room,
            asked.map((group, key) => ({ key, most: free(group) }))
          )
    const batches = this.batches()
    return asked.map((group, key) => ({
      group: group.name,
      limit: shares?.get(key) ?? free(group),
      ...(batches === undefined ? undefined : { batches }),
      ...(group.beyond === undefined ? undefined : { beyond: group.beyond })
    }))
  }

  /** Heats the groups that gave all they were asked for: they may have more. */
  answered(
    claims: ReadonlyArray<ClaimRequest>,
    jobs: ReadonlyArray<ClaimedJob>,
    batches: ReadonlyArray<ReadonlyArray<ClaimedJob>> = noBatches
  ): void {
    // They come request by request.
    let next = 0
    for (let c = 0; c < claims.length; c++) {
      const { group, limit } = claims[c]!
      let got = 0
      for (; next < jobs.length && jobs[next]!.group === group; next++) got++
      for (let i = 0; i < batches.length; i++) if (batches[i]![0]!.group === group) got++
      if (got >= limit) this.of(group).hot = true
    }
  }

  /** Those that the groups have: as many as were asked for, within the worker's total. */
  slots(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.list.map(({ name, proposed }) => [name, this.had(proposed)]))
  }

  /** The groups it knows. */
  names(): ReadonlyArray<string> {
    return this.list.map(({ name }) => name)
  }

  slotsOf(name: string): number {
    return this.had(this.of(name).proposed)
  }

  busyOf(name: string): number {
    return this.of(name).busy
  }

  busy(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.list.map(({ busy, name }) => [name, busy]))
  }

  /** As `WorkerLoad.decided` tells them; undefined: all as declared or as their limits say. */
  decided(): Readonly<Record<string, SlotDecision>> | undefined {
    const told = this.list.filter(({ proposed: { decision } }) => !isPlain(decision))
    return told.length === 0
      ? undefined
      : Object.fromEntries(told.map(({ name, proposed }) => [name, proposed.decision]))
  }

  loads(): ReadonlyArray<GroupLoad> {
    return this.list.map(({ busy, finished, name, proposed, succeeded }) => ({
      group: name,
      slots: this.had(proposed),
      decision: proposed.decision,
      busy,
      finished,
      succeeded
    }))
  }

  private had({ decision }: Decided): number {
    return Math.min(decision.asked.slots, this.proposals.total.asked.slots)
  }
}
