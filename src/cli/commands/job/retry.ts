import { retry as retryChange } from "../../JobChange.ts"
import { jobChangeCommand } from "../../JobChangeCommand.ts"

export const retry = jobChangeCommand("retry", retryChange, "Queues finished jobs again, with all their attempts.")
