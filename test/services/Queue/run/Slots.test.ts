import { assert, describe, it } from "@effect/vitest"
import { levels } from "../../../../src/services/Memory/policy/MemoryPressure.ts"
import { askers } from "../../../../src/services/Queue/policy/SlotDecision.ts"
import { SlotProposals } from "../../../../src/services/Queue/run/SlotProposals.ts"
import { Slots } from "../../../../src/services/Queue/run/Slots.ts"
import type { ClaimedJob, ClaimRequest } from "../../../../src/services/Store/Turn.ts"
import { seeds, SeededRandom } from "../../../support/SeededRandom.ts"

/** Only its group counts here. */
const job = (group: string) => ({ group }) as ClaimedJob

/** A worker beside a store that holds so many pending jobs by group. */
class Claiming {
  readonly proposals: SlotProposals
  readonly slots: Slots
  readonly pending: Map<string, number>
  readonly running = new Map<string, number>()
  most = 0

  constructor(options: ConstructorParameters<typeof SlotProposals>[0], pending: ReadonlyMap<string, number>) {
    this.proposals = new SlotProposals(options)
    this.slots = new Slots(this.proposals, () => undefined)
    this.pending = new Map(pending)
    for (const group of pending.keys()) this.slots.heat(group)
  }

  get inUse(): number {
    return [...this.running.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Turns until the worker asks for nothing more. */
  claim(): number {
    let turns = 0
    for (let claims = this.slots.claims(); claims.length > 0; claims = this.slots.claims(), turns++) this.answer(claims)
    this.most = Math.max(this.most, this.inUse)
    return turns
  }

  end(group: string): void {
    this.running.set(group, this.running.get(group)! - 1)
    this.slots.free(group)
  }

  private answer(claims: ReadonlyArray<ClaimRequest>): void {
    const jobs = claims.flatMap(({ group, limit }) => {
      const count = Math.min(limit, this.pending.get(group) ?? 0)
      this.pending.set(group, (this.pending.get(group) ?? 0) - count)
      return Array.from({ length: count }, () => job(group))
    })
    this.slots.answered(claims, jobs)
    for (const { group } of jobs) {
      this.slots.take(group)
      this.running.set(group, (this.running.get(group) ?? 0) + 1)
    }
  }
}

const groups = (count: number, jobs: number) =>
  new Map(Array.from({ length: count }, (_, i) => [`customer-${i}`, jobs] as const))

describe("a worker's total", () => {
  it("is shared evenly by the groups that have jobs", () => {
    const worker = new Claiming({ totalSlots: 12, slots: { "*": 10 } }, groups(4, 100))
    worker.claim()
    assert.deepStrictEqual([...worker.running.values()], [3, 3, 3, 3])
  })

  it("leaves what a group has no jobs for to the others", () => {
    const worker = new Claiming({ totalSlots: 12, slots: { "*": 10 } }, new Map([...groups(3, 1), ["busy", 100]]))
    worker.claim()
    assert.deepStrictEqual(Object.fromEntries(worker.running), {
      "customer-0": 1,
      "customer-1": 1,
      "customer-2": 1,
      busy: 9
    })
  })

  it("is 1,000, or what was declared for named groups where that is more", () => {
    const total = (options: ConstructorParameters<typeof SlotProposals>[0]) => new SlotProposals(options).total.slots
    assert.strictEqual(total({}), 1000)
    assert.strictEqual(total({ slots: { network: 600, "*": 5000 } }), 1000)
    assert.strictEqual(total({ slots: { network: 600, files: { min: 1, max: 700 } } }), 1300)
    assert.strictEqual(total({ slots: { network: 600 }, totalSlots: 7 }), 7)
  })

  it("asks for all groups in one turn while it has room for them", () => {
    const worker = new Claiming({ slots: { "*": 5 } }, groups(100, 0))
    assert.strictEqual(worker.claim(), 1)
  })

  it("starves no group: each that has jobs gets its turn before another gets its second (property)", () => {
    for (const seed of seeds(20)) {
      const random = new SeededRandom(seed)
      const count = 2 + random.below(60)
      const totalSlots = 1 + random.below(20)
      const worker = new Claiming({ totalSlots, slots: { "*": 1 + random.below(4) } }, groups(count, 1000))
      const turns = new Map<string, number>()
      worker.claim()
      for (let step = 0; step < 20 * count; step++) {
        const ending = random.pick([...worker.running].filter(([, running]) => running > 0))[0]
        const before = new Map(worker.running)
        worker.end(ending)
        worker.claim()
        for (const [group, running] of worker.running)
          if (running > (before.get(group) ?? 0) - (group === ending ? 1 : 0))
            turns.set(group, (turns.get(group) ?? 0) + 1)
      }
      const counts = [...worker.pending.keys()].map((group) => turns.get(group) ?? 0)
      assert.isAtLeast(Math.min(...counts), 1, `seed ${seed}`)
    }
  })

  it("and no group's number is passed, whoever proposes what meanwhile, and all ends (property)", () => {
    for (const seed of seeds(30)) {
      const random = new SeededRandom(seed)
      const names = Array.from({ length: 1 + random.below(30) }, (_, i) => `group-${i}`)
      const pending = new Map(names.map((name) => [name, random.below(40)]))
      const totalSlots = 1 + random.below(25)
      const worker = new Claiming({ totalSlots, slots: { "*": random.below(6) } }, pending)
      const claim = () => {
        const before = new Map(worker.running)
        worker.claim()
        for (const [group, running] of worker.running) {
          if (running <= (before.get(group) ?? 0)) continue
          assert.isAtMost(running, worker.proposals.of(group).decision.slots, `seed ${seed}`)
        }
        assert.isAtMost(worker.inUse, totalSlots, `seed ${seed}`)
      }
      for (let step = 0; step < 400; step++) {
        const name = random.pick(names)
        const roll = random.below(6)
        if (roll === 0) worker.slots.limited(name, 1 + random.below(9))
        else if (roll === 1) {
          const slots = random.chance(0.3) ? undefined : random.below(9)
          worker.proposals.ask(name, random.pick(askers), slots === undefined ? undefined : { slots, reason: "" })
        } else if (roll === 2) worker.proposals.press(random.pick(levels))
        else if ((worker.running.get(name) ?? 0) > 0) worker.end(name)
        worker.slots.heat(name)
        claim()
      }
      worker.proposals.press("ok")
      for (const name of names) worker.proposals.ask(name, "program", { slots: 2, reason: "" })
      for (let step = 0; worker.inUse > 0 || step === 0; step++) {
        worker.slots.heatAll()
        claim()
        for (const [group, running] of worker.running) if (running > 0) worker.end(group)
        claim()
      }
      assert.deepStrictEqual(
        [...worker.pending.values()].filter((count) => count > 0),
        [],
        `seed ${seed}`
      )
    }
  })
})
