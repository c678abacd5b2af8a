import { retry as retryChange } from "../../JobChange.ts"
import { jobChangeCommand } from "../../JobChangeCommand.ts"

export const retry = jobChangeCommand("retry", retryChange, "Queues finished jobs again, with all their attempts.", [
  { command: "sluice job retry last" },
  { command: "sluice job retry --state failed --since 1h --yes", description: "what went wrong in the last hour" }
])
