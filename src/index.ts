/** Sluice: a durable task queue for Effect. */
export * from "./services/Queue/index.ts"
