import { remove } from "../../JobChange.ts"
import { jobChangeCommand } from "../../JobChangeCommand.ts"

export const rm = jobChangeCommand("rm", remove, "Removes waiting and finished jobs with their logs.", [
  { command: "sluice job rm last" },
  { command: "sluice job rm --state completed --before 7d --dry-run", description: "how many it would be" }
])
