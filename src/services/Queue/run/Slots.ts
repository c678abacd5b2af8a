/**
 * A worker's room for running jobs, per group, and what it asks the store for.
 *
 * A group is asked for only while it is *hot*: after an enqueue, a settle, a wake, a due time or a poll, until a claim
 * brings less than was asked for. Asking cools a group before the turn leaves, so what heats it meanwhile is not lost.
 */
import type { BatchClaim, BeyondLimit, ClaimedJob, ClaimRequest } from "../../Store/Turn.ts"
import { type PressureLevel, slotsAt } from "../../Memory/policy/MemoryPressure.ts"
import { memoryIntensive, undeclaredLimit } from "../ResourceGroup.ts"
import type { GroupLoad, WorkerOptions } from "../Worker.ts"

interface GroupSlots {
  readonly name: string
  slots: number
  /** Of them those that are filled while memory is short; else all. */
  allowed: number
  busy: number
  finished: number
  succeeded: number
  hot: boolean
  /** As the store has it. */
  limit: number
  /** Its slots were set while running; a group's changed limit leaves them. */
  pinned: boolean
  beyond: BeyondLimit | undefined
}

export const noBatches: ReadonlyArray<never> = []
export const noClaims: ReadonlyArray<ClaimRequest> = []

export class Slots {
  private readonly groups = new Map<string, GroupSlots>()
  private readonly list: Array<GroupSlots> = []
  private readonly wanted: WorkerOptions["slots"]
  private readonly onUnknown: () => void
  private readonly batches: () => ReadonlyArray<BatchClaim> | undefined
  private level: PressureLevel = "ok"

  /**
   * `wanted` as `WorkerOptions.slots`; `onUnknown` hears of a group whose limit is not known yet; `batches` tells the
   * tasks whose jobs start together, if there are any.
   */
  constructor(
    wanted: WorkerOptions["slots"],
    onUnknown: () => void,
    batches: () => ReadonlyArray<BatchClaim> | undefined = () => undefined
  ) {
    this.wanted = wanted
    this.onUnknown = onUnknown
    this.batches = batches
  }

  private slotsFor(group: string, limit: number): number {
    const wanted = this.wanted?.[group] ?? this.wanted?.["*"] ?? limit
    return typeof wanted === "number" ? wanted : wanted.min
  }

  private of(name: string): GroupSlots {
    return this.groups.get(name) ?? this.add(name)
  }

  private add(name: string): GroupSlots {
    const group: GroupSlots = {
      name,
      slots: 0,
      allowed: 0,
      busy: 0,
      finished: 0,
      succeeded: 0,
      hot: true,
      limit: undeclaredLimit,
      pinned: false,
      beyond: undefined
    }
    this.resize(group, this.slotsFor(name, undeclaredLimit))
    this.groups.set(name, group)
    this.list.push(group)
    this.onUnknown()
    return group
  }

  private resize(group: GroupSlots, slots: number): void {
    group.slots = slots
    group.allowed = slotsAt(this.level, slots, group.name === memoryIntensive.name)
  }

  /** Fewer slots are filled while memory is short; jobs beyond them finish. */
  press(level: PressureLevel): void {
    this.level = level
    for (const group of this.list) {
      this.resize(group, group.slots)
      group.hot = true
    }
  }

  /** The group's limit as the store has it now. */
  limited(name: string, limit: number): void {
    const group = this.of(name)
    if (group.limit === limit) return
    group.limit = limit
    if (!group.pinned) this.resize(group, this.slotsFor(name, limit))
    group.hot = true
  }

  /** Undefined: as many as were declared, or as the limit says. */
  set(name: string, slots: number | undefined, beyond?: BeyondLimit): void {
    const group = this.of(name)
    group.beyond = beyond
    this.resize(group, slots ?? this.slotsFor(name, group.limit))
    group.pinned = slots !== undefined
    group.hot = true
  }

  heat(name: string): void {
    this.of(name).hot = true
  }

  heatAll(): void {
    for (let i = 0; i < this.list.length; i++) this.list[i]!.hot = true
  }

  take(name: string): void {
    this.of(name).busy++
  }

  /** A slot is free when its handler ends, before its settle is stored. */
  free(name: string): void {
    const group = this.of(name)
    group.busy--
    group.finished++
    group.hot = true
  }

  /** A job that ran in a slot of the group completed. */
  succeed(name: string): void {
    this.of(name).succeeded++
  }

  /** What could be started now; cools what it asks for. */
  claims(): ReadonlyArray<ClaimRequest> {
    let claims: Array<ClaimRequest> | undefined
    for (let i = 0; i < this.list.length; i++) {
      const group = this.list[i]!
      if (!group.hot || group.busy >= group.allowed) continue
      group.hot = false
      claims ??= []
      const batches = this.batches()
      const limit = group.allowed - group.busy
      const { name, beyond } = group
      claims.push({
        group: name,
        limit,
        ...(batches === undefined ? undefined : { batches }),
        ...(beyond === undefined ? undefined : { beyond })
      })
    }
    return claims ?? noClaims
  }

  /** Heats the groups that gave all they were asked for: they may have more. */
  answered(
    claims: ReadonlyArray<ClaimRequest>,
    jobs: ReadonlyArray<ClaimedJob>,
    batches: ReadonlyArray<ReadonlyArray<ClaimedJob>> = noBatches
  ): void {
    for (let c = 0; c < claims.length; c++) {
      const { group, limit } = claims[c]!
      let got = 0
      for (let i = 0; i < jobs.length; i++) if (jobs[i]!.group === group) got++
      for (let i = 0; i < batches.length; i++) if (batches[i]![0]!.group === group) got++
      if (got >= limit) this.of(group).hot = true
    }
  }

  slots(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.list.map(({ name, slots }) => [name, slots]))
  }

  busy(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.list.map(({ busy, name }) => [name, busy]))
  }

  loads(): ReadonlyArray<GroupLoad> {
    return this.list.map(({ busy, finished, name, slots, succeeded }) => ({
      group: name,
      slots,
      busy,
      finished,
      succeeded
    }))
  }
}
