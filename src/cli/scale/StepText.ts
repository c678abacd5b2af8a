/** The width of a forecast's step in words. */
import * as HumanNumber from "../terminal/HumanNumber.ts"

export const perStep = (stepMs: number): string =>
  stepMs === 60_000
    ? "jobs per minute"
    : stepMs === 3_600_000
      ? "jobs per hour"
      : `jobs per ${HumanNumber.duration(stepMs)}`
