import { remove } from "../../JobChange.ts"
import { jobChangeCommand } from "../../JobChangeCommand.ts"

export const rm = jobChangeCommand("rm", remove, "Removes waiting and finished jobs with their logs.")
