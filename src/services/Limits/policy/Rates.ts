/**
 * Rates by the generic cell rate algorithm: one number per limit, the *theoretical arrival time* at which the limit
 * would be at rest again (ITU-T I.371, "Traffic control and congestion control in B-ISDN", annex A). What has started
 * moves it on by its cost; a start is allowed while it is at most the burst ahead of now. One subtraction decides for a
 * whole claim, and nothing has to be counted down meanwhile.
 */
import type { Rate } from "../GroupPolicy.ts"

/** Part of a second's units that may start at once, unless the rate says. */
const burstPart = 0.1

/** Units that may start at once after a time of rest: at least 1. */
export const burstOf = ({ burst, limit, perMs }: Rate): number =>
  burst ?? Math.max(1, Math.floor((burstPart * limit * 1_000) / perMs))

/** Milliseconds that one unit takes up. */
const unitMs = ({ limit, perMs }: Rate): number => perMs / limit

/**
 * Absorbs what a sum of fractions of milliseconds is off by. Times since 1970 in a double are exact to a quarter of a
 * microsecond.
 */
const roundingMs = 0.001

/**
 * Units that may start now, with fractions; below 0 while a start beyond the burst is paid off. `tat` in ms since 1970.
 */
export const tokens = (rate: Rate, tat: number, now: number): number =>
  burstOf(rate) - Math.max(0, tat - now - roundingMs) / unitMs(rate)

/**
 * Whether something of this cost may start now. What costs more than the burst may when the limit is at rest, and what
 * follows waits until it is paid off.
 */
export const allows = (rate: Rate, tat: number, now: number, cost: number): boolean =>
  tokens(rate, tat, now) >= Math.min(cost, burstOf(rate))

/** The theoretical arrival time after a start. */
export const charged = (rate: Rate, tat: number, now: number, cost: number): number =>
  Math.max(tat, now) + cost * unitMs(rate)

/** When something of this cost may start at the earliest, in milliseconds since 1970; it may be past. */
export const earliest = (rate: Rate, tat: number, cost: number): number =>
  tat - (burstOf(rate) - Math.min(cost, burstOf(rate))) * unitMs(rate)

/** The same, now or later. */
export const allowedAt = (rate: Rate, tat: number, now: number, cost: number): number =>
  allows(rate, tat, now, cost) ? now : earliest(rate, tat, cost)
