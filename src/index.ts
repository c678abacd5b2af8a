/** Sluice: a durable task queue for Effect. */
export * from "./services/Alerts/index.ts"
export * from "./services/Queue/index.ts"
