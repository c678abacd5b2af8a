/**
 * What is proposed for the slots of a worker, by group, and what is decided from it: anew with each proposal that
 * comes, changes or goes, so that asking costs nothing.
 */
import { type PressureLevel, slotsAt, totalAt } from "../../Memory/policy/MemoryPressure.ts"
import {
  decideSlots,
  type SaidBy,
  type SlotAsk,
  type SlotAsker,
  type SlotBound,
  type SlotBounder,
  type SlotDecision
} from "../policy/SlotDecision.ts"
import { memoryIntensive, undeclaredLimit } from "../ResourceGroup.ts"
import { totalSlotsOf, type WorkerOptions } from "../Worker.ts"

interface Proposed {
  readonly name: string
  asks: SaidBy<SlotAsker, SlotAsk>
  /** As the store has it. */
  limit: number
  decision: SlotDecision
}

/** A group's proposals: `decision` is always the one that holds. */
export type Decided = Readonly<Pick<Proposed, "name" | "decision">>

const ofGroup = (limit: number): SlotAsk => ({ slots: limit, reason: "the group's limit" })

export class SlotProposals {
  private readonly groups = new Map<string, Proposed>()
  private readonly wanted: WorkerOptions["slots"]
  private readonly totalAsk: SaidBy<SlotAsker, SlotAsk>
  private level: PressureLevel = "ok"
  private decidedTotal: SlotDecision

  constructor(options: Pick<WorkerOptions, "slots" | "totalSlots">) {
    this.wanted = options.slots
    const slots = totalSlotsOf(options)
    this.totalAsk =
      options.totalSlots === undefined
        ? { default: { slots, reason: "no total was declared" } }
        : { declared: { slots, reason: "declared for this worker" } }
    this.decidedTotal = decideSlots(this.totalAsk, this.memoryBound(totalAt))
  }

  /** Of the slots of all groups together. */
  get total(): SlotDecision {
    return this.decidedTotal
  }

  of(group: string): Decided {
    return this.groups.get(group) ?? this.add(group)
  }

  /** Undefined takes back what the source asked for. */
  ask(group: string, source: SlotAsker, ask: SlotAsk | undefined): void {
    const proposed = this.groups.get(group) ?? this.add(group)
    proposed.asks = { ...proposed.asks, [source]: ask }
    proposed.decision = this.decided(proposed)
  }

  /** The group's limit as the store has it now; false: it was that already. */
  limited(group: string, limit: number): boolean {
    const proposed = this.groups.get(group) ?? this.add(group)
    if (proposed.limit === limit) return false
    proposed.limit = limit
    this.ask(group, "limit", ofGroup(limit))
    return true
  }

  /** Fewer slots are filled while memory is short. */
  press(level: PressureLevel): void {
    this.level = level
    this.decidedTotal = decideSlots(this.totalAsk, this.memoryBound(totalAt))
    for (const proposed of this.groups.values()) proposed.decision = this.decided(proposed)
  }

  private add(name: string): Proposed {
    const asks = { declared: this.declared(name), limit: ofGroup(undeclaredLimit) }
    const proposed = { name, asks, limit: undeclaredLimit, decision: this.decided({ name, asks }) }
    this.groups.set(name, proposed)
    return proposed
  }

  private declared(group: string): SlotAsk | undefined {
    const own = this.wanted?.[group]
    if (own !== undefined) return { slots: typeof own === "number" ? own : own.min, reason: "declared for this worker" }
    const others = this.wanted?.["*"]
    return typeof others === "number" ? { slots: others, reason: "declared for groups not named" } : undefined
  }

  private decided({ asks, name }: Pick<Proposed, "asks" | "name">): SlotDecision {
    const isHungry = name === memoryIntensive.name
    return decideSlots(asks, {
      total: { of: () => this.decidedTotal.slots, reason: "of all groups together" },
      ...this.memoryBound((level, asked) => slotsAt(level, asked, isHungry))
    })
  }

  private memoryBound(at: (level: PressureLevel, asked: number) => number): SaidBy<SlotBounder, SlotBound> {
    const { level } = this
    return level === "ok" ? {} : { memory: { of: (asked) => at(level, asked), reason: `memory pressure is ${level}` } }
  }
}
