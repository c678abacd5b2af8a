/**
 * How many slots of a group a worker fills, out of what is proposed for it. Whoever has a say proposes, under its own
 * name and with its reason, and writes nobody else's number; this is the one place that decides.
 *
 * Some *ask*: of them the first in `askers` is followed, since who knows more of the present goes before who knew less.
 * Others *bound* what was asked: of them the smallest binds, the first in `bounders` among equals. A bound leaves at
 * least one of the slots that were asked for: work that ends is what makes room. The worker's total is decided the same
 * way.
 *
 * What says whether a worker claims at all (its lease, a drain, a suspect that runs alone), and what holds over all
 * workers (a group's limit, a pause), is no number of slots here: the worker and the store see to those.
 */
import { Schema } from "effect"

/** Those that ask while the worker runs, from who is followed first. */
export const movers = [
  /** The program, by `Worker.setSlots`. */
  "program",
  /** Bounds between which the number moves. */
  "pool",
  /** The worker's share of the scaler's target. */
  "scaler"
] as const
/** Who asks for slots while a worker runs: `program`, `pool` or `scaler`. */
export type SlotMover = (typeof movers)[number]

/** From who is followed first. */
export const askers = [
  ...movers,
  /** What was declared for the worker. */
  "declared",
  /** The group's limit, where nothing was declared. */
  "limit",
  /** Nobody said anything. */
  "default"
] as const
/** Who asks for slots: a `SlotMover`, else what was `declared`, the group's `limit`, or nobody (`default`). */
export type SlotAsker = (typeof askers)[number]

export const bounders = [
  /** The slots of all groups of the worker together. */
  "total",
  /** The memory of the worker's process. */
  "memory"
] as const
/** Who holds slots to fewer than were asked for: the worker's `total`, or its `memory`. */
export type SlotBounder = (typeof bounders)[number]

/** Slots of all groups of a worker together where fewer, or none, are declared. */
export const defaultTotalSlots = 1000

/** What somebody asks for. */
export interface SlotAsk {
  readonly slots: number
  /** In a few words, for people. */
  readonly reason: string
}

/** What somebody holds it to. */
export interface SlotBound {
  /** At most so many of those asked for. */
  readonly of: (asked: number) => number
  /** In a few words, for people. */
  readonly reason: string
}

/** What each source says; absent or undefined: nothing. */
export type SaidBy<Source extends string, Said> = { readonly [Each in Source]?: Said | undefined }

const proposal = <const Sources extends ReadonlyArray<string>>(sources: Sources) =>
  Schema.Struct({ source: Schema.Literals(sources), slots: Schema.Int, reason: Schema.String })

/** A number of slots, who asks for it and why. */
export const SlotRequest = proposal(askers)
export interface SlotRequest extends Schema.Schema.Type<typeof SlotRequest> {}

/** A number of slots, who proposed it and why. */
export const SlotProposal = proposal([...askers, ...bounders])
export interface SlotProposal extends Schema.Schema.Type<typeof SlotProposal> {}

/** How many slots a worker fills of a group, or of all together, and which proposal decides that. */
export const SlotDecision = Schema.Struct({
  /** So many are filled. */
  slots: Schema.Int,
  /** The bound that holds them lower than was asked; else what was asked. */
  by: SlotProposal,
  asked: SlotRequest
})
export interface SlotDecision extends Schema.Schema.Type<typeof SlotDecision> {}

const nothingAsked: SlotRequest = { source: "default", slots: 0, reason: "nobody asks for any" }

const followed = (asks: SaidBy<SlotAsker, SlotAsk>): SlotRequest => {
  for (const source of askers) {
    const ask = asks[source]
    if (ask !== undefined) return { source, slots: ask.slots, reason: ask.reason }
  }
  return nothingAsked
}

/** What is filled of one group, or of all together. Pure; costs a look at each source. */
export const decideSlots = (asks: SaidBy<SlotAsker, SlotAsk>, bounds: SaidBy<SlotBounder, SlotBound>): SlotDecision => {
  const asked = followed(asks)
  let by: SlotProposal = asked
  for (const source of bounders) {
    const bound = bounds[source]
    if (bound === undefined) continue
    const slots = Math.max(Math.min(1, asked.slots), bound.of(asked.slots))
    if (slots < by.slots) by = { source, slots, reason: bound.reason }
  }
  return { slots: by.slots, by, asked }
}

/** Whether it was asked for while the worker runs, rather than given with it. */
export const isMoved = ({ asked }: SlotDecision): boolean => movers.some((source) => source === asked.source)

/** Whether a bound holds it lower than was asked. */
export const isHeld = ({ asked, slots }: SlotDecision): boolean => slots < asked.slots

/** Whether it is what was declared, or the group's limit, and nothing else: what a reader knows without being told. */
export const isPlain = (decision: SlotDecision): boolean =>
  !isHeld(decision) && (decision.asked.source === "declared" || decision.asked.source === "limit")
