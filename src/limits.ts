/** `sluice/limits`: what limits jobs beside slots, units of rates outside jobs, and what another side says it takes. */
export * from "./services/Limits/index.ts"
