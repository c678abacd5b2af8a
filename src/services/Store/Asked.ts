/**
 * Which call this is, so that it may be asked again when its answer was lost.
 *
 * A store that is told to remember calls (`remembersCalls`) keeps, for each origin and method, the number of the last
 * call that changed something, and what it was answered: asked again under the same number it changes nothing and gives
 * that answer. It does so in the transaction of the call itself, so what is lost is the answer and never the memory of
 * it.
 *
 * Who asks gives an origin one call of a method at a time, under a number greater than those before it, and asks again
 * within a day: then upkeep forgets the origin. A number that is not greater than the last one and not equal to it is a
 * late copy of a call that was answered long ago: it is refused and changes nothing.
 */
import { Context } from "effect"

export interface Asked {
  /** A random id of who asks: one for each process, or for each part of it that asks by itself. */
  readonly origin: string
  /** From 1. */
  readonly number: number
}

/** The call that a fiber makes; undefined: it is not asked again, and no store keeps its answer. */
export const Asked = Context.Reference<Asked | undefined>("sluice/services/Store/Asked", {
  defaultValue: () => undefined
})
